"""What a payment of dues means: the term is settled."""

from django.utils import formats, timezone
from django.utils.translation import gettext, override

from core.mail import enqueue_mail
from funding.dues import billing
from funding.ledger.entries import NewEntry
from funding.payments.models import Payment
from funding.payments.money_back import paid_by
from funding.payments.money_in import entry_of
from funding.payments.outcomes import Settlement
from membership import terms
from membership.links import path_in
from membership.models import Term


class DuesOutcome:
    """The handler of the purpose "dues"; ``purpose_id`` is the term."""

    def describe(self, payment: Payment) -> str:
        term = _term(payment)
        return gettext("Membership dues of %(organisation)s, %(first)s to %(last)s") % {
            "organisation": term.organisation,
            "first": formats.date_format(term.starts_on),
            "last": formats.date_format(term.ends_on),
        }

    def why_not_payable(self, payment: Payment) -> str:
        assert payment.invoice is not None
        return billing.why_not_payable(_term(payment), payment.invoice)

    def succeeded(self, payment: Payment) -> None:
        """Settle the term on the day the money arrived.

        An invoice that is paid in parts settles it with the last one. Money for a term that needed
        none (waived in the meantime, or paid twice), or that was cancelled or over by then, and
        money for an invoice that a credit note made void, stays received; staff are told on the
        payment.
        """
        on = timezone.localdate(payment.succeeded_at)
        note = payment.invoice.voided_by if payment.invoice else None
        if note is not None:
            self._note(
                payment,
                f"Credit note {note.number} made invoice {payment.invoice} void before this payment "
                "arrived; the money belongs to the payer.",
            )
            return
        if _pays(payment) and payment.invoice and payment.invoice.outstanding.amount:
            return
        settled = terms.settle(_term(payment), on=on, by=payment.user)
        term = _term(payment)
        if not settled:
            self._note(
                payment,
                f"Term {term.pk} was settled or waived before this payment arrived; "
                "the money belongs to the payer.",
            )
        elif term.makes_member(on):
            self._tell(payment, term)
        elif term.status(on) != Term.Status.UPCOMING:
            self._note(
                payment,
                f"Term {term.pk} was cancelled or over when this payment arrived: it makes nobody "
                "a member. Talk to the payer.",
            )

    def _note(self, payment: Payment, problem: str) -> None:
        payment.problem = problem
        payment.save(update_fields=["problem"])

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        """The term's dues; or, where they were settled or waived before, money that we owe back."""
        return entry_of(
            payment,
            settlement,
            "dues" if _pays(payment) else "too-much",
            source=f"term:{payment.purpose_id}",
        )

    def undone(self, payment: Payment) -> None:
        """The money never came: the term is as unpaid as before. What was owed back changes nothing."""
        if _was_for_dues(payment):
            reason = "The payment was booked by mistake."
            terms.unsettle(_term(payment), by=None, reason=reason)

    def given_back(self, payment: Payment, amount: int) -> None:
        """A term whose dues went back whole is unpaid; a part given back leaves it as it is."""
        gone = payment.refunded.amount + payment.disputed.amount
        if _was_for_dues(payment) and gone >= payment.amount:
            terms.unsettle(_term(payment), by=None, reason="Its dues were given back.")

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        """The money is ours again, and the term paid on the day it first was."""
        invoice = payment.invoice
        if _was_for_dues(payment) and invoice and invoice.outstanding.amount == 0:
            assert payment.succeeded_at is not None
            terms.settle(_term(payment), on=timezone.localdate(payment.succeeded_at), by=None)

    def unearned(self, payment: Payment, amount: int) -> int:
        """What is not earned yet goes back first (design.md §5).

        Of dues that an owed-back payment brought nothing was earned, and nothing is paid ahead.
        """
        return min(amount, billing.unearned(payment)) if _was_for_dues(payment) else 0

    def failed(self, payment: Payment) -> None:
        """The invoice stays open; the payment's own page says what happened."""

    def thanks_url(self, payment: Payment) -> str:
        return path_in(payment.language, "membership_area")

    def _tell(self, payment: Payment, term: Term) -> None:
        with override(payment.language):
            context = {
                "organisation": term.organisation.public_name,
                "ends_on": formats.date_format(term.ends_on),
                "path": path_in(payment.language, "member", term.organisation.slug),
            }
        enqueue_mail(
            "dues_settled", to=payment.payer_email, language=payment.language, context=context
        )


def _was_for_dues(payment: Payment) -> bool:
    """Whether its own entry paid dues: that stands, whatever became of the invoice since."""
    return payment.entry_id is not None and paid_by(payment) == "dues"


def _pays(payment: Payment) -> bool:
    """Whether this payment pays (a part of) its invoice; else it is owed back."""
    if payment.invoice is None or payment.invoice.voided_by is not None:
        return False
    return payment.invoice.counts(payment) and _term(payment).waived_on is None


def _term(payment: Payment) -> Term:
    return Term.objects.select_related("organisation").get(pk=payment.purpose_id)
