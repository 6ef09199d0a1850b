"""Whether every page and export says the same of the money, to the cent.

Each is fetched as a reader would fetch it and added up from what it says, not from the functions
that made it. The entries themselves, added up here, are what the others are held against.
"""

import contextlib
import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum
from django.urls import reverse

from core.money import exponent
from funding.ledger import checkpoints, queries, statements, verification
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Figure, Pool, Posting
from funding.pools.addresses import pool_page
from funding.transparency import giver_sums, givers
from funding.transparency.iati import mapping, reading
from funding.transparency.iati.activities import identifier


class NotThere(Exception):
    """Nothing is at an address: a pool may have no page yet, and the foundation no IATI identifier."""


# The body that an address answers with. Raises NotThere.
Get = Callable[[str], bytes]
Sums = dict[str, int]

_FIGURE = re.compile(r'data-figure="([a-z_]+)"><data value="(-?[0-9.]+)"')
_BEANCOUNT = re.compile(r"^  (\S+) (-?[0-9.]+) ([A-Z]{3})$", re.MULTILINE)
_CUSTOM = re.compile(r'^\S+ custom "figure" "(\S+)" "(\S+)" (-?[0-9.]+) ([A-Z]{3})$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Compared:
    """What ``place`` says of ``pool``, and what it should: by figure, in minor units."""

    pool: str
    place: str
    said: Sums
    wanted: Sums

    @property
    def differences(self) -> list[str]:
        """One sentence for each figure that is not what the entries make it."""
        return [
            f"{self.place} of {self.pool}: {name} is {self.said.get(name, 0)}, "
            f"the entries make it {self.wanted.get(name, 0)} (minor units)."
            for name in sorted({*self.said, *self.wanted})
            if self.said.get(name, 0) != self.wanted.get(name, 0)
        ]


def compared(get: Get) -> Iterator[Compared]:
    """Every place that says a sum of a pool, beside the entries. Publishes a checkpoint first, for
    the journal holds what is under one."""
    checkpoints.publish()
    activities = _activities(get)
    for pool in Pool.objects.order_by("code"):
        wanted = _of_entries(pool)
        with_available = {**wanted, "available": queries.available_from_figures(wanted)}
        on_page = {name: with_available[name] for name in _shown(wanted)}
        accounts = _of_postings(pool)

        yield Compared(pool.code, "The kept figures", queries.figures(pool, pool.currency), wanted)
        yield Compared(
            pool.code,
            "The accounts",
            {"available": queries.available_from_accounts(accounts)},
            {"available": with_available["available"]},
        )
        with contextlib.suppress(NotThere):
            yield Compared(pool.code, "The page", _page(get, pool), on_page)
        yield Compared(pool.code, "The API", _api(get, pool), with_available)
        yield Compared(pool.code, "CSV by figure", _csv_figures(get, pool, wanted), wanted)
        yield Compared(pool.code, "CSV of postings", _csv_postings(get, pool), accounts)
        yield from _beancount(get, pool, wanted, accounts)
        yield Compared(pool.code, "Who gave", *_who_gave(pool, wanted))
        if (activity := activities.get(identifier(pool.code))) is not None:
            moved = [line.amount for line in reading.moved(pool)]
            yield Compared(pool.code, "IATI", activity, _in_iati(moved, wanted))
            yield Compared(
                pool.code,
                "IATI’s transfers",
                {"transfers": sum(moved)},
                {"transfers": wanted["transfers"]},
            )


def problems() -> Iterator[str]:
    """What is wrong with what no single pool's figures show: ledger, statements, who gave."""
    yield from verification.problems()
    yield from statements.problems()
    yield from giver_sums.problems()


# --- What the entries say -------------------------------------------------------------------------


def _of_entries(pool: Pool) -> Sums:
    rows = (
        Figure.objects.filter(pool=pool, currency=pool.currency)
        .order_by()
        .values_list("name")
        .annotate(Sum("amount"))
    )
    return dict.fromkeys(FIGURE_SIGNS, 0) | {name: int(amount) for name, amount in rows}


def _of_postings(pool: Pool) -> Sums:
    """By account, in the pool's own currency; accounts that stand at zero are left out."""
    rows = (
        Posting.objects.filter(pool=pool, currency=pool.currency)
        .order_by()
        .values_list("account__code")
        .annotate(Sum("amount"))
    )
    return {code: int(amount) for code, amount in rows if amount}


def _shown(wanted: Sums) -> list[str]:
    """A page leaves out what is zero, but not what was received."""
    return [name for name in FIGURE_SIGNS if wanted[name] or name == "received"] + ["available"]


# --- What others say ------------------------------------------------------------------------------


def _minor(text: str, currency: str) -> int:
    amount = Decimal(text).scaleb(exponent(currency))
    if amount != int(amount):
        raise ValueError(f"{text} {currency} has more decimals than the currency.")
    return int(amount)


def _page(get: Get, pool: Pool) -> Sums:
    """A page shows each figure as it adds to what is available: fees below zero."""
    found = _FIGURE.findall(get(pool_page(pool.code)).decode())
    return {name: FIGURE_SIGNS.get(name, 1) * _minor(value, pool.currency) for name, value in found}


def _api(get: Get, pool: Pool) -> Sums:
    answer = json.loads(get(reverse("api:pool_figures", args=[pool.code])))
    said = {row["figure"]: row["value"]["amount"] for row in answer["figures"]}
    return {**said, "available": answer["available"]["amount"]}


def _rows(get: Get, address: str) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(get(address).decode("utf-8-sig"))))


def _csv_figures(get: Get, pool: Pool, wanted: Sums) -> Sums:
    found = {}
    for name in filter(wanted.get, FIGURE_SIGNS):
        address = f"{reverse('pool_entries_csv', args=[pool.code])}?figure={name}"
        found[name] = sum(_minor(row["amount"], pool.currency) for row in _rows(get, address))
    return found


def _csv_postings(get: Get, pool: Pool) -> Sums:
    found: Counter[str] = Counter()
    for row in _rows(get, reverse("pool_entries_csv", args=[pool.code])):
        if row["currency"] == pool.currency:
            found[row["account"]] += _minor(row["debit"] or "0", pool.currency)
            found[row["account"]] -= _minor(row["credit"] or "0", pool.currency)
    return {code: amount for code, amount in found.items() if amount}


def _beancount(get: Get, pool: Pool, wanted: Sums, accounts: Sums) -> Iterator[Compared]:
    text = get(reverse("pool_entries_beancount", args=[pool.code])).decode()
    found: Counter[str] = Counter()
    for account, amount, currency in _BEANCOUNT.findall(text):
        if currency == pool.currency:
            found[account.rpartition(":")[2].lower()] += _minor(amount, currency)
    said = {code: amount for code, amount in found.items() if amount}
    yield Compared(pool.code, "Beancount’s accounts", said, accounts)
    figures = {
        name: _minor(amount, currency)
        for code, name, amount, currency in _CUSTOM.findall(text)
        if (code, currency) == (pool.code, pool.currency)
    }
    yield Compared(pool.code, "Beancount’s figures", figures, wanted)


def _who_gave(pool: Pool, wanted: Sums) -> tuple[Sums, Sums]:
    """The named ones page by page, and those who are not named: all that was received."""
    received = returned = 0
    after = None
    while True:
        page = givers.page_of_givers(pool, pool.currency, after=after)
        received += sum(row.tally.received for row in page.rows)
        returned += sum(row.tally.returned for row in page.rows)
        after = page.next_after
        if after is None:
            break
    whole = givers.givers(pool, pool.currency)
    others = whole.anonymous + whole.dues + whole.other
    # Named donors who took back all they gave stand on no page; their sums are in the total.
    total = whole.total
    return (
        {
            "received": total.received,
            "returned": total.returned,
            "kept": received - returned + others.kept,
        },
        {
            "received": wanted["received"],
            "returned": wanted["refunded"] + wanted["lost"],
            "kept": wanted["received"] - wanted["refunded"] - wanted["lost"],
        },
    )


def _activities(get: Get) -> dict[str, Sums]:
    """By IATI identifier: what the transactions of each type add up to."""
    try:
        tree = ET.fromstring(get(reverse("iati_activities")))  # noqa: S314 (our own file)
    except NotThere:
        return {}
    found = {}
    for activity in tree.iter("iati-activity"):
        currency = activity.get("default-currency", "")
        sums: Counter[str] = Counter()
        for transaction in activity.iter("transaction"):
            kind, value = transaction.find("transaction-type"), transaction.find("value")
            assert kind is not None
            assert value is not None
            assert value.text is not None
            if value.get("currency", currency) == currency:
                sums[kind.get("code", "")] += _minor(value.text, currency)
        found[activity.findtext("iati-identifier", "")] = {
            type: sums[type] for type in _IN_THE_BOOKS
        }
    return found


_IN_THE_BOOKS = (
    mapping.INCOMING_FUNDS,
    mapping.OUTGOING_COMMITMENT,
    mapping.DISBURSEMENT,
    mapping.EXPENDITURE,
)


def _in_iati(moved: list[int], wanted: Sums) -> Sums:
    """What the mapping of figures to types makes of the figures."""
    return mapping.totals(
        wanted,
        moved_in=sum(amount for amount in moved if amount > 0),
        moved_out=-sum(amount for amount in moved if amount < 0),
    )
