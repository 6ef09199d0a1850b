"""The two purposes of payouts that payments has itself: refunds, and overpayments given back."""

import datetime
from dataclasses import replace
from typing import Any, cast

from django.db.models import Sum
from django.utils import timezone

from core.mail import enqueue_mail
from core.money import Money
from core.transactions import inside_transaction
from funding.ledger import templates
from funding.ledger.entries import NewEntry, person
from funding.ledger.models import Pool
from funding.ledger.templates import Place
from funding.payments import credit_notes, money_back, outcomes, payouts, progress
from funding.payments import payout_refusals as refusals
from funding.payments.models import Match, Payment, Payout, Refund

REFUND = "refund"
OVERPAYMENT = "overpayment"


class RefundOfPayment:
    """``purpose_id`` is the payment. By the processor its own word settles it (refunds.py); from
    the bank the payout's reference does, and this makes the refund's row."""

    def lock(self, purpose_id: int) -> None:
        progress.lock(purpose_id)

    def check(self, payout: Payout) -> None:
        payment = Payment.objects.get(pk=payout.purpose_id)
        if payment.entry_id is None:
            raise refusals.NotInTheBooks
        if payout.currency != payment.currency:
            raise refusals.OtherCurrency(currency=payment.currency)
        if payout.place == Payout.Place.CLEARING and not payment.stripe_charge:
            raise refusals.NotPaidByProcessor
        if payout.place == Payout.Place.BANK and payment.settled_currency != payment.currency:
            raise refusals.SettledInAnotherCurrency(
                currency=payment.currency, settled=payment.settled_currency
            )
        asked = payouts.open_requests(REFUND, payment.pk, besides=payout)
        left = max(0, payment.refundable.amount - asked)
        if payout.amount > left:
            raise refusals.TooMuch(
                left=Money(left, payment.currency).format(),
                came=payment.money.format(),
                back=payment.refunded.format(),
                held=payment.disputed.format(),
                asked=Money(asked, payment.currency).format(),
            )

    def preview(self, payout: Payout, date: datetime.date) -> NewEntry | None:
        payment = Payment.objects.select_related("pool").get(pk=payout.purpose_id)
        if payment.entry_id is None or payment.settled_currency != payout.currency:
            return None
        return money_back.refund_entry(
            payment,
            amount=payout.amount,
            currency=payout.currency,
            key=f"payout:{payout.public_id}:paid",
            date=date,
            place=cast(Place, payout.place),
        )

    def entry(self, payout: Payout, *, key: str, date: datetime.date) -> NewEntry:
        made = self.preview(payout, date)
        if made is None:
            raise refusals.NotInTheBooks
        return replace(made, key=key, **_people(payout))

    def sent(self, payout: Payout) -> None:
        """The refund's own row says how it stands."""

    def paid(self, payout: Payout) -> None:
        if payout.place != Payout.Place.BANK:
            return
        payment = Payment.objects.select_related("pool").get(pk=payout.purpose_id)
        now = timezone.now()
        Refund.objects.create(
            payment=payment,
            payout=payout,
            amount=payout.amount,
            currency=payout.currency,
            status=Refund.Status.SUCCEEDED,
            entry_id=payout.entry_id,
            created_at=now,
            told_at=now,
        )
        outcomes.outcome_of(payment.purpose).given_back(payment, payout.amount)
        credit_notes.after_refund(payment)
        tell_paid_back(payment, payout)

    def failed(self, payout: Payout) -> None:
        if payout.place != Payout.Place.BANK:
            return
        refund = Refund.objects.filter(payout=payout, status=Refund.Status.SUCCEEDED).first()
        if refund is None:  # it was never paid
            return
        payment = Payment.objects.select_related("pool").get(pk=payout.purpose_id)
        refund.status = Refund.Status.FAILED
        refund.failure = payout.failure[:200]
        refund.taken_back_at = timezone.now()
        refund.save()
        outcomes.outcome_of(payment.purpose).kept_after_all(payment, payout.amount)
        credit_notes.after_refund(payment)


@inside_transaction
def tell_paid_back(payment: Payment, payout: Payout) -> None:
    """Write to the payer that money went back to their bank, where they gave an address."""
    if not payment.payer_email:
        return
    enqueue_mail(
        "payments_paid_back",
        payment.payer_email,
        payment.language,
        {
            "name": payment.payer_name,
            "description": payment.description,
            "amount": payout.money.format(payment.language),
            "reference": payout.bank_reference,
            "path": payment.get_absolute_url(),
        },
        about=f"payout:{payout.pk}",
    )


class OverpaymentGivenBack:
    """``purpose_id`` is the match of a bank line that says money is owed back."""

    def lock(self, purpose_id: int) -> None:
        Match.objects.select_for_update(of=("self",)).get(pk=purpose_id)

    def check(self, payout: Payout) -> None:
        match = Match.objects.select_related("line__statement__account").get(pk=payout.purpose_id)
        if match.kind != Match.Kind.OWED_BACK or match.undone_at or match.entry_id is None:
            raise refusals.NotInTheBooks
        if payout.currency != match.line.currency:
            raise refusals.OtherCurrency(currency=match.line.currency)
        if payout.place != Payout.Place.BANK:
            raise refusals.OnlyByBank
        asked = payouts.open_requests(OVERPAYMENT, match.pk, besides=payout)
        back = paid_out(OVERPAYMENT, match.pk)
        left = max(0, match.amount - back - asked)
        if payout.amount > left:
            raise refusals.TooMuch(
                **{
                    name: Money(amount, payout.currency).format()
                    for name, amount in (
                        ("left", left),
                        ("came", match.amount),
                        ("back", back),
                        ("held", 0),
                        ("asked", asked),
                    )
                }
            )

    def preview(self, payout: Payout, date: datetime.date) -> NewEntry | None:
        match = Match.objects.select_related("entry").get(pk=payout.purpose_id)
        return templates.overpayment_given_back(
            key=f"payout:{payout.public_id}:paid",
            pool=payout.pool.code,
            currency=payout.currency,
            amount=payout.amount,
            date=date,
            # About the same as the entry by which it came.
            source=match.entry.source if match.entry else f"payout:{payout.public_id}",
        )

    def entry(self, payout: Payout, *, key: str, date: datetime.date) -> NewEntry:
        made = self.preview(payout, date)
        assert made is not None
        return replace(made, key=key, **_people(payout))

    def sent(self, payout: Payout) -> None:
        """Nobody waits for this."""

    def paid(self, payout: Payout) -> None:
        """What is owed back is read from the ledger and from these payouts."""

    def failed(self, payout: Payout) -> None:
        """It is owed again, since this payout does not count any more."""


def pool_of_overpayment(match: Match) -> Pool:
    """The pool whose books owe the money back, as the match's own entry says."""
    assert match.entry is not None
    owed = match.entry.postings.select_related("pool").get(account__code="credits-payable")
    return owed.pool


def still_owed(match: Match) -> Money:
    """What of an overpayment is neither given back nor asked to be."""
    gone = paid_out(OVERPAYMENT, match.pk) + payouts.open_requests(OVERPAYMENT, match.pk)
    return Money(max(0, match.amount - gone), match.line.currency)


def paid_out(purpose: str, purpose_id: int) -> int:
    """Minor units paid out for a subject."""
    paid = Payout.objects.filter(
        purpose=purpose, purpose_id=purpose_id, status=Payout.Status.PAID
    ).aggregate(sum=Sum("amount"))
    return paid["sum"] or 0


def _people(payout: Payout) -> dict[str, Any]:
    """Who asked and who agreed, as the entry keeps them."""
    agreed = payout.decisions.filter(approved=True).order_by("pk").values_list("by_id", flat=True)
    return {
        "prepared_by": person(payout.requested_by_id),
        "approved_by": tuple(person(user_id) for user_id in agreed),
    }


def register() -> None:
    payouts.register(REFUND, RefundOfPayment())
    payouts.register(OVERPAYMENT, OverpaymentGivenBack())
