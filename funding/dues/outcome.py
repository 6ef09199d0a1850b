"""What a payment of dues means: the term is settled."""

import datetime

from django.utils import formats, timezone
from django.utils.translation import gettext, override

from core.mail import enqueue_mail
from core.transactions import inside_transaction
from funding.dues import billing, changing, crediting, earning, renewal
from funding.ledger.entries import NewEntry
from funding.payments import money_back, problems
from funding.payments.models import Invoice, Payment
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
        if _is_more_than_open(payment):
            self._note(payment, crediting.more_than_open(payment))
            return
        settled = terms.settle(_term(payment), on=on, by=payment.user)
        term = _term(payment)
        if not settled:
            self._note(
                payment,
                f"Term {term.pk} was settled or waived before this payment arrived; "
                "the money belongs to the payer.",
            )
        elif makes_or_keeps_member(term, on):
            tell(payment, term)
        elif term.status(on) != Term.Status.UPCOMING:
            self._note(
                payment,
                f"Term {term.pk} was cancelled or over when this payment arrived: it makes nobody "
                "a member. Talk to the payer.",
            )

    def _note(self, payment: Payment, problem: str) -> None:
        problems.add(payment, problem)

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        """The term's dues; or, where they were settled or waived before, money that we owe back."""
        return entry_of(
            payment,
            settlement,
            "dues" if _pays(payment) else "too-much",
            source=f"term:{payment.purpose_id}",
        )

    def undone(self, payment: Payment) -> None:
        """The money never came: the term is as unpaid as before. What was owed back changes nothing.

        Another payment of the invoice that was owed back until now pays it in its place.
        """
        if not _was_for_dues(payment):
            return
        terms.unsettle(_term(payment), by=None, reason="The payment was booked by mistake.")
        crediting.stop_applying(payment)
        self._apply_what_is_owed_back(payment)

    def given_back(self, payment: Payment, amount: int) -> None:
        """A term whose dues went back whole is unpaid; a part given back leaves it as it is.

        A refund or a lost dispute leaves no debt behind, so that the invoice is void with it, and
        staff bill the term again where it is to go on. A bank debit that failed after all opens the
        debt again: the invoice stands and can be paid again.
        """
        if not _was_for_dues(payment):
            return
        invoice = payment.invoice
        if invoice is not None and not invoice.arrivals.filter(pk=payment.pk).exists():
            terms.unsettle(_term(payment), by=None, reason="Its bank debit failed.")
            self._apply_what_is_owed_back(payment)
        elif invoice is None or not _is_kept_of(invoice):
            if invoice is not None and invoice.voided_by is None:
                crediting.void_given_back(invoice)
            terms.unsettle(_term(payment), by=None, reason="Its dues were given back.")
        changing.see_what_went_back(payment.purpose_id)

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        """The money is ours again, and the term paid on the day it first was.

        Unless the term was billed again meanwhile: then staff decide.
        """
        invoice = payment.invoice
        if not _was_for_dues(payment) or invoice is None:
            return
        changing.see_what_went_back(payment.purpose_id)
        if crediting.was_billed_again(invoice):
            self._note(
                payment,
                f"What was given back of it is ours again, but the term of invoice {invoice} was "
                "billed anew meanwhile. Talk to the payer.",
            )
        elif invoice.outstanding.amount == 0 and not crediting.was_credited(invoice):
            assert payment.succeeded_at is not None
            terms.settle(_term(payment), on=timezone.localdate(payment.succeeded_at), by=None)
        elif invoice.voided_by is not None:
            self._note(
                payment,
                f"What was given back of it is ours again, but invoice {invoice} is void and was "
                "never paid in full. Talk to the payer.",
            )

    def _apply_what_is_owed_back(self, gone: Payment) -> None:
        """Use another payment of the invoice that was owed back, now that ``gone`` pays it no more."""
        invoice = gone.invoice
        if invoice is None or invoice.voided_by is not None or _term(gone).waived_on is not None:
            return
        for other in crediting.owed_back(invoice):
            if not crediting.apply_owed_back(other, invoice):
                self._note(other, f"It could pay invoice {invoice} now. Talk to the payer.")
            elif not invoice.outstanding.amount:
                assert other.succeeded_at is not None
                terms.settle(_term(other), on=timezone.localdate(other.succeeded_at), by=None)
                return

    def unearned(self, payment: Payment, amount: int) -> int:
        """What is not earned yet goes back first (design.md §5).

        Of dues that an owed-back payment brought nothing was earned, and nothing is paid ahead.
        """
        return min(amount, earning.unearned(payment)) if _was_for_dues(payment) else 0

    def failed(self, payment: Payment) -> None:
        """The invoice stays open; the payment's own page says what happened."""

    def thanks_url(self, payment: Payment) -> str:
        return path_in(payment.language, "membership_area")

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        return renewal.reminds_of(invoice, day)

    def own_url(self, payment: Payment) -> str:
        return ""  # `thanks_url` leads to the organisation's own page


@inside_transaction
def tell(payment: Payment, term: Term) -> None:
    """Write to the payer that the dues arrived, where there is an address to write to."""
    if not payment.payer_email:
        return
    with override(payment.language):
        context = {
            "organisation": term.organisation.public_name,
            "ends_on": formats.date_format(term.ends_on),
            "path": path_in(payment.language, "member", term.organisation.slug),
        }
    enqueue_mail(
        "dues_settled",
        to=payment.payer_email,
        language=payment.language,
        context=context,
        about=f"term:{term.pk}/settled",
    )


def makes_or_keeps_member(term: Term, on: datetime.date) -> bool:
    """Whether ``term``, settled on ``on``, makes its organisation a member or lets it stay one."""
    return term.makes_member(on) or _renews_one_that_counts(term, on)


def _was_for_dues(payment: Payment) -> bool:
    """Whether its own entry paid dues: that stands, whatever became of the invoice since."""
    return payment.entry_id is not None and paid_by(payment) == "dues"


def _is_kept_of(invoice: Invoice) -> bool:
    """Whether anything of what paid ``invoice`` is left, by what the books gave back so far."""
    return any(money_back.left_of(payment) for payment in invoice.arrivals)


def _pays(payment: Payment) -> bool:
    """Whether this payment pays (a part of) its invoice; else it is owed back."""
    if payment.invoice is None or payment.invoice.voided_by is not None:
        return False
    return payment.invoice.counts(payment) and _term(payment).waived_on is None


def _is_more_than_open(payment: Payment) -> bool:
    """Whether it came for dues that are still wanted, of which a part was paid by others."""
    invoice = payment.invoice
    if invoice is None or _term(payment).waived_on is not None:
        return False
    return invoice.is_exceeded_by(payment)


def _renews_one_that_counts(term: Term, on: datetime.date) -> bool:
    """Whether it was paid ahead, by a member: the days until it begins are those of the last term."""
    before = term.renews
    paid_ahead = term.status(on) == Term.Status.UPCOMING
    return paid_ahead and before is not None and before.makes_member(on)


def _term(payment: Payment) -> Term:
    return Term.objects.select_related("organisation", "renews").get(pk=payment.purpose_id)
