"""A row of a file, or of the form, made into a `Giving`; every cell that cannot be read is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from core import csv_cells
from core.money import Money
from core.refusals import Refusal
from funding.pools import recording_refusals as refusals
from funding.pools.models import Donor
from funding.pools.recorded_csv import COLUMNS
from funding.pools.recorded_things import DonorFacts, Found, Giving, Kind
from funding.pools.schedules import Part

# Which columns belong to which kinds alone.
_ONLY = {
    "tell_donor": (Kind.EXPECTED, Kind.PAYMENT),
    "due_on": (Kind.EXPECTED, Kind.PLEDGE),
    "schedule": (Kind.PLEDGE,),
    "binding": (Kind.PLEDGE,),
    "condition": (Kind.PLEDGE,),
    "channel": (Kind.EXPECTED, Kind.PAYMENT),
    "evidence": (Kind.PAYMENT,),
    "paid_on": (Kind.PAYMENT,),
    "bank_line": (Kind.PAYMENT,),
}
_YES, _NO = ("yes", "y", "1", "true"), ("no", "n", "0", "false")
_LONGEST = {"donor": 120, "public_name": 120, "condition": 2_000, "evidence": 500}


@dataclass(slots=True)
class Row:
    """One row of the file: ``number`` as a spreadsheet counts it, and what it would do.

    ``errors``: column → what is wrong. ``known``: it is recorded already, as it stands here.
    """

    number: int
    cells: dict[str, str]
    giving: Giving | None = None
    found: Found | None = None
    known: bool = False
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self, refusal: Refusal, column: str = "") -> None:
        named = getattr(refusal, "field", None) or column or "external_id"
        self.errors.setdefault(named if named in COLUMNS else "external_id", str(refusal))


def read_row(number: int, cells: dict[str, str]) -> Row:
    """The row with its `Giving`, or with its errors."""
    row = Row(number, {name: cells.get(name, "").strip() for name in COLUMNS})
    row.giving = _Reader(row).giving()
    return row


class _Reader:
    """Makes a `Giving` of a row's cells, and notes every cell that it cannot read."""

    def __init__(self, row: Row) -> None:
        self.row = row

    def giving(self) -> Giving | None:
        """None where a cell cannot be read."""
        kind = self._read("kind", _kind)
        self._refuse_other_columns(kind)
        currency = self._read("currency", csv_cells.currency)
        amount = self._read("amount", lambda text: _amount(text, currency)) if currency else None
        donor = self._donor()
        due_on = self._read("due_on", csv_cells.day)
        parts: tuple[Part, ...] = ()
        if amount is not None:
            parts = self._read("schedule", lambda text: _parts(text, amount.currency)) or ()
            if kind == Kind.PLEDGE and due_on and not parts:
                parts, due_on = (Part(due_on, amount.amount),), None
        values: dict[str, Any] = {
            "language": self._read("language", csv_cells.language) or settings.LANGUAGE_CODE,
            "tell_donor": bool(self._read("tell_donor", _yes)),
            "binding": bool(self._read("binding", _yes)),
            "paid_on": self._read("paid_on", csv_cells.day),
            **{name: self._text(name) for name in ("public_name", "condition", "evidence")},
        }
        if self.row.errors or kind is None or amount is None or donor is None:
            return None
        cells = self.row.cells
        return Giving(
            external_id=cells["external_id"],
            kind=kind,
            donor=donor,
            pool=cells["pool"].lower(),
            amount=amount,
            due_on=due_on,
            parts=parts,
            channel=cells["channel"],
            bank_line=cells["bank_line"],
            **values,
        )

    def _read(self, column: str, read: Callable[[str], Any]) -> Any:
        """What ``read`` makes of the cell; None for an empty one that may be empty."""
        text = self.row.cells[column]
        if not text and column not in ("kind", "currency", "amount"):
            return None
        try:
            return read(text)
        except Refusal as refusal:
            self.row.errors.setdefault(column, str(refusal))
            return None

    def _text(self, column: str) -> str:
        text = self.row.cells[column]
        most = _LONGEST[column]
        if len(text) > most:
            self.row.errors.setdefault(column, str(csv_cells.TooLong(most=most)))
        return text

    def _donor(self) -> int | DonorFacts | None:
        number = self.row.cells["donor_id"]
        if number:
            return self._read("donor_id", _number)
        facts = DonorFacts(
            name=" ".join(self._text("donor").split()),
            kind=self._read("donor_kind", _donor_kind) or str(Donor.Kind.ORGANISATION),
            email=self._read("email", csv_cells.email) or "",
            country=self._read("country", csv_cells.country) or "",
        )
        if not facts.name:
            self.row.refuse(refusals.DonorWanted())
        return facts

    def _refuse_other_columns(self, kind: str | None) -> None:
        for column, kinds in _ONLY.items():
            text = self.row.cells[column]
            # A plain no says nothing that could be lost.
            if kind is not None and kind not in kinds and text and text.lower() not in _NO:
                names = ", ".join(kinds)
                self.row.errors.setdefault(column, str(refusals.OnlyFor(kinds=names)))


# --- Cells --------------------------------------------------------------------------------------------


def _kind(text: str) -> str:
    if text.lower() not in Kind.values:
        raise refusals.UnknownKind(text=text)
    return text.lower()


def _amount(text: str, currency: str) -> Money:
    if not text:
        raise refusals.AmountWanted
    return Money.parse(text, currency)


def _yes(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise refusals.NotYesOrNo(text=text)
    return text.lower() in _YES


def _parts(text: str, currency: str) -> tuple[Part, ...]:
    """``2026-03-31 2500 | 2026-09-30 2500``."""
    parts = []
    for piece in text.split("|"):
        day, _space, amount = piece.strip().partition(" ")
        try:
            parts.append(Part(csv_cells.day(day), Money.parse(amount, currency).amount))
        except Refusal:
            raise refusals.NotASchedule(text=piece.strip()) from None
    return tuple(sorted(parts, key=lambda part: part.due_on))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise refusals.UnknownDonor(number=text)
    return int(text)


def _donor_kind(text: str) -> str:
    if text.lower() not in Donor.Kind.values:
        raise refusals.UnknownDonorKind(text=text)
    return text.lower()
