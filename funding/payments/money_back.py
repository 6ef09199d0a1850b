"""The one place that turns "this payment goes back" into a posting template."""

import datetime
from collections.abc import Mapping
from typing import Literal

from django.db.models import Q

from funding.ledger import templates
from funding.ledger.entries import FigureLine, Line, NewEntry
from funding.ledger.models import Entry
from funding.ledger.templates import About, Paid, Place
from funding.payments.models import Payment
from funding.payments.models.papers import APPLIED
from funding.payments.outcomes import outcome_of

# What a payment paid stands in its own entry: the account that it credited.
_PAID: Mapping[str, Paid | Literal["too-much"]] = {
    "contributions": "gift",
    "contributions-receivable": "instalment",
    "dues-receivable": "dues",
    "credits-payable": "too-much",
}


class NotInTheBooks(RuntimeError):
    """A payment is to be taken back before its own entry stands: wait for that."""


def paid_by(payment: Payment) -> Paid | Literal["too-much"]:
    """What the payment paid, as its own entry says. Raises NotInTheBooks.

    Owed back first and used for its invoice since, it paid dues.
    """
    if payment.entry is None:
        raise NotInTheBooks(f"Payment {payment.public_id} is not in the books yet.")
    if applied(payment) is not None:
        return "dues"
    credited = payment.entry.postings.filter(
        pool=payment.pool, amount__lt=0, account__code__in=_PAID
    ).values_list("account__code", flat=True)
    return _PAID[credited.get()]


def applied(payment: Payment) -> Entry | None:
    """The entry that uses an owed-back payment for its invoice, where there is one."""
    return Entry.objects.filter(idempotency_key=f"{APPLIED}{payment.public_id}").first()


def left_of(payment: Payment) -> int:
    """What the books have left of a payment: less refunds they told of, and disputes lost.

    A dispute that is still open takes nothing yet, nor does a refund that is not booked.
    """
    refunds = payment.refunds.filter(told_at__isnull=False, taken_back_at=None)
    gone = Q(outcome="lost") | Q(status__startswith="appeal_")  # until the appeal is won
    lost = payment.disputes.filter(gone, inquiry=False)
    back = sum(refunds.values_list("amount", flat=True))
    back += sum(lost.values_list("amount", flat=True))
    return max(0, payment.amount - back)


def refund_entry(
    payment: Payment,
    *,
    amount: int,
    currency: str,
    key: str,
    date: datetime.date,
    place: Place,
    given: int | None = None,
    memo: str = "",
    prepared_by: str = "",
    approved_by: tuple[str, ...] = (),
) -> NewEntry:
    """The entry of a refund: what the payment paid is taken back, of dues the unearned part first.

    ``amount`` is in the currency of the books, ``given`` the same in the payment's currency where
    that is another. Ask for it before the outcome is told. Raises NotInTheBooks.
    """
    about = _about(payment, currency, key, date, memo)
    about["prepared_by"], about["approved_by"] = prepared_by, approved_by
    paid = paid_by(payment)
    if paid == "too-much":
        return templates.overpayment_given_back(amount=amount, place=place, **about)
    unearned = _unearned(payment, paid, amount, given)
    return templates.refunded(amount=amount, paid=paid, place=place, unearned=unearned, **about)


def dispute_lost_entry(
    payment: Payment,
    *,
    amount: int,
    currency: str,
    key: str,
    date: datetime.date,
    given: int | None = None,
) -> NewEntry:
    """The entry of a lost dispute: as a refund, from the disputed funds. Raises NotInTheBooks."""
    about = _about(payment, currency, key, date)
    paid = paid_by(payment)
    if paid == "too-much":
        return templates.overpayment_disputed_lost(amount=amount, **about)
    unearned = _unearned(payment, paid, amount, given)
    return templates.dispute_lost(amount=amount, paid=paid, unearned=unearned, **about)


def appeal_won_entry(
    payment: Payment,
    lost: Entry,
    *,
    amount: int,
    currency: str,
    key: str,
    date: datetime.date,
) -> NewEntry:
    """The entry of a dispute that was lost and is won after all.

    Of dues as much is unearned again as ``lost`` took from there, no more.
    """
    taken = -sum(lost.figures.filter(name="paid_ahead").values_list("amount", flat=True))
    about = _about(payment, currency, key, date)
    paid = paid_by(payment)
    return templates.dispute_won_on_appeal(
        amount=amount, paid=paid, unearned=min(amount, taken), **about
    )


def booked(entry: Entry) -> NewEntry:
    """An entry of the books as plain data, for `templates.failed_later`."""
    return NewEntry(
        key=entry.idempotency_key,
        kind=entry.kind,
        date=entry.effective_date,
        memo=entry.memo,
        source=entry.source,
        lines=tuple(
            Line(row.pool.code, row.account.code, row.currency, row.amount)
            for row in entry.postings.select_related("pool", "account")
        ),
        figures=tuple(
            FigureLine(row.pool.code, row.currency, row.name, row.amount)
            for row in entry.figures.select_related("pool")
        ),
    )


def _about(payment: Payment, currency: str, key: str, date: datetime.date, memo: str = "") -> About:
    return {
        "key": key,
        "pool": payment.pool.code,
        "currency": currency,
        "date": date,
        "source": payment.entry.source if payment.entry else f"payment:{payment.public_id}",
        "memo": memo,
    }


def _unearned(payment: Payment, paid: Paid, amount: int, given: int | None) -> int:
    if paid != "dues":
        return 0
    if given is None:
        return min(amount, outcome_of(payment.purpose).unearned(payment, amount))
    # In the proportion in which the payer's currency was exchanged; what is left is earned.
    return amount * outcome_of(payment.purpose).unearned(payment, given) // given
