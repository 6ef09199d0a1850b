"""What Stripe says now of an agreement that recurs and of one invoice of it, in our words."""

import datetime
from dataclasses import dataclass

import stripe

from funding.payments import present_state
from funding.payments.customers import CardSeen, read_card
from funding.payments.models import Channel
from funding.payments.stripe_client import client

# Stripe's words for an agreement that charges no more, and for one whose first payment is open.
OVER = ("canceled", "incomplete_expired")
NOT_BEGUN = ("incomplete", "incomplete_expired")


@dataclass(frozen=True, slots=True)
class Agreement:
    """A subscription at Stripe. ``ours``: the public id of our row, as our metadata names it."""

    stripe_id: str
    ours: str
    over: bool
    begun: bool
    paused: bool
    card: CardSeen | None
    next_on: datetime.date | None
    ends_on: datetime.date | None


@dataclass(frozen=True, slots=True)
class Bill:
    """One invoice of an agreement. ``paid`` and ``currency`` are Stripe's own units and code;
    ``failure`` is the code of the last try that did not succeed."""

    stripe_id: str
    agreement: str
    status: str
    paid: int
    currency: str
    intent: str | None = None
    charge: str | None = None
    paid_at: datetime.datetime | None = None
    channel: Channel = Channel.CARD
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """An agreement as it stands, with the invoice that was asked about, or its latest one."""

    agreement: Agreement | None
    bill: Bill | None = None


def of_session(session_id: str) -> Seen | None:
    """What a checkout session began; None where it begins nothing that recurs.

    Raises stripe.StripeError.
    """
    session = client().v1.checkout.sessions.retrieve(session_id)
    if session.mode != "subscription":
        return None
    if not session.subscription:
        return Seen(None)
    return of_subscription(_id(session.subscription))


def of_subscription(stripe_id: str, invoice_id: str = "") -> Seen:
    """An agreement and its invoice. Raises stripe.StripeError."""
    found = client().v1.subscriptions.retrieve(stripe_id, {"expand": ["default_payment_method"]})
    invoice_id = invoice_id or (_id(found.latest_invoice) if found.latest_invoice else "")
    return Seen(_agreement(found), of_invoice(invoice_id) if invoice_id else None)


def of_invoice(invoice_id: str) -> Bill:
    """One invoice, with the charge that paid it or the failure that did not.

    Raises stripe.StripeError.
    """
    invoice = client().v1.invoices.retrieve(invoice_id)
    bill = Bill(
        stripe_id=invoice_id,
        agreement=agreement_of(invoice),
        status=invoice.status or "draft",
        paid=invoice.amount_paid,
        currency=invoice.currency,
    )
    intent_id = _intent_of(invoice_id)
    if intent_id is None:
        return bill
    state = present_state.of_intent(intent_id)
    if bill.status == "paid":
        return Bill(
            stripe_id=bill.stripe_id,
            agreement=bill.agreement,
            status=bill.status,
            paid=bill.paid,
            currency=bill.currency,
            intent=state.intent,
            charge=state.charge,
            paid_at=state.paid_at,
            channel=state.channel,
        )
    failure = state.failure[0] if state.failure and state.standing != "processing" else ""
    return Bill(
        stripe_id=bill.stripe_id,
        agreement=bill.agreement,
        status=bill.status,
        paid=bill.paid,
        currency=bill.currency,
        intent=intent_id,
        failure=failure,
    )


def agreement_of(invoice: stripe.Invoice) -> str:
    """The id of the subscription that an invoice bills; "" for an invoice of something else."""
    details = getattr(invoice.parent, "subscription_details", None)
    return _id(details.subscription) if details is not None else ""


def _intent_of(invoice_id: str) -> str | None:
    """The payment intent that paid an invoice, else the one that is to pay it.

    Neither names the other any more: the link is an object of its own.
    """
    links = client().v1.invoice_payments.list({"invoice": invoice_id, "limit": 100})
    intents = {
        link.status: _id(link.payment.payment_intent)
        for link in links.auto_paging_iter()
        if link.payment.type == "payment_intent" and link.payment.payment_intent
    }
    return intents.get("paid") or intents.get("open")


def _agreement(found: stripe.Subscription) -> Agreement:
    ends = [item.current_period_end for item in found["items"].data]
    next_on = _day(min(ends)) if ends else None
    ends_on = None
    if found.cancel_at:
        ends_on = _day(found.cancel_at)
    elif found.cancel_at_period_end:
        ends_on = next_on
    over = found.status in OVER
    return Agreement(
        stripe_id=found.id,
        ours=present_state.mapping(found.metadata).get("subscription", ""),
        over=over,
        begun=found.status not in NOT_BEGUN,
        paused=found.pause_collection is not None,
        card=read_card(found.default_payment_method),
        next_on=None if over else next_on,
        ends_on=ends_on,
    )


def _id(thing: object) -> str:
    """The id of what may be expanded or not."""
    return thing if isinstance(thing, str) else str(getattr(thing, "id", ""))


def _day(timestamp: int) -> datetime.date:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).date()
