"""Money promised out never exceeds money held (rule 6); facts from outside always post."""

import threading
import time
from typing import Any

import pytest
from django.db import connection

from funding.ledger import queries, templates
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry, Pool
from funding.ledger.posting import POST, arguments
from funding.ledger.refusals import NotEnoughAvailable
from portal import database
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now


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


def test_currencies_are_promised_apart(pool: Pool) -> None:
    dinars = make_pool(currency="KWD")
    post_now(gift_entry(dinars, 1_500, 0))
    with pytest.raises(NotEnoughAvailable, match=r"1\.500"):
        post_now(commitment(dinars, 1_501))


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
    start = threading.Barrier(8)

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


def test_a_decision_and_a_fact_on_one_pool_never_wait_in_a_circle(
    committed_db: Any, django_db_setup: Any
) -> None:
    pool = make_pool()
    post_now(gift_entry(pool, 10_000, 0))
    post_now(commitment(pool, 500))
    charge = templates.bank_charge(amount=1, **about(pool, "charge"))
    outcome: list[object] = []

    def pay() -> None:
        try:
            outcome.append(post_now(templates.disbursement_paid(amount=500, **about(pool, "pay"))))
        except Exception as error:  # a deadlock, which the database breaks after a second
            outcome.append(error)
        finally:
            connection.close()

    other = django_db_setup.server.connect(database.APP_ROLE, committed_db.name)
    other.autocommit = False
    # The fact is posted and its transaction stays open: it holds the bank account's balance.
    with other.cursor() as cursor:
        cursor.execute(POST, arguments(charge))
    decider = threading.Thread(target=pay)
    decider.start()
    time.sleep(0.5)  # the decision holds the pool and waits for the balance by now
    other.commit()
    other.close()
    decider.join(timeout=20)

    assert [type(result).__name__ for result in outcome] == ["Posted"]
    assert available(pool) == 9_499
