"""Pledging in the browser: read the form, call the transition, say what it said."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from funding.pools import pledges, queries
from funding.pools.addresses import pool_page
from funding.pools.forms import PledgeForm, pledge_as_typed
from funding.pools.models import Pledge, PoolProfile
from funding.pools.views.common import closed_because, profile_of, signed_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pledge(request: HttpRequest, code: str) -> HttpResponse:
    """Pledge to a pool: the form. What it makes is a draft, to be checked and confirmed."""
    profile = profile_of(code)
    user = signed_in(request)
    if user is None:
        return render(
            request,
            "pools/pledge_sign_in.html",
            {
                "profile": profile,
                "closed": closed_because(profile),
                "pool_href": pool_page(profile.code),
                "next": urlencode({"next": request.path}),
            },
        )
    form = PledgeForm(request.POST or None, profile=profile, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            drafted = pledges.draft_pledge(
                form.giver,
                profile=profile,
                amount=form.cleaned_data["amount"],
                parts=form.cleaned_data["parts"],
                binding=form.cleaned_data["binding"] == "binding",
                condition=form.cleaned_data["condition"],
                language=get_language() or "en",
                form_token=form.cleaned_data["form_token"],
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return SeeOther(reverse("pledge_check", args=[code, drafted.reference]))
    return _pledge_form(request, profile, form, cancel_href=pool_page(profile.code))


def _pledge_form(
    request: HttpRequest, profile: PoolProfile, form: PledgeForm, *, cancel_href: str
) -> HttpResponse:
    return render(
        request,
        "pools/pledge.html",
        {
            "profile": profile,
            "form": form,
            "closed": closed_because(profile),
            "pool_href": pool_page(profile.code),
            "cancel_href": cancel_href,
        },
    )


def _own_draft(request: HttpRequest, code: str, reference: uuid.UUID) -> tuple[User, Pledge]:
    """The reader and their pledge, or 404: loading is authorising."""
    user = signed_in(request)
    if user is None:
        raise Http404
    found = get_object_or_404(queries.pledges_of(user), reference=reference, pool__code=code)
    return user, found


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check_pledge(request: HttpRequest, code: str, reference: uuid.UUID) -> HttpResponse:
    """Check the draft's answers; confirm them by POST."""
    user, drafted = _own_draft(request, code, reference)
    own_page = reverse("giving_pledge", args=[reference])
    if drafted.confirmed_at is not None:
        return redirect(own_page)
    refused = ""
    if request.method == "POST":
        try:
            pledges.confirm_pledge(drafted, by=user)
        except Refusal as refusal:
            refused = str(refusal)
        else:
            messages.success(request, _("Your pledge is confirmed. Thank you."))
            return SeeOther(own_page)
    return render(
        request,
        "pools/pledge_check.html",
        {"profile": drafted.pool.profile, "pledge": drafted, "refused": refused},
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_pledge(request: HttpRequest, code: str, reference: uuid.UUID) -> HttpResponse:
    """Change a draft: the same form, filled with it."""
    user, drafted = _own_draft(request, code, reference)
    if drafted.confirmed_at is not None:
        return redirect("giving_pledge", reference=reference)
    profile = drafted.pool.profile
    check_page = reverse("pledge_check", args=[code, reference])
    form = PledgeForm(
        request.POST or None,
        profile=profile,
        user=user,
        initial=pledge_as_typed(drafted),
    )
    if request.method == "POST" and form.is_valid():
        try:
            pledges.redraft_pledge(
                drafted,
                form.giver,
                amount=form.cleaned_data["amount"],
                parts=form.cleaned_data["parts"],
                binding=form.cleaned_data["binding"] == "binding",
                condition=form.cleaned_data["condition"],
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return SeeOther(check_page)
    return _pledge_form(request, profile, form, cancel_href=check_page)


@login_required
@require_POST
def discard_pledge(request: HttpRequest, code: str, reference: uuid.UUID) -> HttpResponse:
    """Throw a draft away."""
    _user, drafted = _own_draft(request, code, reference)
    try:
        pledges.discard_draft(drafted)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return SeeOther(reverse("giving_pledge", args=[reference]))
    messages.success(request, _("The draft is gone. Nothing was promised."))
    return SeeOther(pool_page(code))
