"""Payments in each of their states, and a handler of a purpose that belongs to the tests."""

import datetime
import itertools
import json
import time
import uuid
from typing import Any, Literal

import stripe
from django.conf import settings

from core.money import Money
from core.transactions import use_case
from funding.ledger.entries import NewEntry
from funding.ledger.models import Pool
from funding.ledger.templates import Paid
from funding.payments import outcomes
from funding.payments.checkout import open_payment
from funding.payments.invoices import BillTo, Line, issue_invoice
from funding.payments.models import Invoice, Payment
from funding.payments.money_in import entry_of
from funding.payments.outcomes import Settlement
from funding.payments.present_state import PresentState
from funding.payments.webhooks import ReceivedEvent
from tests.factories.ledger import make_pool

PURPOSE = "test"
_numbers = itertools.count(1)


class OutcomeForTests:
    """Remembers what it was told, as dues and pools would write it down."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.forget()

    def forget(self) -> None:
        self.told.clear()
        self.refuses: Exception | None = None
        self.unwanted = ""
        self.paid: Paid | Literal["too-much"] = "gift"
        self.not_earned = 0

    def describe(self, payment: Payment) -> str:
        return f"Test payment {payment.purpose_id}"

    def why_not_payable(self, payment: Payment) -> str:
        return self.unwanted

    def succeeded(self, payment: Payment) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.told.append(("succeeded", payment.purpose_id))

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        return entry_of(payment, settlement, self.paid, source=f"test:{payment.purpose_id}")

    def undone(self, payment: Payment) -> None:
        self.told.append(("undone", payment.purpose_id))

    def given_back(self, payment: Payment, amount: int) -> None:
        self.told.append((f"given back {amount}", payment.purpose_id))

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        self.told.append((f"kept {amount}", payment.purpose_id))

    def unearned(self, payment: Payment, amount: int) -> int:
        return min(amount, self.not_earned)

    def failed(self, payment: Payment) -> None:
        self.told.append(("failed", payment.purpose_id))

    def thanks_url(self, payment: Payment) -> str:
        return "/thanks/"

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        return False

    def own_url(self, payment: Payment) -> str:
        return ""


outcome = OutcomeForTests()
outcomes.register(PURPOSE, outcome)


def make_payment(
    amount: int = 5_000, currency: str = "USD", pool: Pool | None = None, **changes: Any
) -> Payment:
    """A payment that has just been asked for; no checkout page was opened yet."""
    values: dict[str, Any] = {
        "purpose": PURPOSE,
        "purpose_id": next(_numbers),
        "pool": pool or make_pool(currency=currency),
        "amount": Money(amount, currency),
        "payer_name": "Ada Payer",
        "payer_email": "ada@example.org",
        "language": "en",
    }
    with use_case():
        return open_payment(**{**values, **changes})


def make_invoice(total: int = 25_000, **changes: Any) -> Invoice:
    values: dict[str, Any] = {
        "purpose": PURPOSE,
        "purpose_id": next(_numbers),
        "bill_to": BillTo(name="Ministry of Health", address="1 Long Road\nLilongwe", country="MW"),
        "lines": [Line("Membership dues 2026", total)],
        "currency": "USD",
        "issued_on": datetime.date(2026, 3, 10),
        "due_on": datetime.date(2026, 4, 9),
    }
    values |= changes
    values["pool"] = changes.get("pool") or make_pool(currency=values["currency"])
    with use_case():
        return issue_invoice(**values)


def state(payment: Payment, standing: str = "paid", **changes: Any) -> PresentState:
    """What Stripe would say of the present attempt of a payment in USD."""
    values: dict[str, Any] = {
        "standing": standing,
        "payment": str(payment.public_id),
        "attempt": payment.attempt,
        "amount": payment.amount,
        "currency": payment.currency.lower(),
        "session": f"cs_{payment.pk}",
        "intent": f"pi_{payment.pk}",
    }
    if standing == "paid":
        values["charge"] = f"ch_{payment.pk}"
        values["paid_at"] = datetime.datetime(2026, 3, 10, 12, 0, tzinfo=datetime.UTC)
    return PresentState(**{**values, **changes})


def settlement(payment: Payment, fee: int = 175, **changes: Any) -> Settlement:
    values: dict[str, Any] = {
        "gross": payment.amount,
        "fee": fee,
        "currency": payment.currency,
        "balance_transaction": f"txn_{payment.pk}",
        "date": datetime.date(2026, 3, 10),
    }
    return Settlement(**{**values, **changes})


def event_body(kind: str, thing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An event as Stripe would post it."""
    values = {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": thing},
    }
    return {**values, **changes}


def received(kind: str, thing: dict[str, Any], **changes: Any) -> ReceivedEvent:
    body = event_body(kind, thing, **changes)
    return ReceivedEvent(body["id"], kind, body["created"], json.dumps(body))


def signature(body: bytes, *, secret: str = "", moment: int | None = None) -> str:
    """The header with which Stripe would have sent ``body``."""
    return stripe.WebhookSignature.generate_signature_header(
        body.decode(), secret or settings.STRIPE_WEBHOOK_SECRETS[0], moment
    )
