"""Invoices, receipts, credit notes and payment requests as PDF, each in its own language.

They are made from the facts that the papers copied and from what happened to them since (paid,
void), so the same facts give the same bytes.
"""

import uuid
from collections.abc import Sequence
from datetime import date

from django.conf import settings
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from core import countries
from core.mail import Attachment, register_attachment
from core.money import Money
from core.pdf import Document, render
from funding.payments import outcomes
from funding.payments.issuer import in_fours
from funding.payments.models import (
    CreditNote,
    ExpectedPayment,
    HowPaid,
    Invoice,
    Payment,
    Receipt,
)


def receipt_pdf(receipt: Receipt) -> bytes:
    """The receipt; stamped once a credit note made it void."""
    with translation.override(receipt.language):
        amount = receipt.money.format(receipt.language)
        totals = [(_("Received"), amount)]
        theirs = taken_from_payer(receipt)
        if theirs is not None:
            totals.insert(0, (_("Taken by the payer’s bank"), theirs.format(receipt.language)))
        document: Document = {
            "language": receipt.language,
            "title": _("Receipt"),
            "number": receipt.number,
            "issued": timezone.localdate(receipt.issued_at),
            "facts": [
                (_("Issued on"), written(timezone.localdate(receipt.issued_at))),
                (_("Paid on"), written(receipt.paid_on)),
                (_("Paid by"), str(receipt.get_channel_display())),
            ],
            "parties": [
                (_("Received by"), issuer_lines(receipt)),
                (_("Received from"), [receipt.payer_name]),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [(f"{receipt.description}\n{receipt.pool_name}", amount)],
            "totals": totals,
            "boxes": [],
            "notes": [
                note
                for note in (
                    _void_note(receipt.voided_by),
                    receipt.statement,
                    _("It stands in place of receipt %(number)s, which is void.")
                    % {"number": receipt.replaces.number}
                    if receipt.replaces
                    else "",
                    _("See this receipt, and prove it, at %(address)s")
                    % {"address": settings.SITE_URL + receipt.get_absolute_url()},
                )
                if note
            ],
            "stamp": _("Void") if receipt.voided_by else "",
            "void": receipt.voided_by is not None,
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


def why_not_payable(invoice: Invoice, paid: HowPaid) -> str:
    """Why nobody should pay an open invoice any more, in the language in force.

    "" while it is wanted, and for one that is void or paid: that says it itself.
    """
    if invoice.voided_by is not None or paid.by is not None:
        return ""
    asked = Payment(  # only a question, never saved
        purpose=invoice.purpose, purpose_id=invoice.purpose_id, invoice=invoice
    )
    return outcomes.outcome_of(invoice.purpose).why_not_payable(asked)


def invoice_pdf(invoice: Invoice) -> bytes:
    """The invoice; stamped once it is paid or void, and asking for nothing once nobody should pay."""
    with translation.override(invoice.language):
        void = invoice.voided_by is not None
        came = invoice.how_paid()
        paid = came.by is not None and not void
        facts = [
            (_("Issued on"), written(invoice.issued_on)),
            (_("Due on"), written(invoice.due_on)),
        ]
        if invoice.purchase_order:
            facts.append((_("Purchase order"), invoice.purchase_order))
        if invoice.reference:
            facts.append((_("Reference"), in_fours(invoice.reference)))
        totals = [(_("Total"), _money(invoice, invoice.total))]
        unwanted = why_not_payable(invoice, came)
        asks = not paid and not void and not unwanted
        if came.received.amount and asks:
            totals += [
                (_("Paid so far"), _money(invoice, came.received.amount)),
                (_("Still to pay"), _money(invoice, came.outstanding.amount)),
            ]
        card = _("To pay by card, go to %(address)s") % {
            "address": settings.SITE_URL + invoice.get_absolute_url()
        }
        document: Document = {
            "language": invoice.language,
            "title": _("Invoice"),
            "number": invoice.number,
            "issued": invoice.issued_on,
            "facts": facts,
            "parties": [
                (_("From"), issuer_lines(invoice)),
                (_("Bill to"), bill_to_lines(invoice)),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [
                (line.description, _money(invoice, line.amount)) for line in invoice.lines.all()
            ],
            "totals": totals,
            "boxes": _transfer_box(invoice.bank_details, invoice.reference) if asks else [],
            "notes": [
                note
                for note in (
                    _void_note(invoice.voided_by),
                    unwanted,
                    invoice.statement,
                    card if asks else "",
                )
                if note
            ],
            "stamp": _("Void") if void else _("Paid") if paid else "",
            "void": void,
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


def payment_request_pdf(expected: ExpectedPayment) -> bytes:
    """What is asked for and how to pay it. Of an expected payment without an invoice."""
    with translation.override(expected.language):
        withdrawn = expected.withdrawn_at is not None
        is_open = expected.is_open
        paid = not withdrawn and not is_open
        asked = timezone.localdate(expected.created_at)
        amount = expected.money.format(expected.language)
        facts = [(_("Issued on"), written(asked))]
        if expected.due_on:
            facts.append((_("Due on"), written(expected.due_on)))
        if expected.purchase_order:
            facts.append((_("Purchase order"), expected.purchase_order))
        facts.append((_("Reference"), in_fours(expected.reference)))
        if expected.repeats:
            facts.append((_("How often"), str(expected.get_repeats_display())))
        document: Document = {
            "language": expected.language,
            "title": _("Payment request"),
            "number": expected.number or "",
            "issued": asked,
            "facts": facts,
            "parties": [
                (_("From"), issuer_lines(expected)),
                (_("Payer"), payer_lines(expected)),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [(expected.description, amount)],
            "totals": [(_("To be paid"), amount)],
            "boxes": _how_to_pay_box(expected) if is_open else [],
            "notes": [
                _(
                    "This is not an invoice and not a receipt. We send a receipt when the money arrives."
                ),
                _("How it stands: %(address)s")
                % {"address": settings.SITE_URL + expected.get_absolute_url()},
            ],
            "stamp": _("Withdrawn") if withdrawn else _("Paid") if paid else "",
            "void": withdrawn,
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


def credit_note_pdf(note: CreditNote) -> bytes:
    """The credit note, with the paper that it made void."""
    with translation.override(note.language):
        amount = note.money.format(note.language)
        document: Document = {
            "language": note.language,
            "title": _("Credit note"),
            "number": note.number,
            "issued": note.issued_on,
            "facts": [
                (_("Issued on"), written(note.issued_on)),
                (_("Makes void"), str(note.invoice or note.receipt)),
            ],
            "parties": [
                (_("From"), issuer_lines(note)),
                (_("To"), note_to_lines(note)),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [(note.description, amount)],
            "totals": [(_("Credited"), amount)],
            "boxes": [],
            "notes": [
                what_it_voids(note),
                _("Reason: %(reason)s") % {"reason": note.reason},
                *(line for line in [what_stands_instead(note)] if line),
            ],
            "stamp": "",
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


# --- As attachments of mails ----------------------------------------------------------------------


def register_attachments() -> None:
    """Let mails carry our papers; the key of each is its public id."""
    register_attachment("receipt", _receipt_attached)
    register_attachment("invoice", _invoice_attached)
    register_attachment("credit_note", _credit_note_attached)
    register_attachment("payment_request", _payment_request_attached)


def _receipt_attached(key: str) -> Attachment:
    receipt = Receipt.objects.get(public_id=uuid.UUID(key))
    return _attached(receipt.number, receipt_pdf(receipt))


def _invoice_attached(key: str) -> Attachment:
    invoice = Invoice.objects.get(public_id=uuid.UUID(key))
    return _attached(invoice.number, invoice_pdf(invoice))


def _credit_note_attached(key: str) -> Attachment:
    note = CreditNote.objects.get(public_id=uuid.UUID(key))
    return _attached(note.number, credit_note_pdf(note))


def _payment_request_attached(key: str) -> Attachment:
    expected = ExpectedPayment.objects.get(public_id=uuid.UUID(key))
    return _attached(str(expected.number), payment_request_pdf(expected))


def _attached(number: str, content: bytes) -> Attachment:
    return Attachment(f"{number}.pdf", content, "application/pdf")


# --- Words that the pages show too ----------------------------------------------------------------


def issuer_lines(paper: Invoice | Receipt | CreditNote | ExpectedPayment) -> list[str]:
    """Who we are, as it stood on the day of the paper, a line each."""
    lines = _lines(paper.issuer_name, paper.issuer_address)
    return [*lines, paper.issuer_registration] if paper.issuer_registration else lines


def bill_to_lines(invoice: Invoice) -> list[str]:
    """Who is billed, a line each, the country by its name in the language in force."""
    return _addressed(invoice.bill_to_name, invoice.bill_to_address, invoice.bill_to_country)


def payer_lines(expected: ExpectedPayment) -> list[str]:
    """Who is going to pay, a line each."""
    return _addressed(expected.payer_name, expected.payer_address, expected.payer_country)


def note_to_lines(note: CreditNote) -> list[str]:
    """Whom the credit note is for, a line each."""
    return _addressed(note.to_name, note.to_address, note.to_country)


def taken_from_payer(receipt: Receipt) -> Money | None:
    """What the payer's own bank took, where it is known and was another currency."""
    if receipt.payer_amount is None or not receipt.payer_currency:
        return None
    return Money(receipt.payer_amount, receipt.payer_currency)


def what_it_voids(note: CreditNote) -> str:
    """One sentence: the paper that is void, in the language in force."""
    if note.invoice is not None:
        return _("Invoice %(number)s of %(day)s is void. Nothing is to be paid on it.") % {
            "number": note.invoice.number,
            "day": written(note.invoice.issued_on),
        }
    assert note.receipt is not None
    return _("Receipt %(number)s of %(day)s is void.") % {
        "number": note.receipt.number,
        "day": written(timezone.localdate(note.receipt.issued_at)),
    }


def what_stands_instead(note: CreditNote) -> str:
    """One sentence on the paper that was issued anew, "" where none was."""
    if note.receipt is not None:
        new = getattr(note.receipt, "replaced_by", None)
        return (
            _("Receipt %(number)s over %(amount)s stands in its place.")
            % {"number": new.number, "amount": new.money.format(note.language)}
            if new
            else ""
        )
    instead = replacement_of(note.invoice) if note.invoice else None
    if instead is None:
        return ""
    return _("Invoice %(number)s over %(amount)s stands in its place.") % {
        "number": instead.number,
        "amount": instead.money.format(note.language),
    }


def replacement_of(invoice: Invoice) -> Invoice | None:
    """The invoice for the same thing that was issued after ``invoice``."""
    return (
        Invoice.objects.filter(
            purpose=invoice.purpose, purpose_id=invoice.purpose_id, pk__gt=invoice.pk
        )
        .order_by("pk")
        .first()
    )


def written(day: date) -> str:
    """A date written out in the language in force."""
    return formats.date_format(day, "DATE_FORMAT")


def _void_note(note: CreditNote | None) -> str:
    if note is None:
        return ""
    return _("Void: credit note %(number)s of %(day)s.") % {
        "number": note.number,
        "day": written(note.issued_on),
    }


def _transfer_box(bank_details: str, reference: str) -> Sequence[tuple[str, Sequence[str]]]:
    if not bank_details:
        return []
    lines = bank_details.splitlines()
    if reference:
        lines.append(_("Reference: %(reference)s") % {"reference": in_fours(reference)})
    return [(_("To pay by bank transfer"), lines)]


def _how_to_pay_box(expected: ExpectedPayment) -> Sequence[tuple[str, Sequence[str]]]:
    if expected.channel is None:
        return _transfer_box(expected.bank_details, expected.reference)
    reference = _("Reference: %(reference)s") % {"reference": in_fours(expected.reference)}
    heading = _("To pay by %(channel)s") % {"channel": expected.channel.name}
    return [(heading, [*expected.bank_details.splitlines(), reference])]


def _addressed(name: str, address: str, country: str) -> list[str]:
    lines = _lines(name, address)
    if country:
        lines.append(countries.get(country).name(translation.get_language()))
    return lines


def _lines(name: str, rest: str) -> list[str]:
    return [name, *(line.strip() for line in rest.splitlines() if line.strip())]


def _money(invoice: Invoice, amount: int) -> str:
    return Money(amount, invoice.currency).format(invoice.language)
