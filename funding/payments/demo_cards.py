"""Card payments of the demo's past: the portal's side of them, and what the sandbox is told.

The demo tells of months, and no card can be charged in the past. So both sides are written down as
they would stand, by the same ids, and a reconciliation finds that they agree.
"""

import datetime
from typing import Any

from django.utils import timezone

from core.transactions import use_case
from funding.payments import progress
from funding.payments.models import Payment
from funding.payments.outcomes import Settlement
from funding.payments.present_state import PresentState
from funding.payments.stripe_units import to_stripe

DEMO = "_demo_"


def pay_by_card(payment: Payment, paid_at: datetime.datetime) -> bool:
    """Let the payment succeed and settle as Stripe would have told it. False: it was paid."""
    if payment.is_paid:
        return False
    amount, currency = to_stripe(payment.money)
    name = payment.public_id.hex
    with use_case():
        progress.apply(
            payment.pk,
            PresentState(
                standing="paid",
                payment=str(payment.public_id),
                attempt=payment.attempt,
                amount=amount,
                currency=currency,
                intent=f"pi{DEMO}{name}",
                charge=f"ch{DEMO}{name}",
                paid_at=paid_at,
            ),
        )
        progress.settle(
            payment.pk,
            Settlement(
                gross=payment.amount,
                # 2.9 per cent and 0.30, as the processor's list says, rounded half up.
                fee=(payment.amount * 29 + 500) // 1000 + 30,
                currency=payment.currency,
                balance_transaction=f"txn{DEMO}{name}",
                date=timezone.localdate(paid_at),
            ),
        )
    return True


def history() -> list[dict[str, Any]]:
    """The card payments above as the sandbox's flag ``--history`` takes them, oldest first."""
    found = Payment.objects.filter(stripe_charge__startswith=f"ch{DEMO}").order_by("succeeded_at")
    return [_told(payment) for payment in found]


def _told(payment: Payment) -> dict[str, Any]:
    assert payment.succeeded_at is not None
    amount, currency = to_stripe(payment.money)
    return {
        "payment_intent": payment.stripe_intent,
        "charge": payment.stripe_charge,
        "balance_transaction": payment.stripe_balance_transaction,
        "amount": amount,
        "currency": currency,
        "created": int(payment.succeeded_at.timestamp()),
        "description": payment.description,
        "name": payment.payer_name,
        "email": payment.payer_email,
        "metadata": {"payment": str(payment.public_id), "attempt": str(payment.attempt)},
    }
