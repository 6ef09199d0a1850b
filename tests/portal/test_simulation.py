"""A simulated year: made by the real functions, the same for a seed, and only where nothing is."""

import dataclasses
import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.models import User
from funding.ledger import verification
from funding.ledger.models import Figure, Pool
from funding.pools.models import Gift, MatchingOffer, Pledge, PoolTransfer
from portal.simulation.clock import moved_clock
from portal.simulation.plan import Scale, make_plan
from portal.simulation.run import simulate
from tests.conftest import CommittedDatabase

SMALL = dataclasses.replace(Scale().times(0.01), pools=4, gifts=40, transfers=6)
MONTH = datetime.date(2026, 11, 1)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    first, again, other = (make_plan(seed, 1, SMALL, last_month=MONTH) for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_a_plan_of_full_size_holds_what_it_promises_in_time_order() -> None:
    plan = make_plan(1, 1, Scale(), last_month=MONTH)
    kinds = [event.kind for event in plan.events]

    assert (len(plan.pools), len(plan.donors)) == (12, 400)
    assert (kinds.count("gift"), kinds.count("pledge")) == (6_000, 150)
    assert min(kinds.count(kind) for kind in ("refund", "dispute", "transfer", "overhead")) > 10
    assert [event.at for event in plan.events] == sorted(event.at for event in plan.events)
    assert plan.start == datetime.date(2025, 11, 1)
    assert plan.events[-1].at.date() < MONTH


def test_the_moved_clock_stands_where_it_was_put_never_goes_back_and_ends() -> None:
    then = datetime.datetime(2025, 3, 1, tzinfo=datetime.UTC)

    with moved_clock(then) as clock:
        assert timezone.now() == then
        assert timezone.localdate() == then.date()
        with pytest.raises(ValueError, match="cannot go back"):
            clock.move(then - datetime.timedelta(seconds=1))

    assert timezone.now() > then + datetime.timedelta(days=365)


@pytest.fixture
def year(committed_db: CommittedDatabase, own_checkpoints: None) -> Any:
    return simulate(7, 1, SMALL)


def test_a_simulated_year_is_sound_and_holds_every_kind_of_giving(year: Any) -> None:
    assert list(verification.problems()) == []
    assert Gift.objects.filter(received_at__isnull=False).count() == 40
    assert Pledge.objects.exists()
    assert PoolTransfer.objects.filter(approved=True).exists()
    assert MatchingOffer.objects.exists()
    names = set(Figure.objects.values_list("name", flat=True))
    assert {"received", "refunded", "fees", "held", "transfers", "expenses", "committed"} <= names
    assert Pool.objects.count() == 4
    assert year.refused < year.events / 4
    # Nothing is left that would write to invented donors.
    from django_tasks_db.models import DBTaskResult

    assert not DBTaskResult.objects.exists()


def test_the_command_refuses_a_database_that_holds_anybody(committed_db: CommittedDatabase) -> None:
    User.objects.create_user("somebody@example.org")

    with pytest.raises(CommandError, match="holds data already"):
        call_command("simulate", seed=1, stdout=StringIO())

    assert not Pool.objects.exists()


@pytest.mark.parametrize("wrong", [{"years": 0}, {"scale": 0}])
def test_the_command_refuses_a_year_of_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="--years is 1 or more"):
        call_command("simulate", stdout=StringIO(), **wrong)
