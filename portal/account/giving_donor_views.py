"""What donors see and decide of themselves: names, details, years, what their money did, claims."""

import uuid
from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.responses import SeeOther
from funding.pools import claims, details, queries, visibility, year_statements
from funding.pools.addresses import pool_page
from funding.pools.forms.giver import ANONYMOUS, NAMED
from funding.pools.models import Gift, Pledge, RecurringGift
from funding.pools.refusals import GivingRefusal
from funding.pools.views import signed_in
from funding.transparency.what_it_did import PoolDid, what_it_did
from portal.account.giving_forms import ClaimForm, DetailsForm, NamingForm


def _reader(request: HttpRequest) -> User:
    user = signed_in(request)
    if user is None:
        raise Http404
    return user


# --- How each is named ----------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def name_gift(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """How one gift is named."""
    user = _reader(request)
    return _naming(request, user, get_object_or_404(queries.gifts_of(user), reference=reference))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def name_recurring(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """How the gifts to come of a recurring gift are named."""
    user = _reader(request)
    found = get_object_or_404(queries.recurring_of(user), reference=reference)
    return _naming(request, user, found)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def name_pledge(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """How one pledge is named."""
    user = _reader(request)
    return _naming(request, user, get_object_or_404(queries.pledges_of(user), reference=reference))


def _naming(request: HttpRequest, user: User, given: Gift | RecurringGift | Pledge) -> HttpResponse:
    form = NamingForm(
        request.POST or None,
        amount=given.money,
        initial={
            "naming": ANONYMOUS if given.anonymous else NAMED,
            "public_name": given.public_name or _usual_name(given),
        },
    )
    if request.method == "POST" and form.is_valid():
        try:
            visibility.show_as(given, public_name=form.cleaned_data["shown_name"], by=user)
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("The public sees it so from now on."))
            return SeeOther(reverse("giving"))
    context = {
        "form": form,
        "given": given,
        "profile": given.pool.profile,
        "recurring": isinstance(given, RecurringGift),
    }
    return render(request, "account_area/giving/naming.html", context)


def _usual_name(given: Gift | RecurringGift | Pledge) -> str:
    return given.donor.public_name or given.donor.name


def _refuse(form: Any, refusal: Refusal) -> None:
    field = refusal.field if isinstance(refusal, GivingRefusal) else None
    form.add_error(field if field in form.fields else None, str(refusal))


# --- Who they are ---------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_details(request: HttpRequest) -> HttpResponse:
    """Person or organisation, name and logo."""
    user = _reader(request)
    donor = details.own_or_new(user)
    form = DetailsForm(
        request.POST or None,
        request.FILES or None,
        has_logo=donor.logo_id is not None,
        initial={"kind": donor.kind, "name": donor.name},
    )
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        details.change_details(user, kind=values["kind"], name=values["name"])
        if values["logo"]:
            details.propose_logo(user, values["logo"])
            messages.success(request, _("Saved. The logo is shown once staff have looked at it."))
        else:
            if values.get("remove_logo"):
                details.remove_logo(user)
            messages.success(request, _("Saved."))
        return SeeOther(reverse("giving"))
    return render(request, "account_area/giving/details.html", {"form": form, "donor": donor})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest) -> HttpResponse:
    """Type the code of a letter: what staff recorded becomes the reader's."""
    user = _reader(request)
    form = ClaimForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="claim_gifts", user=user):
            form.add_error("code", _("Too many codes in an hour. Try again later."))
            return render(request, "account_area/giving/claim.html", {"form": form}, status=429)
        try:
            claims.claim(form.cleaned_data["code"], user=user)
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("What we had recorded for you stands here now."))
            return SeeOther(reverse("giving"))
    return render(request, "account_area/giving/claim.html", {"form": form})


# --- What came of it ------------------------------------------------------------------------------


@never_cache
@login_required
@require_safe
def year_statement(request: HttpRequest, year: int, currency: str) -> HttpResponse:
    """The statement of one year and currency as PDF."""
    found = year_statements.statement_of(_reader(request), year, currency)
    if found is None:
        raise Http404
    language = (get_language() or "en").split("-")[0]
    return HttpResponse(
        year_statements.year_statement_pdf(found, language),
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="gifts-{year}-{currency}.pdf"',
            "Cache-Control": "no-store, private",
        },
    )


@never_cache
@login_required
@require_safe
def did(request: HttpRequest) -> HttpResponse:
    """What the reader's money did, pool by pool."""
    found = what_it_did(_reader(request))
    context = {"pools": [_pool_as_shown(pool) for pool in found]}
    return render(request, "account_area/giving/did.html", context)


# In the order of the columns.
_KINDS = {
    "disbursed": gettext_lazy("Paid to grantees"),
    "expenses": gettext_lazy("The foundation’s own spending"),
    "fees": gettext_lazy("Fees"),
    "transfers": gettext_lazy("Moved to other pools"),
    "exchange": gettext_lazy("Lost on exchange"),
}


# Shown where there is something to show.
_SELDOM = ("transfers", "exchange")


def _pool_as_shown(pool: PoolDid) -> dict[str, Any]:
    kinds = [kind for kind in _KINDS if kind not in _SELDOM or pool.by_kind[kind].amount]
    return {
        "kinds": [_KINDS[kind] for kind in kinds],
        "title": pool.pool.profile.title,
        "href": pool_page(pool.pool.code),
        "net": pool.net,
        "used": pool.used,
        "left": pool.left,
        "total": _cells(pool.by_kind, kinds),
        "gifts": [
            {
                "given": gift.given,
                "pledge": isinstance(gift.given, Pledge),
                "net": gift.net,
                "left": gift.left,
                "cells": _cells(gift.by_kind, kinds),
            }
            for gift in pool.gifts
        ],
        "months": [(month, sums["net"], _cells(sums, kinds)) for month, sums in pool.months],
    }


def _cells(amounts: dict[str, Money], kinds: list[str]) -> list[tuple[Any, Money]]:
    return [(_KINDS[kind], amounts[kind]) for kind in kinds]
