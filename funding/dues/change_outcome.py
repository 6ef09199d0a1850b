"""What a payment of a change of tier means: the term has its new tier."""

import datetime

from django.utils import timezone
from django.utils.translation import gettext

from funding.dues import changing, crediting, earning, jobs
from funding.ledger.entries import NewEntry
from funding.payments import money_back, problems, progress
from funding.payments.models import Invoice, Payment
from funding.payments.money_back import paid_by
from funding.payments.money_in import entry_of
from funding.payments.outcomes import Settlement
from membership import tier_changes
from membership.links import path_in
from membership.models import Term, TierChange


class ChangeOutcome:
    """The handler of the purpose "dues-change"; ``purpose_id`` is the change."""

    def describe(self, payment: Payment) -> str:
        change = _change(payment)
        return gettext("Change of %(organisation)s from %(old)s to %(new)s") % {
            "organisation": change.term.organisation,
            "old": change.old_tier,
            "new": change.new_tier,
        }

    def why_not_payable(self, payment: Payment) -> str:
        assert payment.invoice is not None
        return changing.why_not_payable(_change(payment), payment.invoice)

    def succeeded(self, payment: Payment) -> None:
        """Change the tier, when the invoice is paid whole.

        Money for a change that was ended, waived or paid before stays received and belongs to the
        payer; staff are told on the payment, as of a term that was over by then.
        """
        note = payment.invoice.voided_by if payment.invoice else None
        if note is not None:
            problems.add(
                payment,
                f"Credit note {note.number} made invoice {payment.invoice} void before this payment "
                "arrived; the money belongs to the payer.",
            )
            return
        if _pays(payment) and payment.invoice and payment.invoice.outstanding.amount:
            return
        if payment.invoice and payment.invoice.is_exceeded_by(payment):
            problems.add(payment, crediting.more_than_open(payment))
            return
        on = timezone.localdate(payment.succeeded_at)
        change = changing.paid(payment.purpose_id, on=on, by=payment.user)
        if change is None:
            problems.add(
                payment,
                f"Change of tier {payment.purpose_id} was settled, waived or ended before this "
                "payment arrived; the money belongs to the payer.",
            )
            return
        if change.term.status(on) not in (Term.Status.CURRENT, Term.Status.AWAITING_PAYMENT):
            problems.add(
                payment,
                f"Term {change.term_id} was cancelled or over when this payment for another tier "
                "arrived. Talk to the payer.",
            )

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        return entry_of(
            payment,
            settlement,
            "dues" if _pays(payment) else "too-much",
            source=earning.source_of_change(payment.purpose_id),
        )

    def undone(self, payment: Payment) -> None:
        """The money never came: the change awaits its payment again. What was owed back changes
        nothing.

        Another payment of the invoice that was owed back until now pays it in its place.
        """
        if not _was_for_dues(payment):
            return
        crediting.stop_applying(payment)
        self._opens_again(payment, "The payment was booked by mistake.")

    def given_back(self, payment: Payment, amount: int) -> None:
        """Money that went back whole takes the tier back with it; a part leaves it as it is.

        A bank debit that failed after all opens the debt again, and the invoice stands.
        """
        invoice = payment.invoice
        if not _was_for_dues(payment) or invoice is None:
            return
        if not invoice.arrivals.filter(pk=payment.pk).exists():
            self._opens_again(payment, "Its bank debit failed.")
        elif not any(money_back.left_of(each) for each in invoice.arrivals):
            if invoice.voided_by is None:
                crediting.void_given_back(invoice)
            self._undo(payment, "Its difference was given back.")

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        """The money is ours again. What was taken back with it, people decide."""
        invoice = payment.invoice
        if _was_for_dues(payment) and invoice is not None and invoice.voided_by is not None:
            problems.add(
                payment,
                "What was given back of it is ours again, but the change of tier that it paid was "
                "undone meanwhile. Talk to the payer.",
            )

    def unearned(self, payment: Payment, amount: int) -> int:
        """What is not earned yet goes back first (design.md §5)."""
        return min(amount, earning.unearned(payment)) if _was_for_dues(payment) else 0

    def failed(self, payment: Payment) -> None:
        """The invoice stays open; the payment's own page says what happened."""

    def thanks_url(self, payment: Payment) -> str:
        return path_in(payment.language, "membership_area")

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        """Nobody is reminded: a change that is not paid ends."""
        return True

    def own_url(self, payment: Payment) -> str:
        return ""

    def _opens_again(self, payment: Payment, reason: str) -> None:
        """The change awaits its payment, unless another one that was owed back pays in its place."""
        if payment.invoice is not None:
            crediting.lock_paper(payment.invoice)  # money locks before terms do
        change = tier_changes.lock(payment.purpose_id)
        if change.settled_on is not None and _was_followed(change):
            self._note_followed(payment)
            return
        other = self._pays_in_its_place(payment)
        if other is not None:
            on = timezone.localdate(other.succeeded_at)
            if changing.paid(change.pk, on=on, by=None) is None:
                tier_changes.settle(change, on=on)
        elif change.settled_on is not None:
            tier_changes.unsettle(change, reason=reason)
            jobs.move_renewal.enqueue(change_id=change.pk)

    def _pays_in_its_place(self, gone: Payment) -> Payment | None:
        """Use what was owed back for the invoice, now that ``gone`` pays it no more; the payment
        that made it paid in full, if one did. Of those that cannot be used staff are told."""
        invoice = gone.invoice
        if invoice is None or invoice.voided_by is not None:
            return None
        for other in crediting.owed_back(invoice):
            if not crediting.apply_owed_back(other, invoice):
                words = f"It could pay invoice {invoice} now. Talk to the payer."
                problems.add(progress.lock(other.pk), words)
            elif not invoice.outstanding.amount:
                return other
        return None

    def _undo(self, payment: Payment, reason: str) -> None:
        change = tier_changes.lock(payment.purpose_id)
        if change.ended_on is not None:
            return
        if _was_followed(change):
            self._note_followed(payment)
            return
        tier_changes.end(change, on=timezone.localdate(), by=None, reason=reason)
        jobs.move_renewal.enqueue(change_id=change.pk)

    def _note_followed(self, payment: Payment) -> None:
        problems.add(
            payment,
            "The money of this change of tier went, but the tier was changed again since. "
            "Talk to the payer.",
        )


def _was_followed(change: TierChange) -> bool:
    """Whether another change of the term came after it: then people decide which tier it has."""
    later = TierChange.objects.filter(term=change.term_id, pk__gt=change.pk)
    return later.filter(ended_on__isnull=True).exists()


def _was_for_dues(payment: Payment) -> bool:
    return payment.entry_id is not None and paid_by(payment) == "dues"


def _pays(payment: Payment) -> bool:
    """Whether this payment pays (a part of) its invoice; else it is owed back."""
    if payment.invoice is None or payment.invoice.voided_by is not None:
        return False
    return payment.invoice.counts(payment)


def _change(payment: Payment) -> TierChange:
    return TierChange.objects.select_related("term__organisation", "old_tier", "new_tier").get(
        pk=payment.purpose_id
    )
