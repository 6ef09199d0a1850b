"""What Stripe would have said of a simulated payment, as its own library's objects."""

import datetime

import stripe
from django.utils import timezone

from core.transactions import use_case
from funding.payments import disputes, processor_books, progress, refunds
from funding.payments.models import Payment, Payout, ProcessorTransaction
from funding.payments.outcomes import Settlement
from funding.payments.present_state import PresentState
from funding.payments.stripe_units import to_stripe

DISPUTE_FEE = 15  # major units


class Processor:
    """Stands for Stripe towards the payments' own functions. Ids are counted, so that a seed makes
    the same ones."""

    def __init__(self) -> None:
        self.count = 0

    def _id(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}_simulated_{self.count:08d}"

    def pay(self, payment: Payment) -> None:
        """The donor paid by card, and the charge's balance transaction exists."""
        now = timezone.now()
        amount, currency = to_stripe(payment.money)
        with use_case():
            progress.apply(
                payment.pk,
                PresentState(
                    standing="paid",
                    payment=str(payment.public_id),
                    attempt=payment.attempt,
                    amount=amount,
                    currency=currency,
                    intent=self._id("pi"),
                    charge=self._id("ch"),
                    paid_at=now,
                ),
            )
            progress.settle(
                payment.pk,
                Settlement(
                    gross=payment.amount,
                    fee=min(payment.amount, (payment.amount * 29 + 500) // 1000),
                    currency=payment.currency,
                    balance_transaction=self._id("txn"),
                    date=timezone.localdate(now),
                ),
            )

    def refund(self, payout: Payout) -> None:
        """An approved refund was asked for and made."""
        payment = payout.payment
        assert payment is not None
        name = self._id("re")
        told = stripe.Refund.construct_from(
            {
                "id": name,
                "object": "refund",
                "amount": to_stripe(payout.money)[0],
                "currency": payout.currency.lower(),
                "charge": payment.stripe_charge,
                "payment_intent": payment.stripe_intent,
                "created": _seconds(),
                "status": "succeeded",
                "metadata": {"payout": str(payout.public_id)},
                "balance_transaction": self._line(
                    payment, -to_stripe(payout.money)[0], name, "refund", "refund"
                ),
            },
            key=None,
        )
        with use_case():
            refunds.apply(refunds.Seen(payment, [told]))
        self._book(name)

    def dispute(self, payment: Payment, ending: str = "") -> None:
        """The payer's bank takes the money, and later gives it back (``won``) or not (``lost``)."""
        name = f"dp_simulated_{payment.pk}"
        amount = to_stripe(payment.money)[0]
        lines = []
        if not ending:
            lines = [self._line(payment, -amount, name, "adjustment", "dispute")]
        elif ending == "won":
            lines = [self._line(payment, amount, name, "adjustment", "dispute_reversal")]
        told = stripe.Dispute.construct_from(
            {
                "id": name,
                "object": "dispute",
                "amount": amount,
                "currency": payment.currency.lower(),
                "charge": payment.stripe_charge,
                "payment_intent": payment.stripe_intent,
                "created": _seconds(),
                "reason": "fraudulent",
                "status": ending or "needs_response",
                "evidence_details": None,
                "balance_transactions": lines,
                "metadata": {},
            },
            key=None,
        )
        with use_case():
            disputes.apply(disputes.Seen(payment, told))
        self._book(name)
        if ending == "lost":
            found = payment.disputes.get(stripe_dispute=name)
            disputes.book_lost(found.pk)

    def _line(
        self, payment: Payment, amount: int, source: str, kind: str, category: str
    ) -> dict[str, object]:
        return {
            "id": self._id("txn"),
            "object": "balance_transaction",
            "type": kind,
            "reporting_category": category,
            "amount": amount,
            "fee": 0,
            "net": amount,
            "currency": payment.currency.lower(),
            "source": source,
            "created": _seconds(),
            "available_on": _seconds(),
        }

    def _book(self, source: str) -> None:
        waiting = ProcessorTransaction.objects.filter(source=source, entry=None)
        for number in waiting.values_list("pk", flat=True):
            processor_books.book(number)


def _seconds() -> int:
    return int(timezone.now().astimezone(datetime.UTC).timestamp())
