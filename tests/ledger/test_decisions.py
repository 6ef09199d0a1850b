"""Money promised out never exceeds money held (rule 6); facts from outside always post."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection

from core.transactions import use_case
from funding.ledger import balances, queries, templates
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.entries import NewEntry, Posted
from funding.ledger.models import Entry, Pool
from funding.ledger.posting import POST, arguments, post, reverse
from funding.ledger.refusals import NotEnoughAvailable
from portal import database
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.membership import make_officer


def about(pool: Pool, key: str) -> dict[str, Any]:
    return {"key": key, "pool": pool.code, "currency": pool.currency, "date": A_DAY}


def commitment(pool: Pool, amount: int, key: str = "commit") -> NewEntry:
    return templates.grant_committed(amount=amount, **about(pool, key))


def available(pool: Pool) -> int:
    return queries.available_from_figures(queries.figures(pool, pool.currency))


@pytest.fixture
def pool(db: None) -> Pool:
    """A pool with 96.80 available."""
    made = make_pool(name="Core software")
    post_now(gift_entry(made, 10_000, 320))
    return made


def test_all_that_is_available_can_be_promised_and_not_a_cent_more(pool: Pool) -> None:
    with pytest.raises(NotEnoughAvailable) as refused:
        post_now(commitment(pool, 9_681))
    assert str(refused.value) == (
        "The pool “Core software” has $96.80 available. This would take $96.81 of it. "
        "Wait for more money, or decide on less."
    )
    assert available(pool) == 9_680
    post_now(commitment(pool, 9_680))
    assert available(pool) == 0


def test_what_is_committed_can_be_paid_out_though_nothing_more_is_available(pool: Pool) -> None:
    post_now(commitment(pool, 9_680))
    post_now(templates.disbursement_paid(amount=9_680, **about(pool, "pay")))
    assert available(pool) == 0


def test_a_transfer_is_refused_by_the_pool_it_leaves_and_by_no_other(pool: Pool) -> None:
    poor = make_pool()
    post_now(templates.bank_charge(amount=500, **about(poor, "charge")))
    with pytest.raises(NotEnoughAvailable):
        post_now(templates.transfer_between_pools(amount=1, to_pool=pool.code, **about(poor, "up")))
    post_now(templates.transfer_between_pools(amount=100, to_pool=poor.code, **about(pool, "down")))
    assert available(poor) == -400


@pytest.mark.parametrize(
    "fact",
    [
        lambda **common: templates.bank_charge(amount=20_000, **common),
        lambda **common: templates.dispute_opened(amount=20_000, fee=1_500, **common),
        lambda **common: templates.refunded(amount=20_000, paid="gift", place="clearing", **common),
    ],
)
def test_a_fact_from_outside_posts_below_zero_and_then_nothing_can_be_promised(
    pool: Pool, fact: Any
) -> None:
    post_now(fact(**about(pool, "fact")))
    assert available(pool) < 0
    with pytest.raises(NotEnoughAvailable, match="-"):
        post_now(commitment(pool, 1))


def test_the_same_decision_again_is_the_first_one_though_the_money_is_gone(pool: Pool) -> None:
    entry = commitment(pool, 9_680)
    first = post_now(entry)
    again = post_now(entry)
    assert (again.entry_id, again.replayed) == (first.entry_id, True)


def test_the_signs_in_the_database_are_those_of_the_chart(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, ledger_figure_sign(name) FROM unnest(%s) name", [list(FIGURE_SIGNS)]
        )
        assert dict(cursor.fetchall()) == FIGURE_SIGNS


def test_of_many_who_promise_the_same_money_at_once_one_succeeds(committed_db: Any) -> None:
    pool = make_pool()
    post_now(gift_entry(pool, 10_000, 0))
    outcomes: list[str] = []
    start = threading.Barrier(8, timeout=60)

    def promise(number: int) -> None:
        start.wait()
        try:
            post_now(commitment(pool, 6_000, key=f"commit:{number}"))
            outcomes.append("promised")
        except NotEnoughAvailable:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=promise, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["promised"] + ["refused"] * 7
    assert available(pool) == 4_000
    assert Entry.objects.count() == 2


@pytest.fixture
def somebody_else(committed_db: Any, django_db_setup: Any) -> Iterator[Any]:
    """A psycopg2 connection of the portal's role; what it posts stays uncommitted until told."""
    other = django_db_setup.server.connect(database.APP_ROLE, committed_db.name)
    other.autocommit = False
    yield other
    other.close()


def post_by(other: Any, entry: NewEntry) -> None:
    with other.cursor() as cursor:
        cursor.execute(POST, arguments(entry))


def post_without_waiting(entry: NewEntry) -> Posted:
    """Post ``entry``; LockNotAvailable where it would have to wait for another transaction."""
    with use_case():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '500ms'")
        return post(entry)


def test_a_decision_does_not_wait_for_a_fact_under_way_on_the_same_accounts(
    somebody_else: Any,
) -> None:
    pool = make_pool()
    post_now(gift_entry(pool, 10_000, 0))
    post_now(commitment(pool, 500))
    # Its transaction stays open, and holds what it wrote: balances of bank and fees, two figures.
    post_by(somebody_else, templates.bank_charge(amount=1, **about(pool, "charge")))

    post_without_waiting(templates.disbursement_paid(amount=500, **about(pool, "pay")))

    assert available(pool) == 9_500
    somebody_else.commit()
    assert available(pool) == 9_499
    assert not list(balances.differences())


def test_a_fact_does_not_wait_for_a_decision_under_way_on_the_same_pool(
    somebody_else: Any,
) -> None:
    pool = make_pool()
    post_now(gift_entry(pool, 10_000, 0))
    post_now(commitment(pool, 500))
    post_by(somebody_else, templates.disbursement_paid(amount=500, **about(pool, "pay")))

    post_without_waiting(templates.bank_charge(amount=300, **about(pool, "charge")))

    somebody_else.commit()
    assert available(pool) == 9_200
    assert not list(balances.differences())


def test_a_decision_waits_for_the_one_under_way_on_its_pool_and_is_judged_by_what_that_leaves(
    somebody_else: Any,
) -> None:
    pool, other_pool = make_pool(), make_pool()
    for one in (pool, other_pool):
        post_now(gift_entry(one, 10_000, 0))
    post_by(somebody_else, commitment(pool, 6_000, key="first"))
    second = commitment(pool, 6_000, key="second")

    with pytest.raises(OperationalError, match="lock timeout"):
        post_without_waiting(second)
    post_without_waiting(commitment(other_pool, 6_000, key="elsewhere"))
    somebody_else.commit()
    with pytest.raises(NotEnoughAvailable):
        post_without_waiting(second)
    assert available(pool) == 4_000


def test_transfers_there_and_back_at_once_never_wait_in_a_circle(committed_db: Any) -> None:
    """Each of them locks both pools. Were the first one locked the one that pays, some two would
    soon wait for each other, and the database would break that by a failure."""
    pools = [make_pool(), make_pool()]
    for pool in pools:
        post_now(gift_entry(pool, 1_000_000, 0))
    start = threading.Barrier(6, timeout=60)

    def transfer(number: int) -> None:
        payer, payee = pools if number % 2 else reversed(pools)
        start.wait()
        try:
            for turn in range(25):
                key = f"transfer:{number}:{turn}"
                post(
                    templates.transfer_between_pools(
                        amount=number + 1, to_pool=payee.code, **about(payer, key)
                    )
                )
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(transfer, number) for number in range(6)]:
            done.result()

    # 1, 3 and 5 cents left the second pool, 2, 4 and 6 the first one: 25 times each.
    assert [available(pool) for pool in pools] == [999_925, 1_000_075]
    assert not list(balances.differences())


def test_taking_back_a_release_is_a_promise_of_its_own(db: None) -> None:
    pool = make_pool()
    post_now(gift_entry(pool, 1_000, 0))
    post_now(commitment(pool, 1_000, key="granted"))
    released = post_now(templates.grant_released(amount=1_000, **about(pool, "released"))).entry_id
    post_now(commitment(pool, 1_000, key="granted to another"))

    with pytest.raises(NotEnoughAvailable), use_case():
        reverse(Entry.objects.get(pk=released), reason="Released in error", by=make_officer())


def test_taking_back_a_fact_posts_whatever_it_leaves(db: None) -> None:
    pool = make_pool()
    gift = post_now(gift_entry(pool, 1_000, 0)).entry_id
    post_now(commitment(pool, 1_000, key="granted"))
    with use_case():
        reverse(Entry.objects.get(pk=gift), reason="Of another foundation", by=make_officer())
    assert available(pool) == -1_000
