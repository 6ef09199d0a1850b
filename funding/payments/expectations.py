"""What payers are owed by e-mail: the receipt of every payment that came."""

import datetime
from collections.abc import Iterator
from functools import partial

from core.mailing.expectations import Expected
from funding.payments import progress
from funding.payments.models import Receipt


def receipts(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Receipts given from ``first`` to ``last`` that stand, of payers who gave an address.

    One that stands in place of another goes out with the credit note.
    """
    rows = Receipt.objects.filter(
        issued_at__date__gte=first, issued_at__date__lte=last, replaces=None, credit_note=None
    ).exclude(payment__payer_email="")
    for receipt in rows.select_related("payment__pool"):
        payment = receipt.payment
        yield Expected(
            about=f"receipt:{receipt.number}",
            template="payments_receipt",
            to=payment.payer_email,
            language=payment.language,
            due_on=receipt.issued_at.date(),
            send=partial(progress.send_receipt, payment, receipt),
        )
