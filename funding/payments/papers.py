"""Invoices and receipts as PDF, in their own language, from the facts they copied."""

from datetime import date

from django.conf import settings
from django.utils import formats, translation
from django.utils.translation import gettext as _

from core import countries
from core.pdf import Document, render
from funding.payments.models import Invoice, Receipt


def receipt_pdf(receipt: Receipt) -> bytes:
    """The receipt as a PDF; the same receipt gives the same bytes."""
    with translation.override(receipt.language):
        amount = receipt.money.format(receipt.language)
        document: Document = {
            "language": receipt.language,
            "title": _("Receipt"),
            "number": receipt.number,
            "issued": receipt.issued_at.date(),
            "facts": [
                (_("Paid on"), written(receipt.paid_on)),
                (_("Paid by"), receipt.get_channel_display()),
            ],
            "parties": [
                (_("Received by"), _lines(receipt.issuer_name, receipt.issuer_address)),
                (_("Received from"), [receipt.payer_name]),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [(f"{receipt.description}\n{receipt.pool_name}", amount)],
            "totals": [(_("Received"), amount)],
            "notes": [
                _("This receipt can be seen at %(address)s")
                % {"address": settings.SITE_URL + receipt.get_absolute_url()}
            ],
            "stamp": "",
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


def invoice_pdf(invoice: Invoice) -> bytes:
    """The invoice as a PDF; stamped once it is paid."""
    with translation.override(invoice.language):
        paid = invoice.settling_payment is not None
        address = settings.SITE_URL + invoice.get_absolute_url()
        facts = [
            (_("Issued on"), written(invoice.issued_on)),
            (_("Due on"), written(invoice.due_on)),
        ]
        if invoice.purchase_order:
            facts.append((_("Purchase order"), invoice.purchase_order))
        document: Document = {
            "language": invoice.language,
            "title": _("Invoice"),
            "number": invoice.number,
            "issued": invoice.issued_on,
            "facts": facts,
            "parties": [
                (_("From"), _lines(invoice.issuer_name, invoice.issuer_address)),
                (_("Bill to"), bill_to_lines(invoice)),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [
                (line.description, _money(invoice, line.amount)) for line in invoice.lines.all()
            ],
            "totals": [(_("Total"), _money(invoice, invoice.total))],
            "notes": []
            if paid
            else [_("To pay by card, go to %(address)s") % {"address": address}],
            "stamp": _("Paid") if paid else "",
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


def bill_to_lines(invoice: Invoice) -> list[str]:
    """Who is billed, a line each, the country by its name in the language in force."""
    lines = _lines(invoice.bill_to_name, invoice.bill_to_address)
    if invoice.bill_to_country:
        lines.append(countries.get(invoice.bill_to_country).name(translation.get_language()))
    return lines


def written(day: date) -> str:
    """A date written out in the language in force."""
    return formats.date_format(day, "DATE_FORMAT")


def _lines(name: str, rest: str) -> list[str]:
    return [name, *(line.strip() for line in rest.splitlines() if line.strip())]


def _money(invoice: Invoice, amount: int) -> str:
    return type(invoice.money)(amount, invoice.currency).format(invoice.language)
