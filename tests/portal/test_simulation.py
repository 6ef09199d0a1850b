"""A simulated year: made by the real functions, the same for a seed, and only where nothing is."""

import dataclasses
import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from core.mailing.models import Delivery
from core.models import User
from core.money import Money
from funding.ledger import verification
from funding.ledger.models import Figure, FigureTotal, Pool
from funding.payments.stripe_units import to_stripe
from funding.pools.models import Gift, MatchingOffer, Pledge, PoolTransfer
from membership.models import Term
from portal import run as portal_run
from portal import translations
from portal.simulation import plan, stage
from portal.simulation.clock import moved_clock
from portal.simulation.plan import make_plan
from portal.simulation.planned import Scale
from portal.simulation.run import simulate
from tests.conftest import CommittedDatabase, own_database
from tests.database import TestServer

SMALL = dataclasses.replace(Scale().times(0.01), pools=4, gifts=40, transfers=6, organisations=4)
SMALLEST = Scale(
    pools=2,
    donors=3,
    gifts=8,
    pledges=2,
    refunds=1,
    disputes=1,
    transfers=2,
    offers=1,
    organisations=2,
)
MONTH = datetime.date(2026, 10, 1)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    first, again, other = (make_plan(seed, 1, SMALL, until=MONTH) for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_a_plan_of_full_size_holds_what_it_promises_in_time_order() -> None:
    year = make_plan(1, 1, Scale(), until=MONTH)
    kinds = [event.kind for event in year.events]

    assert (len(year.pools), len(year.donors)) == (12, 400)
    assert (kinds.count("gift"), kinds.count("pledge")) == (6_000, 150)
    assert min(kinds.count(kind) for kind in ("refund", "dispute", "transfer", "overhead")) > 10
    assert [event.at for event in year.events] == sorted(event.at for event in year.events)
    by_card = [event.about for event in year.events if event.about.get("channel") == "card"]
    for gift in by_card:  # none that the processor would refuse
        if "amount" in gift:
            to_stripe(Money(gift["amount"], year.pools[gift["pool"]].currency))
    assert year.start == datetime.date(2025, 11, 1)
    assert year.events[-1].at.date() < year.end == datetime.date(2026, 11, 1)


def test_the_moved_clock_stands_where_it_was_put_never_goes_back_and_ends() -> None:
    then = datetime.datetime(2025, 3, 1, tzinfo=datetime.UTC)

    with moved_clock(then) as clock:
        assert timezone.now() == then
        assert timezone.localdate() == then.date()
        with pytest.raises(ValueError, match="cannot go back"):
            clock.move(then - datetime.timedelta(seconds=1))

    assert timezone.now() > then + datetime.timedelta(days=365)


def figures_of_a_year(run: TestServer, folder: Path, seed: int, today: datetime.date) -> Any:
    """What a simulated year comes to, run on ``today`` in a database of its own."""
    clock = datetime.datetime.combine(today, datetime.time(12), datetime.UTC)
    checkpoints = override_settings(LEDGER_CHECKPOINT_DIR=str(folder / f"{seed}-{today}"))
    with own_database(run), checkpoints, moved_clock(clock):
        simulate(seed, 1, SMALLEST, until=MONTH)
        totals = FigureTotal.objects.order_by().values_list(
            "pool__code", "period__month", "currency", "name"
        )
        return (
            sorted(totals.annotate(Sum("amount"))),
            Gift.objects.count(),
            sorted(Pledge.objects.values_list("amount", "pool__code")),
            sorted(Term.objects.values_list("starts_on", "ends_on", "fee")),
        )


def test_the_same_seed_and_last_month_make_the_same_figures_whatever_today_is(
    django_db_setup: TestServer,
    django_db_blocker: DjangoDbBlocker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Most of so small a run is the making of pages, which hold no figures.
    monkeypatch.setattr(stage, "setup_tree", lambda: None)
    monkeypatch.setattr(stage.Stage, "_page", lambda *_: None)
    every_day = plan._days
    monkeypatch.setattr(plan, "_days", lambda *about: every_day(*about)[::30])
    with django_db_blocker.unblock():
        november, march, other = (
            figures_of_a_year(django_db_setup, tmp_path, seed, today)
            for seed, today in (
                (7, datetime.date(2026, 11, 3)),
                (7, datetime.date(2027, 3, 29)),
                (8, datetime.date(2026, 11, 3)),
            )
        )

    assert november == march
    assert november[0] != other[0]
    assert min(november[1], len(november[2]), len(november[3])) > 0


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
    assert sum(year.refused.values()) < year.events / 4
    # Nothing is left that would write to invented donors.
    from django_tasks_db.models import DBTaskResult

    assert not DBTaskResult.objects.exists()
    states = {row.state for row in Delivery.objects.all()}
    assert states == {Delivery.State.HELD}


def test_the_command_refuses_a_database_that_holds_anybody(committed_db: CommittedDatabase) -> None:
    User.objects.create_user("somebody@example.org")

    with pytest.raises(CommandError, match="holds data already"):
        call_command("simulate", seed=1, stdout=StringIO())

    assert not Pool.objects.exists()


@pytest.mark.parametrize(
    ("until", "words"), [("2026-13", "is no month"), ("9998-12", "9998-12 is not over yet")]
)
def test_the_command_refuses_a_last_month_that_is_none_or_not_over(
    until: str, words: str, committed_db: CommittedDatabase
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("simulate", f"--until={until}", stdout=StringIO())

    assert not Pool.objects.exists()


@pytest.mark.parametrize("wrong", [{"years": 0}, {"scale": 0}])
def test_the_command_refuses_a_year_of_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="--years is 1 or more"):
        call_command("simulate", stdout=StringIO(), **wrong)


def test_a_folder_that_was_simulated_never_gets_the_demos_content_and_another_folder_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []
    monkeypatch.setattr(portal_run, "manage", lambda _place, _env, name, *_: commands.append(name))
    monkeypatch.setattr(portal_run, "manage_in_background", lambda *_: None)
    monkeypatch.setattr(translations, "compile_stale", lambda: None)
    place = portal_run.Place(tmp_path, explicit=True, host="127.0.0.1", port=8000)
    kept = tmp_path / "kept.json"

    portal_run.prepare(place, {}, portal_run.Prepared(kept), simulating=True)
    assert commands == ["prepare_database"]
    portal_run.Prepared(kept).note("demo", portal_run.SIMULATED)
    monkeypatch.setattr(portal_run, "digest", lambda *_: "of a later version")
    portal_run.prepare(place, {}, portal_run.Prepared(kept))
    assert "load_demo" not in commands

    # A simulation that was refused leaves a folder like any other.
    portal_run.prepare(place, {}, portal_run.Prepared(tmp_path / "other.json"), simulating=True)
    assert "load_demo" not in commands
    portal_run.prepare(place, {}, portal_run.Prepared(tmp_path / "other.json"))
    assert commands[-1] == "load_demo"
