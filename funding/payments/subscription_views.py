"""The page of an agreement that recurs: how it stands, and what its payer can do about it.

As with a payment, the UUID is the only key: whoever has the address may look and act. Nobody is
named on it, and every act is a POST, so a mail scanner that opens links changes nothing.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from funding.payments import checkout, customers, failures, outcomes, subscriptions
from funding.payments.checkout import (
    AlreadyPaid,
    BeingConfirmed,
    CheckoutUnavailable,
    NoLongerWanted,
)
from funding.payments.models import Payment, Subscription
from funding.payments.views import LOOKS, look_of, private

Standing = Subscription.Status


def _found(public_id: uuid.UUID) -> Subscription:
    rows = Subscription.objects.select_related("pool", "customer", "card")
    return get_object_or_404(rows, public_id=public_id)


def _reader(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


@private
@require_safe
def subscription(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """How an agreement stands. Coming back from checkout proves nothing: only our rows count."""
    found = _found(public_id)
    paid = list(
        found.payments.filter(succeeded_at__isnull=False)
        .prefetch_related("receipts__credit_note")
        .order_by("-pk")[:12]
    )
    look = look_of(request)
    standing = _standing(request, found, paid, look)
    context: dict[str, Any] = {"subscription": found, "standing": standing, "payments": paid}
    if standing == "confirming":
        context["again"] = f"{request.path}?returned=1&look={look + 1}"
        context["looks_by_itself"] = look < len(LOOKS)
    if standing in (Standing.FAILING, Standing.PAUSED):
        context["reason"] = failures.sentence(found.failure_code)
    if standing in ("open", "left"):
        context["unwanted"] = checkout.why_not_payable(found)
    if "unavailable" in request.GET:
        context["unavailable"] = CheckoutUnavailable()
    outcome, payment = outcomes.outcome_of(found.purpose), subscriptions.a_payment_of(found)
    context["pool_url"], context["own_url"] = outcome.thanks_url(payment), outcome.own_url(payment)
    response = render(request, "payments/subscription.html", context)
    if context.get("looks_by_itself"):
        response["Refresh"] = f"{LOOKS[look]}; url={context['again']}"
    return response


def _standing(request: HttpRequest, found: Subscription, paid: list[Payment], look: int) -> str:
    """How the page tells it: our own status, but for one that is on its way to its beginning."""
    if found.status == Standing.PENDING:
        if "returned" in request.GET:
            return "confirming"
        return "left" if "left" in request.GET else "open"
    if found.status == Standing.ACTIVE and not paid:
        return "confirming" if "returned" in request.GET else "begun"
    if found.status == Standing.ACTIVE and "returned" in request.GET:
        return "thanks"
    return found.status


@private
@require_POST
def begin(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Go (again) to the checkout page on which the agreement begins."""
    return to_checkout(request, _found(public_id))


def to_checkout(request: HttpRequest, found: Subscription) -> HttpResponse:
    """Send the payer to the checkout page, or say on the agreement's own page why not.

    For every view that has just committed a subscription; runs outside any transaction.
    """
    page = found.get_absolute_url()
    try:
        address = checkout.begin_checkout(found)
    except (AlreadyPaid, BeingConfirmed):
        address = f"{page}?returned=1"
    except NoLongerWanted:
        address = page  # which says why
    except CheckoutUnavailable:
        address = f"{page}?unavailable=1"
    return HttpResponse(status=303, headers={"Location": address})


@private
@require_POST
def card(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Go to Stripe's own page, where the card is replaced."""
    found = _found(public_id)
    page = found.get_absolute_url()
    try:
        address = customers.portal_address(
            subscriptions.customer_of(found),
            return_url=settings.SITE_URL + page,
            language=found.language,
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        address = page
    return HttpResponse(status=303, headers={"Location": address})


@private
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """End the agreement: say what that means, then do it by POST."""
    found = _found(public_id)
    if found.status == Standing.ENDED:
        return SeeOther(found.get_absolute_url())
    if request.method != "POST":
        return render(request, "payments/subscription_end.html", {"subscription": found})
    ended = subscriptions.cancel(
        found, by=_reader(request), at_once=request.POST.get("when") != "later"
    )
    if ended.status == Standing.ENDED:
        messages.success(request, _("It has ended. Nothing more is charged. Thank you."))
    else:
        messages.success(request, _("It ends with the time that is paid. Thank you."))
    return SeeOther(found.get_absolute_url())


@private
@require_POST
def resume(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Go on with a paused agreement."""
    return _do(
        request,
        _found(public_id),
        subscriptions.resume,
        _("It goes on. The next payment is charged on its day."),
    )


@private
@require_POST
def try_again(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Try the payment that failed, now."""
    return _do(
        request,
        _found(public_id),
        subscriptions.try_again,
        _("The payment is being tried again. Look here again in a minute."),
    )


def _do(
    request: HttpRequest, found: Subscription, verb: Callable[..., object], done: str
) -> HttpResponse:
    try:
        verb(found, by=_reader(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return SeeOther(found.get_absolute_url())
