"""Changing the tier of a membership: what each tier means first, then the change by POST.

Loading is authorising, as in membership_views.py: an organisation is loaded through the reader's
seat. That only the primary contact may ask is said in words.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from funding.dues import billing, change_plan, changing
from membership import queries
from membership.models import Organisation, Tier, TierChange


def _own(request: HttpRequest, slug: str) -> tuple[User, Organisation]:
    """The reader, and an organisation in which they have a seat, or 404."""
    assert isinstance(request.user, User)
    return request.user, get_object_or_404(queries.organisations_of(request.user), slug=slug)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tiers(request: HttpRequest, slug: str) -> HttpResponse:
    """What every other tier would mean; a change that waits, which POST withdraws."""
    reader, organisation = _own(request, slug)
    if request.method == "POST":
        return _withdraw(request, organisation, reader)
    today = timezone.localdate()
    opened = change_plan.open_change(organisation)
    return render(
        request,
        "account_area/membership/tiers.html",
        {
            "organisation": organisation,
            "plans": change_plan.plans(organisation, by=reader, on=today),
            "why_not": change_plan.why_not(organisation, by=reader, on=today),
            "change": opened,
            "invoice": billing.change_invoice(opened) if opened else None,
            "may_withdraw": opened is not None and change_plan.may_ask(organisation, reader),
        },
    )


def _withdraw(request: HttpRequest, organisation: Organisation, reader: User) -> HttpResponse:
    sent = request.POST.get("change", "")
    change = get_object_or_404(
        TierChange.objects.select_related("term__organisation"),
        term__organisation=organisation,
        pk=int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 19 else 0,
    )
    try:
        changing.withdraw(change, by=reader)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The change of tier is withdrawn. Nothing changes."))
    return SeeOther(reverse("membership_area"))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tier(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """What changing to one tier means and costs; by POST it is asked for."""
    reader, organisation = _own(request, slug)
    wanted = get_object_or_404(Tier, code=code)
    if request.method == "POST":
        return _ask(request, organisation, wanted, reader)
    try:
        planned = change_plan.plan(organisation, wanted, by=reader, on=timezone.localdate())
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("membership_area")
    return render(
        request,
        "account_area/membership/tier.html",
        {"organisation": organisation, "plan": planned},
    )


def _ask(
    request: HttpRequest, organisation: Organisation, wanted: Tier, reader: User
) -> HttpResponse:
    try:
        change = changing.ask(organisation, wanted, by=reader)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return SeeOther(reverse("membership_area"))
    match change.state:
        case TierChange.State.ASKED:
            done = _("Your question is with our staff. You hear by e-mail.")
        case TierChange.State.BILLED:
            done = _("The invoice is issued. The tier changes on the day the money arrives.")
        case _state:
            done = _("The tier is changed.")
    messages.success(request, done)
    return SeeOther(reverse("membership_area"))
