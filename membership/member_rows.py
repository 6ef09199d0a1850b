"""A row of a file of members made into what it says; every cell that cannot be read is told."""

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone

from core import csv_cells
from core.money import Money
from core.refusals import Refusal
from membership import import_refusals as refusals
from membership.member_csv import COLUMNS, REQUIRED
from membership.models import Constituency, Organisation, OrganisationKind, Tier
from membership.models.organisations import name_key
from membership.models.terms import FIRST_DAY, LAST_DAY
from membership.registers import all_registers, plain_number

# A year, and what a first term may run on to a common year-end.
LONGEST = datetime.timedelta(days=400)
_LONGEST = {
    "legal_name": 200,
    "public_name": 120,
    "website": 200,
    "registration_number": 100,
    "evidence": 400,
    "contact_name": 150,
    "contact_email": 254,
}
_is_website = URLValidator(schemes=["http", "https"])


@dataclass(frozen=True, slots=True)
class Body:
    """What a row says of an organisation and of who speaks for it."""

    legal_name: str
    public_name: str
    kind: str
    constituency: str
    country: str
    website: str
    registration_agency: str
    registration_number: str
    contact_name: str
    contact_email: str
    language: str

    @property
    def key(self) -> str:
        """What tells one organisation of the files from another: name, country, registration."""
        parts = (
            name_key(self.legal_name),
            self.country,
            self.registration_agency,
            plain_number(self.registration_number),
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def organisation(self) -> Organisation:
        """It as a row that is not saved, to be compared with those that are."""
        row = Organisation(**{name: getattr(self, name) for name in OF_ORGANISATION})
        row.set_keys()
        return row


OF_ORGANISATION = tuple(
    each.name
    for each in fields(Body)
    if each.name not in ("contact_name", "contact_email", "language")
)


@dataclass(frozen=True, slots=True)
class Paid:
    """What a row says of a term, which was paid elsewhere or cost nothing."""

    tier: Tier
    starts_on: datetime.date
    ends_on: datetime.date
    fee: Money
    paid_on: datetime.date
    evidence: str


@dataclass(slots=True)
class Row:
    """One row of the file: ``number`` as a spreadsheet counts it, and what it would do.

    ``errors``: column → what is wrong. ``known``: it was imported before. ``first``: the number of
    the first row of the same organisation. ``organisation``: the one that an earlier file made.
    ``alike``: organisations that may be the same one, to be looked at.
    """

    number: int
    cells: dict[str, str]
    body: Body | None = None
    paid: Paid | None = None
    first: int = 0
    known: bool = False
    organisation: Organisation | None = None
    alike: list[Organisation] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self, refusal: Refusal, column: str = "") -> None:
        named = column or getattr(refusal, "field", "") or "legal_name"
        self.errors.setdefault(named, str(refusal))


def read_row(number: int, cells: dict[str, str], tiers: dict[str, Tier]) -> Row:
    """The row with its `Body` and `Paid`, or with its errors. ``tiers``: all of them by code."""
    row = Row(number, {name: cells.get(name, "").strip() for name in COLUMNS})
    reader = _Reader(row, tiers)
    body, paid = reader.body(), reader.paid()
    if not row.errors:
        row.body, row.paid = body, paid
    return row


class _Reader:
    """Reads the cells of a row, and notes every one that it cannot read."""

    def __init__(self, row: Row, tiers: dict[str, Tier]) -> None:
        self.row = row
        self.tiers = tiers

    def body(self) -> Body:
        """What it says of the organisation; of use only where the row has no errors."""
        agency = self._read("registration_agency", _register) or ""
        number = self._text("registration_number")
        if (
            bool(agency) != bool(plain_number(number))
            and "registration_agency" not in self.row.errors
        ):
            self.row.refuse(
                refusals.HalfRegistration(),
                "registration_number" if agency else "registration_agency",
            )
        legal_name = self._text("legal_name")
        public_name = self._text("public_name")
        if legal_name and not public_name:
            # The directory's column is shorter.
            public_name = legal_name[: _LONGEST["public_name"]].strip()
        return Body(
            legal_name=legal_name,
            public_name=public_name,
            kind=self._read("kind", lambda text: _one_of(text, OrganisationKind.values)) or "",
            constituency=self._read("constituency", lambda text: _one_of(text, Constituency.values))
            or "",
            country=self._read("country", csv_cells.country) or "",
            website=self._read("website", _website) or "",
            registration_agency=agency,
            registration_number=number,
            contact_name=self._text("contact_name"),
            contact_email=(self._read("contact_email", csv_cells.email) or "").lower(),
            language=self._read("language", csv_cells.language) or settings.LANGUAGE_CODE,
        )

    def paid(self) -> Paid | None:
        """What it says of the term; None where a cell that it needs cannot be read."""
        tier = self._read("tier", self._tier)
        starts_on = self._read("starts_on", _term_day)
        ends_on = self._read("ends_on", _term_day)
        currency = self._read("currency", csv_cells.currency)
        fee = self._read("fee_paid", lambda text: Money.parse(text, currency)) if currency else None
        paid_on = self._read("paid_on", csv_cells.day)
        evidence = self._text("evidence")
        if starts_on is None or ends_on is None:
            return None
        today = timezone.localdate()
        if ends_on < starts_on:
            self.row.refuse(refusals.EndsBeforeItStarts(), "ends_on")
        elif ends_on - starts_on > LONGEST:
            self.row.refuse(refusals.TermTooLong(), "ends_on")
        if paid_on and paid_on > today:
            self.row.refuse(refusals.PaidInFuture(), "paid_on")
        elif paid_on and paid_on > ends_on:
            self.row.refuse(refusals.PaidTooLate(), "paid_on")
        if tier is None or fee is None:
            return None
        return Paid(tier, starts_on, ends_on, fee, paid_on or min(starts_on, today), evidence)

    def _tier(self, text: str) -> Tier:
        if text.lower() not in self.tiers:
            raise refusals.UnknownTier(text=text, choices=", ".join(self.tiers))
        return self.tiers[text.lower()]

    def _read(self, column: str, read: Callable[[str], Any]) -> Any:
        """What ``read`` makes of the cell; None for an empty one."""
        text = self._text(column)
        if not text:
            return None
        try:
            return read(text)
        except Refusal as refusal:
            self.row.refuse(refusal, column)
            return None

    def _text(self, column: str) -> str:
        text = " ".join(self.row.cells[column].split())
        if not text and column in REQUIRED:
            self.row.refuse(refusals.CellWanted(), column)
        most = _LONGEST.get(column, 100)
        if len(text) > most:
            self.row.refuse(csv_cells.TooLong(most=most), column)
            return ""
        return text


# --- Cells ----------------------------------------------------------------------------------------


def _one_of(text: str, values: list[str]) -> str:
    if text.lower() not in values:
        raise refusals.NotOneOf(text=text, choices=", ".join(values))
    return text.lower()


def _register(text: str) -> str:
    if text.upper() not in all_registers():
        raise refusals.UnknownRegister(text=text)
    return text.upper()


def _website(text: str) -> str:
    try:
        _is_website(text)
    except ValidationError:
        raise refusals.NotAWebsite(text=text) from None
    return text


def _term_day(text: str) -> datetime.date:
    day = csv_cells.day(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise refusals.DayOutOfRange
    return day
