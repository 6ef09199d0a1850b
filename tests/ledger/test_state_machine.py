"""Random histories against a ledger so naive that it is obviously right: dictionaries and sums."""

import contextlib
import dataclasses
import datetime
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.plugin import DjangoDbBlocker

from core.transactions import use_case
from funding.ledger import balances, queries, sealing, templates, verification
from funding.ledger.chart import AVAILABLE, CHART, FIGURE_SIGNS
from funding.ledger.entries import Line, NewEntry, Posted
from funding.ledger.models import Account, Entry, Leaf, Period, Pool
from funding.ledger.periods import close_month, close_year
from funding.ledger.posting import post, post_many, reverse
from funding.ledger.refusals import AlreadyReversed, IdempotencyConflict, NotEnoughAvailable
from portal.database import OWNER_ROLE
from tests.conftest import own_database
from tests.database import TestServer
from tests.factories.ledger import make_pool
from tests.factories.membership import make_officer
from tests.ledger.test_templates import TABLE

# A December lies in the middle, so that a year can be closed and have months before and after it.
FIRST, LAST = datetime.date(2025, 10, 1), datetime.date(2026, 3, 31)
DAYS = st.dates(FIRST, LAST)
AMOUNTS = st.integers(min_value=1, max_value=10**12)
EVENTS = {
    "row": st.sampled_from(TABLE), "pool": st.integers(0, 1), "currency": st.integers(0, 1),
    "amount": AMOUNTS, "day": DAYS,
}  # fmt: skip
SOME_EVENTS = st.lists(st.fixed_dictionaries(EVENTS), min_size=1, max_size=5)


# A pool's code and one of its currencies: what is kept, and what is judged, apart.
Book = tuple[str, str]


def day_before(month: datetime.date) -> datetime.date:
    return month - datetime.timedelta(days=1)


def next_month(month: datetime.date) -> datetime.date:
    return (month + datetime.timedelta(days=32)).replace(day=1)


def is_of_the_year(account: str) -> bool:
    return CHART[account] in (Account.Kind.INCOME, Account.Kind.EXPENSE)


class Books(RuleBasedStateMachine):
    """The real ledger and a naive one side by side; every rule is done to both.

    Each history has a database of its own, since it commits: writers at once are threads of it.
    """

    run: ClassVar[TestServer]

    def __init__(self) -> None:
        super().__init__()
        self.own = contextlib.ExitStack()
        self.database = self.own.enter_context(own_database(self.run))
        self.posted: dict[int, NewEntry] = {}
        self.month_of: dict[int, datetime.date] = {}
        self.reversed: set[int] = set()
        self.closed: list[datetime.date] = []
        self.sealed: list[tuple[int, int]] = []
        self.number = 0

    @initialize(currencies=st.permutations(["USD", "JPY", "UGX", "KWD"]), facts=SOME_EVENTS)
    def open_pools(self, currencies: list[str], facts: list[Any]) -> None:
        """Two pools, each with accounts in both currencies and one of these as its own."""
        one, two, *_ = currencies
        self.currencies = [one, two]
        self.pools = [make_pool(currency=one, also=(two,)), make_pool(currency=two, also=(one,))]
        self.books = [(pool, currency) for pool in self.pools for currency in self.currencies]
        self.officer = make_officer()
        self.post_in_bulk(facts)

    def teardown(self) -> None:
        try:
            # Few histories come as far by themselves.
            while not self.closed or self.closed[-1] < LAST.replace(day=1):
                self.close_the_next_month()
            for month in self.closed:
                self.check_closed(month)
            self.both_ledgers_say_the_same()
            sealing.seal_all()
            assert Leaf.objects.count() == len(self.posted)
            assert list(verification.problems()) == []
        finally:
            self.own.close()

    # The naive ledger.

    def note(self, entry: NewEntry, number: int) -> None:
        assert number not in self.posted
        self.posted[number] = entry
        month = entry.date.replace(day=1)
        if self.closed and month <= self.closed[-1]:
            month = next_month(self.closed[-1])
        self.month_of[number] = month

    def accounts(
        self, pool: Pool, currency: str, until: datetime.date = datetime.date.max
    ) -> Counter[str]:
        found: Counter[str] = Counter()
        for number, entry in self.posted.items():
            for line in entry.lines if self.month_of[number] <= until else ():
                if (line.pool, line.currency) == (pool.code, currency):
                    found[line.account] += line.amount
        return found

    def figures(
        self, pool: Pool, currency: str, until: datetime.date = datetime.date.max
    ) -> Counter[str]:
        found: Counter[str] = Counter()
        for number, entry in self.posted.items():
            for line in entry.figures if self.month_of[number] <= until else ():
                if (line.pool, line.currency) == (pool.code, currency):
                    found[line.name] += line.amount
        return found

    def available(self) -> dict[Book, int]:
        """What each pool has available in each currency."""
        found: dict[Book, int] = {}
        for pool, currency in self.books:
            figures = self.figures(pool, currency)
            found[pool.code, currency] = sum(
                sign * figures[name] for name, sign in FIGURE_SIGNS.items()
            )
        return found

    def effect(self, entry: NewEntry) -> Counter[Book]:
        """What the entry adds to what each pool has available in each currency."""
        found: Counter[Book] = Counter()
        for line in entry.figures:
            found[line.pool, line.currency] += FIGURE_SIGNS[line.name] * line.amount
        return found

    def affords(self, entry: NewEntry) -> bool:
        """Whether every pool has, in the same currency, what the entry takes from it (rule 6)."""
        available = self.available()
        return all(
            change >= 0 or available[book] + change >= 0
            for book, change in self.effect(entry).items()
        )

    def closing_entry(self, pool: Pool, currency: str, december: datetime.date) -> NewEntry | None:
        """What must empty the pool's income and expenses in one currency when the year is closed."""
        result = {
            code: amount
            for code, amount in self.accounts(pool, currency, december).items()
            if amount and is_of_the_year(code)
        }
        if not result:
            return None
        lines = [Line(pool.code, code, currency, -amount) for code, amount in result.items()]
        if surplus := sum(result.values()):
            lines.append(Line(pool.code, "fund-balance", currency, surplus))
        return NewEntry(
            key=f"year-closed:{december.year}:{pool.code}:{currency}",
            kind="year-closed",
            date=december.replace(day=31),
            lines=tuple(lines),
        )

    # What can happen.

    def event(
        self, row: Any, pool: int, currency: int, amount: int, day: datetime.date
    ) -> NewEntry:
        """A new entry by the posting table's ``row``, with amounts of our choice."""
        event, sample, *_ = row
        amounts = dict(sample)
        for name in amounts:
            if name == "to_pool":
                amounts[name] = self.pools[1 - pool].code
            elif name == "parts":
                # A pool's part may be below zero: more was refunded there than came.
                codes = self.pools[pool].code, self.pools[1 - pool].code
                amounts[name] = dict(zip(codes, (amount, -(amount // 7 or 1)), strict=True))
            elif name == "balances":
                amounts[name] = {"contributions": -amount, "fees": amount // 2 or 1}
            elif name in ("amount", "gross"):
                amounts[name] = amount
            elif name in ("fee", "unearned"):
                amounts[name] = amount // 7
        self.number += 1
        about = {
            "pool": self.pools[pool].code,
            "currency": self.currencies[currency],
            "date": day,
        }
        key = f"{self.pools[0].code}:{self.number}"
        return getattr(templates, event)(key=key, **about, **amounts)

    @rule(**EVENTS)
    def post_one(self, **event: Any) -> None:
        entry = self.event(**event)
        if entry.decision and not self.affords(entry):
            with pytest.raises(NotEnoughAvailable), use_case():
                post(entry)
            return
        with use_case():
            posted = post(entry)
        self.note(entry, posted.entry_id)

    @rule(events=SOME_EVENTS)
    def post_in_bulk(self, events: list[Any]) -> None:
        entries = [self.event(**event) for event in events]
        entries = [entry for entry in entries if not entry.decision]
        with use_case():
            posted = post_many(entries)
        for entry, answer in zip(entries, posted, strict=True):
            assert not answer.replayed
            self.note(entry, answer.entry_id)

    @rule(events=SOME_EVENTS, times=st.integers(1, 2))
    def post_at_once(self, events: list[Any], times: int) -> None:
        """Each event ``times`` times, every one by a thread of its own, and a sealer beside them."""
        entries = [self.event(**event) for event in events]
        before = self.available()
        start = threading.Barrier(times * len(entries) + 1, timeout=60)

        def write(entry: NewEntry) -> Posted | None:
            start.wait()
            try:
                return post(entry)
            except NotEnoughAvailable:
                return None
            finally:
                connection.close()

        def seal() -> None:
            start.wait()
            sealing.seal_all()
            connection.close()

        with ThreadPoolExecutor(times * len(entries) + 1) as threads:
            sealer = threads.submit(seal)
            answers = [(entry, threads.submit(write, entry)) for entry in entries * times]
        sealer.result()
        found: dict[str, set[int]] = {}
        fresh: Counter[str] = Counter()
        for entry, answer in answers:
            if (posted := answer.result()) is not None:
                found.setdefault(entry.key, set()).add(posted.entry_id)
                fresh[entry.key] += not posted.replayed
        for entry in entries:
            if entry.key in found:
                (number,) = found[entry.key]
                assert fresh[entry.key] == 1
                self.note(entry, number)
        self.judge_decisions(
            before,
            accepted=[entry for entry in entries if entry.key in found],
            refused=[entry for entry in entries if entry.key not in found],
        )

    def judge_decisions(
        self, before: dict[Book, int], *, accepted: list[NewEntry], refused: list[NewEntry]
    ) -> None:
        """In whatever order they came: none took what could not be there, nor was refused for less."""
        gains: Counter[Book] = Counter()
        losses: Counter[Book] = Counter()
        promised: Counter[Book] = Counter()
        for entry in accepted:
            for book, change in self.effect(entry).items():
                gains[book] += max(change, 0)
                losses[book] += max(-change, 0)
                promised[book] += max(-change, 0) if entry.decision else 0
        for book, most in before.items():
            assert promised[book] == 0 or promised[book] <= most + gains[book]
        for entry in refused:
            assert entry.decision
            assert any(
                change < 0 and before[book] - losses[book] + change < 0
                for book, change in self.effect(entry).items()
            )

    @precondition(lambda self: self.posted)
    @rule(choice=st.data(), change=st.booleans())
    def post_again(self, choice: Any, change: bool) -> None:
        number = choice.draw(st.sampled_from(sorted(self.posted)))
        entry = self.posted[number]
        if not change:
            with use_case():
                assert post(entry).entry_id == number
            return
        with pytest.raises(IdempotencyConflict), use_case():
            post(dataclasses.replace(entry, memo="Other words"))

    @precondition(lambda self: self.posted)
    @rule(choice=st.data(), day=DAYS)
    def reverse_one(self, choice: Any, day: datetime.date) -> None:
        number = choice.draw(st.sampled_from(sorted(self.posted)))
        entry = self.posted[number]
        opposite = dataclasses.replace(
            entry,
            key=f"reverse:{number}",
            date=day,
            lines=tuple(dataclasses.replace(x, amount=-x.amount) for x in entry.lines),
            figures=tuple(dataclasses.replace(x, amount=-x.amount) for x in entry.figures),
        )
        stands = Entry.objects.get(pk=number)
        if number in self.reversed:
            with pytest.raises(AlreadyReversed), use_case():
                post(dataclasses.replace(opposite, key=f"again:{number}", reverses=number))
            return
        ours = [x for x in opposite.figures if x.name in ("transfers", "disbursed", "committed")]
        promised = self.effect(dataclasses.replace(opposite, figures=tuple(ours)))
        opposite = dataclasses.replace(opposite, decision=min([0, *promised.values()]) < 0)
        if opposite.decision and not self.affords(opposite):
            with pytest.raises(NotEnoughAvailable), use_case():
                reverse(stands, reason="Entered twice", by=self.officer, date=day)
            return
        with use_case():
            posted = reverse(stands, reason="Entered twice", by=self.officer, date=day)
        self.reversed.add(number)
        self.note(opposite, posted.entry_id)
        # A second try of the same act is answered from the books, so it is no entry to try.
        self.posted[posted.entry_id] = dataclasses.replace(
            opposite, kind="reversal", memo="Entered twice", source=f"entry:{number}",
            reverses=number,
        )  # fmt: skip

    @rule(how_many=st.integers(1, 2))
    def close_the_next_months(self, how_many: int) -> None:
        for _ in range(how_many):
            self.close_the_next_month()

    def close_the_next_month(self) -> None:
        months = Period.objects.filter(closed_at__isnull=True).order_by("month")
        month = months.values_list("month", flat=True).first() or FIRST
        if self.closed:
            month = next_month(self.closed[-1])
        if month > LAST:
            return
        if month.month == 12:
            self.close_the_year(month)
        else:
            with use_case():
                close_month(month, by=self.officer)
        self.closed.append(month)

    def close_the_year(self, december: datetime.date) -> None:
        closing = [self.closing_entry(*book, december) for book in self.books]
        expected = {entry.key: entry for entry in closing if entry}
        with use_case():
            posted = close_year(december.year, by=self.officer)
        assert not any(answer.replayed for answer in posted)
        stands = Entry.objects.in_bulk([answer.entry_id for answer in posted])
        assert sorted(entry.idempotency_key for entry in stands.values()) == sorted(expected)
        for number, entry in stands.items():
            self.note(expected[entry.idempotency_key], number)
        for pool, currency in self.books:
            left = queries.statement(pool, december, currency=currency).accounts
            assert not [code for code in left if is_of_the_year(code) and left[code].closing]

    @rule(spoil=st.booleans())
    def rebuild(self, spoil: bool) -> None:
        owner = self.run.server.connect(OWNER_ROLE, self.database.name)
        with contextlib.closing(owner), owner.cursor() as cursor:
            if spoil:
                cursor.execute("UPDATE ledger_accountbalance SET amount = amount + 1")
                cursor.execute("DELETE FROM ledger_figuretotal")
            cursor.execute("SELECT public.ledger_rebuild_balances()")

    @rule(at_most=st.integers(1, 4))
    def seal(self, at_most: int) -> None:
        sealing.seal(at_most)

    # What holds after every step.

    @invariant()
    def both_ledgers_say_the_same(self) -> None:
        kept_figures = queries.figures_of_all_pools()
        for pool, currency in getattr(self, "books", []):
            accounts, figures = self.accounts(pool, currency), self.figures(pool, currency)
            assert queries.balances(pool, currency) == accounts
            kept = kept_figures.get((pool.pk, currency), dict.fromkeys(FIGURE_SIGNS, 0))
            assert kept == {name: figures[name] for name in FIGURE_SIGNS}
            left = queries.available_from_figures(kept)
            assert left == sum(accounts[code] for code in AVAILABLE)
            if currency == pool.currency:
                assert left == queries.balance(pool)
                assert kept == queries.figures(pool, currency)

    @invariant()
    def the_last_closed_month_stays_as_it_was(self) -> None:
        for month in self.closed[-1:]:  # the others are looked at in the end
            self.check_closed(month)

    def check_closed(self, month: datetime.date) -> None:
        for pool, currency in self.books:
            statement = queries.statement(pool, month, currency=currency)
            assert statement.is_closed
            for sums, found in (
                (self.accounts, statement.accounts),
                (self.figures, statement.figures),
            ):
                opening = sums(pool, currency, day_before(month))
                closing = sums(pool, currency, month)
                assert {name: (m.opening, m.closing) for name, m in found.items()} == {
                    name: (opening[name], closing[name]) for name in found.keys() | closing
                }

    @invariant()
    def kept_sums_are_the_sums(self) -> None:
        assert not list(balances.differences())

    @invariant()
    def what_is_sealed_has_its_place_for_ever(self) -> None:
        leaves = list(Leaf.objects.values_list("sequence", "entry_id"))
        assert [sequence for sequence, _ in leaves] == list(range(len(leaves)))
        assert leaves[: len(self.sealed)] == self.sealed
        assert {entry for _, entry in leaves} <= set(self.posted)
        self.sealed = leaves


# Shrinking a history that fails takes Hypothesis up to five minutes.
@pytest.mark.timeout(600)
def test_the_ledger_is_the_naive_ledger_after_any_history(
    django_db_setup: TestServer, django_db_blocker: DjangoDbBlocker
) -> None:
    class BooksHere(Books):
        run = django_db_setup

    with django_db_blocker.unblock():
        run_machine(BooksHere)


def run_machine(machine: type[Books]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=16,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
