"""The CSV file in which gifts and pledges come: its columns, and a sample of it."""

from django.utils import timezone

from core import csv_files

MOST_ROWS = 5_000
MOST_BYTES = 2 * 1024 * 1024

COLUMNS = (
    "external_id",
    "kind",
    "donor",
    "donor_kind",
    "donor_id",
    "email",
    "country",
    "pool",
    "amount",
    "currency",
    "public_name",
    "language",
    "tell_donor",
    "due_on",
    "schedule",
    "binding",
    "condition",
    "channel",
    "evidence",
    "paid_on",
    "bank_line",
)
REQUIRED = ("external_id", "kind", "donor", "pool", "amount", "currency")


def read(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows, as `core.csv_files.read` tells them. Raises the subclasses of FileRefused."""
    return csv_files.read(
        content,
        columns=COLUMNS,
        required=REQUIRED,
        instead={"donor": "donor_id"},
        most_rows=MOST_ROWS,
        most_bytes=MOST_BYTES,
    )


def sample() -> str:
    """A file to begin with: a heading and one row of each kind."""
    day = timezone.localdate().replace(day=1)
    year = day.year + 1
    rows = [
        {
            "external_id": "LETTER-1",
            "kind": "expected",
            "donor": "Ministry of Health",
            "donor_kind": "organisation",
            "country": "MW",
            "pool": "general",
            "amount": "2500.00",
            "currency": "USD",
            "public_name": "Ministry of Health of Malawi",
            "due_on": f"{year}-03-31",
        },
        {
            "external_id": "AGREEMENT-7",
            "kind": "pledge",
            "donor": "An agency",
            "email": "desk@example.org",
            "country": "NO",
            "pool": "general",
            "amount": "50000",
            "currency": "USD",
            "public_name": "An agency",
            "schedule": f"{year}-01-31 25000 | {year}-07-31 25000",
            "binding": "yes",
        },
        {
            "external_id": "CHEQUE-112",
            "kind": "payment",
            "donor": "Grace Giver",
            "donor_kind": "person",
            "pool": "general",
            "amount": "40",
            "currency": "USD",
            "channel": "Cheque",
            "evidence": "Cheque 112",
            "paid_on": day.isoformat(),
        },
    ]
    return csv_files.sample(COLUMNS, rows)
