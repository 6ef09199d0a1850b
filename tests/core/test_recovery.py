"""Jobs of dead workers are taken up again, but not for ever."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from core.jobs import recovery
from core.jobs.execution import claim_next
from core.jobs.models import Worker
from core.jobs.testing import run_pending_jobs
from tests.core import jobs_for_tests as jobs

pytestmark = pytest.mark.django_db


def a_worker(worker_id: str, silent_for: timedelta = timedelta()) -> Worker:
    return Worker.objects.create(
        worker_id=worker_id,
        queue="default",
        host="here",
        pid=1,
        started_at=Now(),
        seen_at=Now() - silent_for,
    )


def a_job_in_the_hands_of(worker_id: str) -> None:
    jobs.always_fails.enqueue(text="x")
    assert claim_next(worker_id) is not None


def the_row() -> Any:
    return DBTaskResult.objects.get()


def due_now() -> None:
    DBTaskResult.objects.filter(status="READY").update(run_after=Now())


def test_the_job_of_a_silent_worker_is_ready_again_and_its_row_is_gone() -> None:
    a_worker("silent", recovery.DEAD_AFTER + timedelta(seconds=1))
    a_job_in_the_hands_of("silent")

    assert recovery.bury_the_dead() == 1

    assert the_row().status == "READY"
    assert "WorkerDied" in the_row().exception_class_path
    assert not Worker.objects.exists()


def test_the_job_of_a_worker_that_was_seen_lately_is_left_alone() -> None:
    a_worker("busy", recovery.DEAD_AFTER - timedelta(seconds=2))
    a_job_in_the_hands_of("busy")

    assert recovery.bury_the_dead() == 0
    assert recovery.bury_the_unknown() == 0

    assert the_row().status == "RUNNING"
    assert [worker.pk for worker in recovery.living_workers()] == ["busy"]


def test_a_worker_that_is_known_to_be_dead_is_not_waited_for() -> None:
    a_worker("killed")
    a_job_in_the_hands_of("killed")

    assert recovery.bury("killed") == 1
    assert recovery.bury("killed") == 0
    assert the_row().status == "READY"


def test_a_running_job_whose_worker_nobody_knows_is_taken_up() -> None:
    a_job_in_the_hands_of("from a restored backup")

    assert recovery.bury_the_unknown() == 1
    assert the_row().status == "READY"


def test_a_job_that_passed_on_to_another_worker_is_not_taken_from_it() -> None:
    a_worker("first", recovery.DEAD_AFTER * 2)
    a_worker("second")
    a_job_in_the_hands_of("first")
    DBTaskResult.objects.update(worker_ids=["first", "second"])

    assert recovery.bury_the_dead() == 0
    assert the_row().status == "RUNNING"


def test_a_job_that_kills_every_worker_ends_failed_with_the_reason() -> None:
    jobs.always_fails.enqueue(text="poison")
    for number in range(3):
        due_now()
        assert claim_next(f"worker-{number}") is not None
        assert recovery.bury(f"worker-{number}") == 1

    assert the_row().status == "FAILED"
    assert "The worker ended in the middle of this job." in the_row().traceback
    due_now()
    assert run_pending_jobs() == 0


def test_a_finished_job_stays_finished_when_its_worker_dies() -> None:
    a_worker("done", recovery.DEAD_AFTER * 2)
    jobs.note.enqueue(text="x")
    run_pending_jobs()
    DBTaskResult.objects.update(worker_ids=["done"])

    assert recovery.bury_the_dead() == 0
    assert the_row().status == "SUCCESSFUL"
