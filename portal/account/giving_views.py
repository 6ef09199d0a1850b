"""A donor's own pages: gifts with their receipts, pledges with their instalments."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from funding.payments import issuer
from funding.payments.views import to_checkout
from funding.pools import instalments, pledges, queries, recurring, year_statements
from funding.pools.addresses import pool_page, pools_page
from funding.pools.donors import own_row
from funding.pools.models import Pledge
from funding.pools.views import signed_in


def _own_pledge(request: HttpRequest, reference: uuid.UUID) -> tuple[User, Pledge]:
    """The reader and their pledge, or 404: loading is authorising."""
    user = signed_in(request)
    if user is None:
        raise Http404
    return user, get_object_or_404(queries.pledges_of(user), reference=reference)


@never_cache
@login_required
@require_safe
def giving(request: HttpRequest) -> HttpResponse:
    """Everything the reader gave and promised."""
    user = signed_in(request)
    if user is None:
        raise Http404
    years = year_statements.statements_of(user)
    return render(
        request,
        "account_area/giving/overview.html",
        {
            "giving": queries.giving_of(user),
            "received": year_statements.received(years),
            "donor": own_row(user),
            "years": years,
            "pools_href": pools_page(),
        },
    )


@never_cache
@login_required
@require_safe
def pledge(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """One pledge: its terms, its instalments, and what can be done about it today."""
    _user, found = _own_pledge(request, reference)
    if found.confirmed_at is None:
        return redirect("pledge_check", code=found.pool.code, reference=reference)
    return render(
        request,
        "account_area/giving/pledge.html",
        {
            "given": queries.given_pledge(found),
            "pledge": found,
            "profile": found.pool.profile,
            "pool_href": pool_page(found.pool.code),
            "by_transfer": issuer.open_account(found.currency) is not None,
        },
    )


@login_required
@require_POST
def pay_instalment(request: HttpRequest, reference: uuid.UUID, number: int) -> HttpResponse:
    """Go and pay one instalment: by card, or learn how to send it by bank transfer."""
    user, found = _own_pledge(request, reference)
    instalment = get_object_or_404(found.instalments, number=number)
    language = get_language() or "en"
    try:
        if request.POST.get("by") == "transfer":
            expected = instalments.expect_instalment(instalment, user=user, language=language)
            return SeeOther(expected.get_absolute_url())
        payment = instalments.begin_instalment_payment(
            instalment,
            user=user,
            language=language,
            charge_later=request.POST.get("charge_later") == "yes",
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return SeeOther(reverse("giving_pledge", args=[reference]))
    return to_checkout(request, payment)


@login_required
@require_POST
def revoke_consent(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """Charge no card for this pledge any more."""
    user, found = _own_pledge(request, reference)
    instalments.revoke_consent(found, by=user)
    messages.success(
        request, _("No card is charged for this pledge any more. You pay each instalment yourself.")
    )
    return SeeOther(reverse("giving_pledge", args=[reference]))


@login_required
@require_POST
def stop_standing_order(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """Expect no more of a standing order; the donor ends it at their bank."""
    user = signed_in(request)
    if user is None:
        raise Http404
    found = get_object_or_404(queries.recurring_of(user), reference=reference)
    recurring.stop_standing_order(found, by=user)
    messages.success(request, _("We expect nothing more. End the standing order at your bank too."))
    return SeeOther(reverse("giving"))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """Withdraw an intent: say what that means, then do it by POST."""
    user, found = _own_pledge(request, reference)
    own_page = reverse("giving_pledge", args=[reference])
    if request.method == "POST":
        try:
            pledges.withdraw_pledge(found, by=user)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The pledge is withdrawn. Nothing more is asked for."))
        return SeeOther(own_page)
    if not queries.given_pledge(found).can_be_withdrawn:
        return redirect(own_page)
    return render(
        request,
        "account_area/giving/withdraw.html",
        {"pledge": found, "profile": found.pool.profile},
    )
