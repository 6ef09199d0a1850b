"""What pages and exports say of the money, added up from the bytes a reader gets.

Nothing here asks the functions that made those bytes: `funding.transparency.agreement` holds the
sums against the entries.
"""

import csv
import datetime
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse

from core.money import exponent
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Account, Pool
from funding.pools.addresses import pool_page
from funding.transparency import beancount
from funding.transparency.iati import mapping


class NotThere(Exception):
    """Nothing is at an address: a pool may have no page yet, and the foundation no IATI identifier."""


# The body that an address answers with. Raises NotThere.
Get = Callable[[str], bytes]
Sums = dict[str, int]  # minor units

_FIGURE = re.compile(r'data-figure="([a-z_]+)"><data value="(-?[0-9.]+)"')
_CURRENCY = re.compile(r'<h2 id="money-([A-Z]{3})">(.*?)</section>', re.DOTALL)
_POSTING = re.compile(r"^  (\S+) (-?[0-9.]+) ([A-Z]{3})$", re.MULTILINE)
_CUSTOM = re.compile(r'^\S+ custom "figure" "(\S+)" "(\S+)" (-?[0-9.]+) ([A-Z]{3})$', re.MULTILINE)


def _minor(text: str, currency: str) -> int:
    amount = Decimal(text).scaleb(exponent(currency))
    if amount != int(amount):
        raise ValueError(f"{text} {currency} has more decimals than the currency.")
    return int(amount)


def in_currency(name: str, currency: str) -> str:
    """How a sum is named where several currencies stand together."""
    return f"{name} {currency}"


# --- Pages ----------------------------------------------------------------------------------------


def _figures(page: str, currency: str) -> Sums:
    """A page shows each figure as it adds to what is available: fees below zero."""
    found = _FIGURE.findall(page)
    return {name: FIGURE_SIGNS.get(name, 1) * _minor(value, currency) for name, value in found}


def by_page(get: Get, pool: Pool) -> Sums:
    """The figures of the pool's page."""
    return _figures(get(pool_page(pool.code)).decode(), pool.currency)


def by_foundation_page(get: Get) -> dict[str, Sums]:
    """The figures of all pools together, by currency."""
    page = get(reverse("money")).decode()
    return {currency: _figures(part, currency) for currency, part in _CURRENCY.findall(page)}


# --- The API --------------------------------------------------------------------------------------


def _of_api(answer: Any) -> Sums:
    said = {row["figure"]: row["value"]["amount"] for row in answer["figures"]}
    return {**said, "available": answer["available"]["amount"]}


def by_api(get: Get, pool: Pool) -> Sums:
    return _of_api(json.loads(get(reverse("api:pool_figures", args=[pool.code]))))


def by_foundation_api(get: Get) -> dict[str, Sums]:
    """The figures of all pools together, by currency."""
    answer = json.loads(get(reverse("api:figures")))
    return {item["currency"]: _of_api(item) for item in answer["items"]}


# --- CSV ------------------------------------------------------------------------------------------


def _rows(get: Get, address: str) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(get(address).decode("utf-8-sig"))))


def by_csv_of_figures(get: Get, pool: Pool, names: Iterable[str]) -> Sums:
    found = {}
    for name in names:
        address = f"{reverse('pool_entries_csv', args=[pool.code])}?figure={name}"
        found[name] = sum(_minor(row["amount"], pool.currency) for row in _rows(get, address))
    return found


def by_csv_of_postings(get: Get, pool: Pool) -> Sums:
    """By account and currency."""
    address = reverse("pool_entries_csv", args=[pool.code])
    return _postings(_rows(get, address)).get(pool.code, {})


def by_csv_of_ledger(get: Get) -> dict[str, Sums]:
    """Of each pool, by account and currency."""
    return _postings(_rows(get, reverse("ledger_csv")))


def _postings(rows: Iterator[dict[str, str]]) -> dict[str, Sums]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        amount = _minor(row["debit"] or "0", row["currency"])
        amount -= _minor(row["credit"] or "0", row["currency"])
        of_pool = found.setdefault(row["pool"].removeprefix("'"), Counter())
        of_pool[in_currency(row["account"], row["currency"])] += amount
    return {pool: _moved(sums) for pool, sums in found.items()}


def _moved(sums: Sums) -> Sums:
    """Accounts that stand at zero are left out."""
    return {name: amount for name, amount in sums.items() if amount}


# --- Beancount ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal: of each pool the sums by account, and by figure, with their currencies."""

    accounts: dict[str, Sums]
    figures: dict[str, Sums]


def by_journal(get: Get, pool: Pool) -> Journal:
    return _journal(get(reverse("pool_entries_beancount", args=[pool.code])).decode())


def by_journal_of_ledger(get: Get) -> Journal:
    return _journal(get(reverse("ledger_beancount")).decode())


def _journal(text: str) -> Journal:
    names = beancount.account_names()
    whose = {
        names[pk]: (pool, code)
        for pk, pool, code in Account.objects.values_list("pk", "pool__code", "code")
    }
    accounts: dict[str, Counter[str]] = {}
    for name, amount, currency in _POSTING.findall(text):
        pool, code = whose[name]
        sums = accounts.setdefault(pool, Counter())
        sums[in_currency(code, currency)] += _minor(amount, currency)
    figures: dict[str, Sums] = {}
    for pool, name, amount, currency in _CUSTOM.findall(text):
        figures.setdefault(pool, {})[in_currency(name, currency)] = _minor(amount, currency)
    return Journal({pool: _moved(sums) for pool, sums in accounts.items()}, figures)


# --- Statements -----------------------------------------------------------------------------------


def by_statement(get: Get, pool: Pool, month: datetime.date) -> Sums:
    """Of a closed month: what each account and figure stood at before, how it moved, and after."""
    address = reverse("pool_statement_json", args=[pool.code, f"{month:%Y-%m}"])
    found: Sums = {}
    for book in json.loads(get(address))["books"]:
        rows = [
            *book["accounts"],
            *book["figures"],
            ["available by accounts", *book["available_by_accounts"]],
            ["available by figures", *book["available_by_figures"]],
        ]
        for name, opening, change, closing in rows:
            found |= in_month(in_currency(name, book["currency"]), opening, change, closing)
    return found


def in_month(name: str, opening: int, change: int, closing: int) -> Sums:
    return {f"{name} before": opening, f"{name} moved": change, f"{name} after": closing}


# --- IATI -----------------------------------------------------------------------------------------

_IN_THE_BOOKS = (
    mapping.INCOMING_FUNDS,
    mapping.OUTGOING_COMMITMENT,
    mapping.DISBURSEMENT,
    mapping.EXPENDITURE,
)


def by_activities(get: Get) -> dict[str, Sums]:
    """By IATI identifier: what the transactions of each type add up to. Raises NotThere."""
    tree = ET.fromstring(get(reverse("iati_activities")))  # noqa: S314 (our own file)
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
