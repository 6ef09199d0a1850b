"""Payments that can be given back, people who may, and payouts on their way."""

import datetime
import uuid
from typing import Any

from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.payments import payouts, progress
from funding.payments.banking.receiving import receive
from funding.payments.models import Match, Payment, Payout
from funding.payments.outcomes import Settlement
from funding.payments.payout_purposes import OVERPAYMENT, REFUND, pool_of_overpayment
from tests.factories.banking import make_expected, make_staff
from tests.factories.payments import make_payment, settlement, state


def card_payment(amount: int = 5_000, **changes: Any) -> Payment:
    """A payment by card that is in the books."""
    payment = make_payment(amount, **changes)
    with use_case():
        progress.apply(payment.pk, state(payment))
        progress.settle(payment.pk, settlement(payment))
    payment.refresh_from_db()
    return payment


def transfer_payment(
    amount: int = 5_000,
    currency: str = "USD",
    *,
    day: datetime.date | None = None,
    by: User | None = None,
    **changes: Any,
) -> Payment:
    """A payment by bank transfer that is in the books."""
    by = by or make_staff()
    day = day or timezone.localdate()
    expected = make_expected(amount, currency, **changes)
    with use_case():
        return receive(
            expected,
            amount=Money(amount, currency),
            paid_at=timezone.now(),
            settlement=Settlement(
                gross=amount,
                fee=0,
                currency=currency,
                date=day,
                own_key=f"test:{uuid.uuid4()}",
                place="bank",
                prepared_by=f"user:{by.pk}",
            ),
            by=by,
        )


def ask_refund(payment: Payment, by: User | None = None, **changes: Any) -> Payout:
    """A request for the refund of all that can be given back, by the way it came."""
    place = Payout.Place.CLEARING if payment.stripe_charge else Payout.Place.BANK
    values: dict[str, Any] = {
        "purpose": REFUND,
        "purpose_id": payment.pk,
        "pool": payment.pool,
        "payment": payment,
        "amount": payment.refundable,
        "place": place,
        "beneficiary": payment.payer_name,
        "beneficiary_account": "DE89 3704 0044 0532 0130 00",
        "reason": "Given by mistake.",
        "by": by or make_staff(),
    }
    if isinstance(changes.get("amount"), int):
        changes["amount"] = Money(changes["amount"], payment.currency)
    return payouts.request_payout(**{**values, **changes})


def ask_overpayment(match: Match, by: User | None = None, **changes: Any) -> Payout:
    values: dict[str, Any] = {
        "purpose": OVERPAYMENT,
        "purpose_id": match.pk,
        "pool": pool_of_overpayment(match),
        "amount": match.money,
        "place": Payout.Place.BANK,
        "beneficiary": "Ministry of Health",
        "beneficiary_account": "DE89 3704 0044 0532 0130 00",
        "reason": "Paid twice.",
        "by": by or make_staff(),
    }
    return payouts.request_payout(**{**values, **changes})


def approve(payout: Payout, *people: User) -> Payout:
    """Two people (new ones, unless named) say yes."""
    for person in people or (make_staff(), make_staff()):
        payout = payouts.decide(payout, by=person, approved=True)
    return payout


def approved_refund(payment: Payment | None = None, **changes: Any) -> Payout:
    """A refund from the bank that waits to be ordered."""
    payment = payment or transfer_payment()
    return approve(ask_refund(payment, **changes))
