"""What comes round is enqueued once a slot, whoever looks and however often."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from cronsim import CronSimError
from django.db import connection
from django_tasks_db.models import DBTaskResult

from core.jobs import schedule
from core.jobs.models import ScheduledSlot
from core.jobs.testing import run_pending_jobs
from core.jobs.upkeep import prune
from tests.core import jobs_for_tests as jobs

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_schedules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(schedule, "_schedules", {})
    jobs.seen.clear()
    yield
    jobs.seen.clear()


def hourly() -> None:
    schedule.every("0 * * * *", jobs.scheduled, name="hourly")


@pytest.mark.parametrize(
    "cron, now, wanted",
    [
        ("0 * * * *", NOON, NOON),
        ("0 * * * *", NOON + timedelta(microseconds=1), NOON),
        ("0 * * * *", NOON - timedelta(microseconds=1), NOON - timedelta(hours=1)),
        ("*/15 * * * *", NOON + timedelta(minutes=44), NOON + timedelta(minutes=30)),
        ("0 3 1 * *", NOON, datetime(2026, 3, 1, 3, tzinfo=UTC)),
        ("0 0 29 2 *", NOON, datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_the_newest_slot_is_the_last_due_moment(cron: str, now: datetime, wanted: datetime) -> None:
    assert schedule.Schedule("x", cron, jobs.scheduled).newest_slot(now) == wanted


@pytest.mark.django_db
def test_a_new_schedule_begins_with_its_next_slot() -> None:
    hourly()

    assert schedule.enqueue_due(NOON + timedelta(minutes=20)) == 0
    assert schedule.enqueue_due(NOON + timedelta(minutes=59, seconds=59)) == 0
    assert schedule.enqueue_due(NOON + timedelta(hours=1)) == 1
    assert run_pending_jobs() == 1
    assert jobs.seen == ["scheduled"]


@pytest.mark.django_db
def test_a_slot_is_enqueued_once_however_often_one_looks() -> None:
    hourly()
    schedule.enqueue_due(NOON)

    counts = [schedule.enqueue_due(NOON + timedelta(hours=1, seconds=n)) for n in range(5)]

    assert counts == [1, 0, 0, 0, 0]


@pytest.mark.django_db
def test_after_a_pause_the_newest_missed_slot_is_made_up_for_and_no_other() -> None:
    hourly()
    schedule.enqueue_due(NOON)

    assert schedule.enqueue_due(NOON + timedelta(hours=7, minutes=30)) == 1
    assert schedule.enqueue_due(NOON + timedelta(hours=7, minutes=31)) == 0


@pytest.mark.django_db
def test_a_clock_that_is_set_back_enqueues_nothing_twice() -> None:
    hourly()
    schedule.enqueue_due(NOON)
    schedule.enqueue_due(NOON + timedelta(hours=1))

    assert schedule.enqueue_due(NOON + timedelta(minutes=10)) == 0
    assert schedule.enqueue_due(NOON + timedelta(hours=1, minutes=1)) == 0


def test_schedulers_that_race_enqueue_a_slot_once(committed_db: Any) -> None:
    hourly()
    schedule.enqueue_due(NOON)
    slots, racers = 10, 4
    barrier = threading.Barrier(racers, timeout=60)
    enqueued: list[int] = []

    def race() -> None:
        for number in range(1, slots + 1):
            barrier.wait()
            enqueued.append(schedule.enqueue_due(NOON + timedelta(hours=number)))
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(enqueued) == slots * racers
    assert sum(enqueued) == DBTaskResult.objects.count() == slots


@pytest.mark.django_db
def test_a_slot_whose_job_cannot_be_written_is_not_marked_as_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hourly()
    schedule.enqueue_due(NOON)

    class Broken:
        module_path = "x"

        def enqueue(self) -> None:
            raise ConnectionError

    broken = schedule.Schedule("hourly", "0 * * * *", Broken())  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setitem(schedule._schedules, "hourly", broken)
        with pytest.raises(ConnectionError):
            schedule.enqueue_due(NOON + timedelta(hours=1))

    assert schedule.enqueue_due(NOON + timedelta(hours=1)) == 1


def test_a_name_stands_for_one_schedule() -> None:
    hourly()
    hourly()  # a module that is imported twice

    with pytest.raises(ValueError, match="hourly"):
        schedule.every("5 * * * *", jobs.scheduled, name="hourly")


@pytest.mark.parametrize("cron", ["", "60 * * * *", "* * *", "every day"])
def test_a_line_that_is_no_cron_line_is_refused_where_it_is_written(cron: str) -> None:
    with pytest.raises(CronSimError):
        schedule.every(cron, jobs.scheduled, name="wrong")


@pytest.mark.django_db
def test_finished_jobs_and_old_slots_are_pruned_and_the_rest_stays() -> None:
    with time_machine.travel(NOON, tick=False):
        jobs.note.enqueue(text="done")
        jobs.gives_up.enqueue()
        run_pending_jobs(raise_errors=False)
        jobs.note.enqueue(text="waits")
        for days in (0, 1):
            ScheduledSlot.objects.create(name="often", slot=NOON - timedelta(days=days))
        ScheduledSlot.objects.create(name="once a year", slot=NOON - timedelta(days=300))

    def after(time: timedelta) -> tuple[list[str], set[tuple[str, int]]]:
        with time_machine.travel(NOON + time, tick=False):
            prune.call()
        statuses = DBTaskResult.objects.order_by("status").values_list("status", flat=True)
        slots = ScheduledSlot.objects.values_list("name", "slot")
        return list(statuses), {(name, (NOON - slot).days) for name, slot in slots}

    every_slot = {("often", 0), ("often", 1), ("once a year", 300)}
    assert after(timedelta(days=6, hours=23)) == (["FAILED", "READY", "SUCCESSFUL"], every_slot)
    assert after(timedelta(days=8)) == (["FAILED", "READY"], every_slot)
    # The newest slot of each schedule is its memory and stays.
    assert after(timedelta(days=61)) == (["READY"], {("often", 0), ("once a year", 300)})
