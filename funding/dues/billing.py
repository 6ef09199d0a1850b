"""Billing a membership term, and taking its payment by card."""

import datetime
from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import formats, timezone
from django.utils.translation import get_language, gettext, override

from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.dues.refusals import InvoicePaid, InvoiceVoid, NothingToPay, TermCancelled, TermOver
from funding.ledger import templates
from funding.ledger.entries import NewEntry, person
from funding.ledger.models import Pool
from funding.ledger.pools import open_accounts, open_pool
from funding.ledger.posting import post
from funding.payments.checkout import open_payment
from funding.payments.invoices import BillTo, Line, issue_invoice
from funding.payments.models import Channel, Invoice, Payment, Status
from membership import terms
from membership.models import FeeRule, Organisation, Seat, SeatRole, Term, TierChange

PURPOSE = "dues"
# The difference of a change of tier; ``purpose_id`` is the change.
CHANGE = "dues-change"
POOL = "general"
POOL_NAME = "General fund"
POOL_CURRENCY = "USD"

# How long an organisation has to pay before an invoice is overdue.
PAYMENT_PERIOD = datetime.timedelta(days=30)


def ensure_pool() -> Pool:
    """The pool that dues belong to, opened where it is missing (a new site, the demo)."""
    with use_case():
        return Pool.objects.filter(code=POOL).first() or open_pool(POOL, POOL_NAME, POOL_CURRENCY)


def pool() -> Pool:
    """The pool that dues belong to."""
    return Pool.objects.get(code=POOL)


def invoice_entry(
    money: Money, *, on: datetime.date, number: str = "", by: User | None = None
) -> NewEntry:
    """The entry of an issued invoice; without a number, what it will be (for the decision page)."""
    return templates.dues_invoice_issued(
        key=f"dues-invoice:{number}",
        pool=POOL,
        currency=money.currency,
        amount=money.amount,
        date=on,
        source=f"invoice:{number}",
        memo=f"Invoice {number}" if number else "",
        prepared_by=person(by.pk) if by else "",
    )


def why_nothing(fee: FeeRule) -> str:
    """The reason of a waiver that follows from the fee table."""
    with override("en"):
        return gettext("The fee table asks for nothing: %(source)s, %(year)s.") % {
            "source": fee.source,
            "year": fee.source_year,
        }


@inside_transaction
def charge(
    term: Term,
    fee: FeeRule,
    *,
    to: User,
    on: datetime.date,
    by: User | None,
    due_on: datetime.date | None = None,
) -> Invoice | None:
    """Bill ``term`` and book it; None where the fee is zero, and the term waived instead."""
    if not term.fee:
        terms.waive(term, on=on, by=by, reason=why_nothing(fee))
        return None
    if term.currency != POOL_CURRENCY:
        open_accounts(pool(), term.currency)
    invoice = bill(term, to=to, on=on, due_on=due_on)
    post(invoice_entry(term.money, on=on, number=invoice.number, by=by))
    return invoice


@inside_transaction
def bill(
    term: Term, *, to: User, on: datetime.date, due_on: datetime.date | None = None
) -> Invoice:
    """Issue the invoice of ``term``, in the language of ``to``. The fee is above zero.

    It is due `PAYMENT_PERIOD` later, unless ``due_on`` says when.
    """
    organisation = term.organisation
    language = to.preferred_language
    with override(language):
        words = gettext("Membership, %(tier)s, %(first)s to %(last)s") % {
            "tier": term.tier,
            "first": formats.date_format(term.starts_on),
            "last": formats.date_format(term.ends_on),
        }
    return issue_invoice(
        purpose=PURPOSE,
        purpose_id=term.pk,
        pool=pool(),
        bill_to=BillTo(name=organisation.legal_name, country=organisation.country, email=to.email),
        lines=[Line(description=words, amount=term.fee)],
        currency=term.currency,
        issued_on=on,
        due_on=due_on or on + PAYMENT_PERIOD,
        language=language,
    )


def answers_for_dues(organisation_id: int, person: User) -> bool:
    """Whether ``person`` answers for an organisation or for its dues: primary or billing contact."""
    roles = [SeatRole.PRIMARY_CONTACT, SeatRole.BILLING_CONTACT]
    return Seat.objects.filter(
        organisation=organisation_id, person=person, roles__overlap=roles
    ).exists()


def invoices_of(organisation: Organisation) -> QuerySet[Invoice]:
    """The dues invoices of an organisation's terms, newest first."""
    return Invoice.objects.filter(
        purpose=PURPOSE, purpose_id__in=organisation.terms.values("pk")
    ).order_by("-issued_on", "-pk")


def change_invoices_of(organisation: Organisation) -> QuerySet[Invoice]:
    """The invoices of an organisation's changes of tier, newest first."""
    changes = TierChange.objects.filter(term__organisation=organisation)
    return Invoice.objects.filter(purpose=CHANGE, purpose_id__in=changes.values("pk")).order_by(
        "-issued_on", "-pk"
    )


def change_invoice(change: TierChange) -> Invoice | None:
    """The invoice that asks for the difference of a change, unless there is none or it is void."""
    return Invoice.objects.filter(purpose=CHANGE, purpose_id=change.pk, credit_note=None).first()


def standing_invoice(term: Term) -> Invoice | None:
    """The invoice that asks for the dues of ``term``, unless there is none or it is void."""
    return standing_invoices([term.pk]).get(term.pk)


def standing_invoices(terms: Iterable[int]) -> dict[int, Invoice]:
    """`standing_invoice` of each term that has one; one query for all."""
    rows = Invoice.objects.filter(purpose=PURPOSE, purpose_id__in=terms, credit_note=None)
    return {invoice.purpose_id: invoice for invoice in rows}


def start_dues_payment(invoice: Invoice, *, by: User) -> Payment:
    """The payment of an open invoice: a new one, or the one that was begun before.

    Pressing twice makes one payment: the term's row is locked, and whoever comes second finds the
    payment of the first. Raises InvoicePaid, InvoiceVoid, NothingToPay, TermCancelled, TermOver.
    """
    with use_case():
        term = Term.objects.select_for_update().get(pk=invoice.purpose_id)
        require_payable(term, invoice)
        return payment_of(invoice, by=by)


@inside_transaction
def payment_of(invoice: Invoice, *, by: User) -> Payment:
    """The card payment of an invoice whose term is locked: the one begun before, or a new one."""
    begun = (
        invoice.payments.filter(status=Status.PROCESSING).order_by("pk").first()
        or invoice.payments.filter(
            channel__in=[Channel.CARD, Channel.BANK_DEBIT], amount=invoice.outstanding.amount
        )
        .exclude(status__in=[Status.SUCCEEDED, Status.UNDONE])
        .order_by("pk")
        .first()
    )
    if begun is not None:
        return begun
    return open_payment(
        purpose=invoice.purpose,
        purpose_id=invoice.purpose_id,
        pool=pool(),
        amount=invoice.outstanding,
        payer_name=invoice.bill_to_name,
        payer_email=by.email,
        language=(get_language() or by.preferred_language).split("-")[0],
        user=by,
        invoice=invoice,
    )


def why_not_payable(term: Term, invoice: Invoice) -> str:
    """The sentence that says why an invoice cannot be paid now, or "" when it can."""
    try:
        require_payable(term, invoice)
    except (InvoicePaid, InvoiceVoid, NothingToPay, TermCancelled, TermOver) as refusal:
        return str(refusal)
    return ""


def require_payable(term: Term, invoice: Invoice) -> None:
    """Raises InvoiceVoid, InvoicePaid, NothingToPay, TermCancelled or TermOver."""
    require_open(invoice)
    require_wanted(term, invoice)


def require_open(invoice: Invoice) -> None:
    """Raises InvoiceVoid or InvoicePaid."""
    if invoice.voided_by is not None:
        raise InvoiceVoid(number=invoice.number, note=invoice.voided_by.number)
    if not invoice.outstanding.amount:
        raise InvoicePaid(number=invoice.number)


def require_wanted(term: Term, invoice: Invoice) -> None:
    """Raises InvoicePaid, NothingToPay, TermCancelled or TermOver where a term wants no dues."""
    today = timezone.localdate()
    if term.settled_on is not None:
        raise InvoicePaid(number=invoice.number)
    if term.waived_on is not None:
        raise NothingToPay
    match term.status(today):
        case Term.Status.CANCELLED:
            raise TermCancelled(number=invoice.number)
        case Term.Status.LAPSED:
            raise TermOver(number=invoice.number, day=formats.date_format(term.ends_on))
