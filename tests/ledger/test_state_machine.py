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
from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.entries import NewEntry, Posted
from funding.ledger.models import Entry, Leaf, Period, Pool
from funding.ledger.periods import close_month
from funding.ledger.posting import post, post_many, reverse
from funding.ledger.refusals import AlreadyReversed, IdempotencyConflict, NotEnoughAvailable
from portal.database import OWNER_ROLE
from tests.conftest import own_database
from tests.database import TestServer
from tests.factories.ledger import make_pool
from tests.factories.membership import make_officer
from tests.ledger.test_templates import TABLE

DAYS = st.dates(datetime.date(2026, 1, 1), datetime.date(2026, 6, 30))
AMOUNTS = st.integers(min_value=1, max_value=10**12)
EVENTS = {
    "row": st.sampled_from(TABLE), "pool": st.integers(0, 1), "amount": AMOUNTS, "day": DAYS,
}  # fmt: skip
SOME_EVENTS = st.lists(st.fixed_dictionaries(EVENTS), min_size=1, max_size=5)


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

    @initialize(currency=st.sampled_from(["USD", "JPY", "UGX", "KWD"]))
    def open_pools(self, currency: str) -> None:
        self.currency = currency
        self.pools = [make_pool(currency=currency), make_pool(currency=currency)]
        self.officer = make_officer()

    def teardown(self) -> None:
        try:
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
            month = (self.closed[-1] + datetime.timedelta(days=32)).replace(day=1)
        self.month_of[number] = month

    def accounts(self, pool: Pool, until: datetime.date | None = None) -> Counter[str]:
        found: Counter[str] = Counter()
        for number, entry in self.posted.items():
            if until is None or self.month_of[number] <= until:
                for line in entry.lines:
                    if line.pool == pool.code:
                        found[line.account] += line.amount
        return found

    def figures(self, pool: Pool, until: datetime.date | None = None) -> Counter[str]:
        found: Counter[str] = Counter()
        for number, entry in self.posted.items():
            if until is None or self.month_of[number] <= until:
                for line in entry.figures:
                    if line.pool == pool.code:
                        found[line.name] += line.amount
        return found

    def available(self, pool: Pool) -> int:
        figures = self.figures(pool)
        return sum(sign * figures[name] for name, sign in FIGURE_SIGNS.items())

    def effect(self, entry: NewEntry) -> Counter[str]:
        """What the entry adds to what each pool has available."""
        found: Counter[str] = Counter()
        for line in entry.figures:
            found[line.pool] += FIGURE_SIGNS[line.name] * line.amount
        return found

    def affords(self, entry: NewEntry) -> bool:
        """Whether every pool has what the entry takes from it (rule 6)."""
        effect = self.effect(entry)
        return all(
            effect[pool.code] >= 0 or self.available(pool) + effect[pool.code] >= 0
            for pool in self.pools
        )

    # What can happen.

    def event(self, row: Any, pool: int, amount: int, day: datetime.date) -> NewEntry:
        """A new entry by the posting table's ``row``, with amounts of our choice."""
        event, sample, *_ = row
        amounts = dict(sample)
        for name in amounts:
            if name == "to_pool":
                amounts[name] = self.pools[1 - pool].code
            elif name == "balances":
                amounts[name] = {"contributions": -amount, "fees": amount // 2 or 1}
            elif name in ("amount", "gross"):
                amounts[name] = amount
            elif name in ("fee", "unearned"):
                amounts[name] = amount // 7
        self.number += 1
        about = {"pool": self.pools[pool].code, "currency": self.currency, "date": day}
        key = f"{self.pools[0].code}:{self.number}"
        return getattr(templates, event)(key=key, **about, **amounts)

    @rule(**EVENTS)
    def post_one(self, row: Any, pool: int, amount: int, day: datetime.date) -> None:
        entry = self.event(row, pool, amount, day)
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
        before = {pool.code: self.available(pool) for pool in self.pools}
        start = threading.Barrier(times * len(entries) + 1)

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
        self, before: dict[str, int], *, accepted: list[NewEntry], refused: list[NewEntry]
    ) -> None:
        """In whatever order they came: none took what could not be there, nor was refused for less."""
        gains: Counter[str] = Counter()
        losses: Counter[str] = Counter()
        promised: Counter[str] = Counter()
        for entry in accepted:
            for pool, change in self.effect(entry).items():
                gains[pool] += max(change, 0)
                losses[pool] += max(-change, 0)
                promised[pool] += max(-change, 0) if entry.decision else 0
        for pool, most in before.items():
            assert promised[pool] == 0 or promised[pool] <= most + gains[pool]
        for entry in refused:
            assert entry.decision
            assert any(
                change < 0 and before[pool] - losses[pool] + change < 0
                for pool, change in self.effect(entry).items()
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
        with use_case():
            posted = reverse(stands, reason="Entered twice", by=self.officer, date=day)
        self.reversed.add(number)
        self.note(opposite, posted.entry_id)
        # A second try of the same act is answered from the books, so it is no entry to try.
        self.posted[posted.entry_id] = dataclasses.replace(
            opposite, kind="reversal", memo="Entered twice", source=f"entry:{number}",
            reverses=number, decision=False,
        )  # fmt: skip

    @rule()
    def close_the_next_month(self) -> None:
        months = Period.objects.filter(closed_at__isnull=True).order_by("month")
        oldest = months.values_list("month", flat=True).first() or datetime.date(2026, 1, 1)
        if self.closed:
            oldest = (self.closed[-1] + datetime.timedelta(days=32)).replace(day=1)
        if oldest > datetime.date(2026, 6, 1):
            return
        with use_case():
            close_month(oldest, by=self.officer)
        self.closed.append(oldest)

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
        for pool in getattr(self, "pools", []):
            accounts, figures = self.accounts(pool), self.figures(pool)
            found = queries.balances(pool, self.currency)
            assert {k: v for k, v in found.items() if v} == {k: v for k, v in accounts.items() if v}
            kept = queries.figures(pool, self.currency)
            assert kept == {name: figures[name] for name in FIGURE_SIGNS}
            left = queries.available_from_figures(kept)
            assert left == queries.balance(pool) == sum(accounts[code] for code in AVAILABLE)

    @invariant()
    def closed_months_stay_as_they_were(self) -> None:
        for month in self.closed[-2:]:
            for pool in self.pools:
                statement = queries.statement(pool, month)
                then = self.figures(pool, month)
                assert {n: m.closing for n, m in statement.figures.items()} == {
                    name: then[name] for name in FIGURE_SIGNS
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
            max_examples=25,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
