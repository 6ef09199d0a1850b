"""Issuing invoices."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from core.transactions import inside_transaction
from funding.payments import issuer, numbers
from funding.payments.models import Invoice, InvoiceLine


@dataclass(frozen=True, slots=True)
class BillTo:
    """Who is asked to pay. ``country`` is ISO 3166-1 alpha-2; facts are copied to the invoice."""

    name: str
    address: str = ""
    country: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: words in the invoice's language, and ``amount`` minor units above zero."""

    description: str
    amount: int


@inside_transaction
def issue_invoice(
    *,
    purpose: str,
    purpose_id: int,
    bill_to: BillTo,
    lines: Sequence[Line],
    currency: str,
    issued_on: datetime.date,
    due_on: datetime.date,
    language: str = "en",
    purchase_order: str = "",
) -> Invoice:
    """Issue the next invoice of the year of ``issued_on``; it can never be changed afterwards.

    Raises ValueError without lines. The database refuses lines that are not above zero.
    """
    if not lines:
        raise ValueError("An invoice has at least one line.")
    us = issuer.current()
    invoice = Invoice.objects.create(
        number=numbers.next_number(numbers.INVOICE, issued_on.year),
        purpose=purpose,
        purpose_id=purpose_id,
        issuer_name=us.name,
        issuer_address=us.address,
        bill_to_name=bill_to.name,
        bill_to_address=bill_to.address,
        bill_to_country=bill_to.country,
        bill_to_email=bill_to.email,
        purchase_order=purchase_order,
        language=language,
        currency=currency,
        total=sum(line.amount for line in lines),
        issued_on=issued_on,
        due_on=due_on,
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice, position=position, description=line.description, amount=line.amount
        )
        for position, line in enumerate(lines, start=1)
    )
    return invoice
