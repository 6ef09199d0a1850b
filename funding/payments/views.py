"""Stripe's door (the webhook), and the page of one payment; those of papers are in paper_views.py.

A UUID is the only key to these pages, so they show no more than the paper needs, are not indexed
and are kept by no cache.
"""

import functools
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException, UnreadablePostError
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core.money import Money
from funding.payments import credit_notes, failures, inbox, outcomes, webhooks
from funding.payments.checkout import (
    AlreadyPaid,
    BeingConfirmed,
    CheckoutUnavailable,
    NoLongerWanted,
    begin_checkout,
)
from funding.payments.models import Payment, Receipt, Status, StripeEvent

P = ParamSpec("P")

# After checkout the page looks again by itself, in these seconds, and then stops: a minute in all.
LOOKS = (2, 2, 3, 4, 6, 8, 12, 20)


# --- Stripe's door --------------------------------------------------------------------------------


@csrf_exempt
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Take a signed event into the inbox. A replay is answered like the first delivery."""
    if request.method != "POST":
        return _plain("Only POST.", 405, Allow="POST")
    if request.content_type != "application/json":
        return _plain("Send application/json.", 415)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > webhooks.LARGEST_BODY:
        return _plain("The body is too large.", 413)
    try:
        body = request.body
    except (UnreadablePostError, RawPostDataException):
        return _plain("The body could not be read.", 400)
    try:
        webhooks.verify(
            body,
            request.headers.get("Stripe-Signature", ""),
            settings.STRIPE_WEBHOOK_SECRETS,
        )
        event = webhooks.read(body)
    except (webhooks.Forged, webhooks.NotAnEvent) as error:
        return _plain(str(error), 400)
    inbox.receive(event, StripeEvent.Source.WEBHOOK)
    return _plain("Received.", 200)


def _plain(text: str, status: int, **headers: str) -> HttpResponse:
    return HttpResponse(
        f"{text}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers
    )


# --- Pages ----------------------------------------------------------------------------------------


def private(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Mark a page that belongs to one reader: no cache keeps it, no search engine lists it."""

    @never_cache
    @functools.wraps(view)
    def marked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex"
        return response

    return marked


@private
@require_safe
def payment(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """How a payment stands. Coming back from checkout proves nothing: only our row counts."""
    found = get_object_or_404(Payment.objects.select_related("pool"), public_id=public_id)
    look = look_of(request)
    standing = _standing(request, found, look)
    context: dict[str, Any] = {"payment": found, "standing": standing}
    if standing == "paid":
        context["kept"] = Money(credit_notes.kept_of(found), found.currency)
        context["receipt"] = _receipt_of(found)
        outcome = outcomes.outcome_of(found.purpose)
        context["thanks_url"] = outcome.thanks_url(found)
        context["own_url"] = outcome.own_url(found)
    elif standing == "undone":
        context["receipt"] = _receipt_of(found)
    elif standing == "confirming":
        again = f"{request.path}?returned=1&look={look + 1}"
        context["again"] = again
        context["looks_by_itself"] = look < len(LOOKS)
    elif standing == "failed":
        context["reason"] = failures.sentence(found.failure_code)
    if standing != "paid" and found.can_be_tried:
        context["unwanted"] = outcomes.outcome_of(found.purpose).why_not_payable(found)
    if "unavailable" in request.GET:
        context["unavailable"] = CheckoutUnavailable()
    response = render(request, "payments/payment.html", context)
    if context.get("looks_by_itself"):
        response["Refresh"] = f"{LOOKS[look]}; url={context['again']}"
    return response


def _receipt_of(payment: Payment) -> Receipt | None:
    """The receipt that stands; of a payment that went back whole the last one, which says so."""
    receipts = list(payment.receipts.select_related("credit_note").order_by("-pk"))
    standing = (receipt for receipt in receipts if receipt.voided_by is None)
    return next(standing, receipts[0] if receipts else None)


def _standing(request: HttpRequest, found: Payment, look: int) -> str:
    """paid, undone, confirming, failed, left (the checkout page) or open, as the page tells it."""
    if found.is_paid:
        return "paid"
    if found.status == Status.UNDONE:
        return "undone"
    if found.status == Status.PROCESSING:
        return "confirming"
    if "returned" in request.GET and (found.status == Status.PENDING or look < len(LOOKS)):
        # A declined card may have been followed by a good one whose event is on its way.
        return "confirming"
    if found.status == Status.FAILED:
        return "failed"
    return "left" if "left" in request.GET else "open"


def look_of(request: HttpRequest) -> int:
    """How often the page that waits for a confirmation has looked by itself."""
    text = request.GET.get("look", "0")
    return min(int(text), len(LOOKS)) if text.isdecimal() and len(text) < 4 else 0


@private
@require_POST
def pay(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Go (again) to the checkout page of a payment."""
    return to_checkout(request, get_object_or_404(Payment, public_id=public_id))


def to_checkout(request: HttpRequest, payment: Payment) -> HttpResponse:
    """Send the payer to the checkout page, or say on the payment's own page why not.

    For every view that has just committed a payment; runs outside any transaction.
    """
    try:
        address = begin_checkout(payment)
    except (AlreadyPaid, BeingConfirmed):
        address = f"{payment.get_absolute_url()}?returned=1"
    except NoLongerWanted:
        address = payment.get_absolute_url()  # which says why
    except CheckoutUnavailable:
        address = f"{payment.get_absolute_url()}?unavailable=1"
    return HttpResponse(status=303, headers={"Location": address})
