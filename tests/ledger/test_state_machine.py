"""Random histories against a ledger so naive that it is obviously right: dictionaries and sums."""

import dataclasses
import datetime
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
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

from core.transactions import use_case
from funding.ledger import balances, queries, sealing, templates
from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry, Leaf, Period, Pool
from funding.ledger.periods import close_month
from funding.ledger.posting import post, post_many, reverse
from funding.ledger.refusals import AlreadyReversed, IdempotencyConflict, NotEnoughAvailable
from tests.factories.ledger import make_pool
from tests.factories.membership import make_officer
from tests.ledger.test_templates import TABLE

FACTS = [row for row in TABLE if row[0] not in ("transfer_between_pools", "grant_committed")]
DAYS = st.dates(datetime.date(2026, 1, 1), datetime.date(2026, 6, 30))
AMOUNTS = st.integers(min_value=1, max_value=10**12)


class Books(RuleBasedStateMachine):
    """The real ledger and a naive one side by side; every rule is done to both."""

    def __init__(self) -> None:
        super().__init__()
        # A history of its own, undone at its end; to the ledger it is the test's own transaction.
        self.undone = transaction.atomic()
        self.undone._from_testcase = True  # type: ignore[attr-defined]
        self.undone.__enter__()
        self.posted: dict[int, NewEntry] = {}
        self.month_of: dict[int, datetime.date] = {}
        self.reversed: set[int] = set()
        self.closed: list[datetime.date] = []
        self.number = 0

    @initialize(currency=st.sampled_from(["USD", "JPY", "UGX", "KWD"]))
    def open_pools(self, currency: str) -> None:
        self.currency = currency
        self.pools = [make_pool(currency=currency), make_pool(currency=currency)]
        self.officer = make_officer()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

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

    # What can happen.

    def fact(self, row: Any, pool: int, amount: int, day: datetime.date) -> NewEntry:
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

    @rule(row=st.sampled_from(FACTS), pool=st.integers(0, 1), amount=AMOUNTS, day=DAYS)
    def post_one(self, row: Any, pool: int, amount: int, day: datetime.date) -> None:
        entry = self.fact(row, pool, amount, day)
        try:
            with use_case():
                posted = post(entry)
        except NotEnoughAvailable:
            assert entry.decision
            return
        self.note(entry, posted.entry_id)

    @rule(
        rows=st.lists(st.sampled_from(FACTS), min_size=1, max_size=5),
        pool=st.integers(0, 1),
        amount=AMOUNTS,
        day=DAYS,
    )
    def post_in_bulk(self, rows: list[Any], pool: int, amount: int, day: datetime.date) -> None:
        entries = [self.fact(row, pool, amount, day) for row in rows]
        entries = [entry for entry in entries if not entry.decision]
        with use_case():
            posted = post_many(entries)
        for entry, answer in zip(entries, posted, strict=True):
            assert not answer.replayed
            self.note(entry, answer.entry_id)

    @rule(pool=st.integers(0, 1), amount=AMOUNTS, day=DAYS, overhead=st.booleans())
    def transfer(self, pool: int, amount: int, day: datetime.date, overhead: bool) -> None:
        self.number += 1
        entry = templates.transfer_between_pools(
            key=f"{self.pools[0].code}:{self.number}",
            pool=self.pools[pool].code,
            to_pool=self.pools[1 - pool].code,
            currency=self.currency,
            amount=amount,
            date=day,
            overhead=overhead,
        )
        enough = self.available(self.pools[pool]) >= amount
        try:
            with use_case():
                posted = post(entry)
        except NotEnoughAvailable:
            assert not enough
            return
        assert enough
        self.note(entry, posted.entry_id)

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
    def the_log_has_no_gap(self) -> None:
        leaves = list(Leaf.objects.values_list("sequence", flat=True))
        assert leaves == list(range(len(leaves)))
        assert len(leaves) <= Entry.objects.count()


@pytest.mark.django_db
def test_the_ledger_is_the_naive_ledger_after_any_history() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=25,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
