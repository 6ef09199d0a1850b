"""What every table for a spreadsheet has in common: how its lines and its numbers are written."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from core.money import exponent


class _Echo:
    """A file that hands back what csv writes to it."""

    def write(self, value: str) -> str:
        return value


def major(amount: int, currency: str) -> Decimal:
    """Minor units as a number of major units with the currency's decimals: a number stays one."""
    return Decimal(amount).scaleb(-exponent(currency))


def as_csv(columns: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180), with a byte order mark so that spreadsheets read UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(columns)
    for row in rows:
        yield writer.writerow(row)
