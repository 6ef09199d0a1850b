"""Issuing invoices."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from core.transactions import inside_transaction
from funding.ledger.models import Pool
from funding.payments import issuer, numbers
from funding.payments.expected import next_reference, open_expected
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
    pool: Pool,
    bill_to: BillTo,
    lines: Sequence[Line],
    currency: str,
    issued_on: datetime.date,
    due_on: datetime.date,
    language: str = "en",
    purchase_order: str = "",
) -> Invoice:
    """Issue the next invoice of the year of ``issued_on``; it can never be changed afterwards.

    Its payment is expected from then on, for ``pool``, under the reference on it. It carries our
    bank account in its currency, where we have one. Raises ValueError without lines. The database
    refuses lines that are not above zero, and a second invoice for what an invoice stands for.
    """
    if not lines:
        raise ValueError("An invoice has at least one line.")
    us = issuer.current()
    account = issuer.open_account(currency)
    invoice = Invoice.objects.create(
        number=numbers.next_number(numbers.INVOICE, issued_on.year),
        purpose=purpose,
        purpose_id=purpose_id,
        issuer_name=us.name,
        issuer_address=us.address,
        issuer_registration=us.registration,
        statement=issuer.statement(purpose, language),
        bank_details=issuer.transfer_details(account, language) if account else "",
        reference=next_reference(),
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
    open_expected(
        purpose=purpose,
        purpose_id=purpose_id,
        pool=pool,
        amount=invoice.money,
        payer=bill_to,
        language=language,
        description=lines[0].description,
        invoice=invoice,
        due_on=due_on,
        purchase_order=purchase_order,
    )
    return invoice
