"""The CSV file in which existing members come: its columns, what each holds, and a sample."""

import datetime
from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import csv_files

MOST_ROWS = 1_000
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    words: str | Promise
    required: bool = False


DESCRIBED = (
    Column("legal_name", _("The name in its papers, as it stands on invoices."), required=True),
    Column("public_name", _("The name in the directory. Empty: the legal name.")),
    Column(
        "kind", _("One of: ministry, ngo, implementer, donor, academic, company."), required=True
    ),
    Column(
        "constituency",
        _("Whose voice it is. One of: country, implementer, donor, technical, community."),
        required=True,
    ),
    Column("country", _("Two letters, such as MW."), required=True),
    Column("registration_agency", _("The code of its register at org-id.guide, such as GB-CHC.")),
    Column("registration_number", _("Its number there; both or neither.")),
    Column("website", _("The whole address, with https://.")),
    Column("tier", _("The code of the tier, as the list of tiers shows it."), required=True),
    Column("starts_on", _("The first day of the term, such as 2026-01-01."), required=True),
    Column("ends_on", _("The last day of the term, such as 2026-12-31."), required=True),
    Column(
        "fee_paid",
        _("What was paid for this term, such as 250.00; 0 where it cost nothing."),
        required=True,
    ),
    Column("currency", _("Three letters, such as USD."), required=True),
    Column("paid_on", _("The day on which it was paid. Empty: the first day of the term.")),
    Column("evidence", _("Where the payment can be read, such as “books of 2025, receipt 14”.")),
    Column("contact_name", _("The primary contact."), required=True),
    Column(
        "contact_email",
        _("Their own e-mail address: they get an account without a password."),
        required=True,
    ),
    Column("language", _("The language we write to them in: en, fr or pt. Empty: en.")),
)
COLUMNS = tuple(column.name for column in DESCRIBED)
REQUIRED = tuple(column.name for column in DESCRIBED if column.required)


def read(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows, as `core.csv_files.read` tells them. Raises the subclasses of FileRefused."""
    return csv_files.read(
        content,
        columns=COLUMNS,
        required=REQUIRED,
        most_rows=MOST_ROWS,
        most_bytes=MOST_BYTES,
    )


def sample() -> str:
    """A file to begin with: the heading, and two rows of an invented country and company."""
    year = timezone.localdate().year
    term = {
        "starts_on": datetime.date(year, 1, 1).isoformat(),
        "ends_on": datetime.date(year, 12, 31).isoformat(),
        "currency": "USD",
    }
    rows = [
        {
            **term,
            "legal_name": "Ministry of Health, Example Republic",
            "public_name": "Ministry of Health",
            "kind": "ministry",
            "constituency": "country",
            "country": "MW",
            "website": "https://health.example.org",
            "tier": "country",
            "fee_paid": "0",
            "contact_name": "Ada Example",
            "contact_email": "ada@health.example.org",
            "language": "en",
        },
        {
            **term,
            "legal_name": "Shelf Systems Limited",
            "public_name": "Shelf Systems",
            "kind": "implementer",
            "constituency": "implementer",
            "country": "GB",
            "registration_agency": "GB-COH",
            "registration_number": "01234567",
            "website": "https://shelf.example.org",
            "tier": "implementer",
            "fee_paid": "3000.00",
            "paid_on": datetime.date(year, 1, 12).isoformat(),
            "evidence": f"Books of {year}, receipt 14",
            "contact_name": "Ben Example",
            "contact_email": "ben@shelf.example.org",
            "language": "en",
        },
    ]
    return csv_files.sample(COLUMNS, rows)
