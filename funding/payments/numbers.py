"""Numbers without gaps, per series and year: INV-2026-00001."""

from django.db import connection

from core.transactions import inside_transaction

INVOICE = "INV"
RECEIPT = "RCT"
CREDIT_NOTE = "CRN"
PAYMENT_REQUEST = "PRQ"


@inside_transaction
def next_number(prefix: str, year: int) -> str:
    """The next number of the series, in the transaction that issues the paper.

    The series' row stays locked until that transaction ends: a rollback gives the number back,
    and whoever asks meanwhile waits. So no number is ever missing or given twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_numberseries AS series (prefix, year, last) VALUES (%s, %s, 1)
            ON CONFLICT (prefix, year) DO UPDATE SET last = series.last + 1
            RETURNING last
            """,
            [prefix, year],
        )
        (number,) = cursor.fetchone()
    return f"{prefix}-{year}-{number:05d}"
