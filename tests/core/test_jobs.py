"""The queue's rules: what is enqueued, tried again, given up, forgotten."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone, translation
from django_tasks_db.models import DBTaskResult

from core.jobs import JobOptions
from core.jobs.execution import claim_next, execute
from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from tests.core import jobs_for_tests as jobs


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    jobs.seen.clear()
    yield
    jobs.seen.clear()


def the_row() -> Any:
    return DBTaskResult.objects.get()


# --- Enqueuing ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_job_runs_with_the_arguments_it_was_given_and_is_marked_done() -> None:
    jobs.note.enqueue(text="hello")

    assert run_pending_jobs() == 1
    assert jobs.seen == ["hello"]
    assert (the_row().status, the_row().return_value) == ("SUCCESSFUL", "hello")
    assert the_row().finished_at is not None


@pytest.mark.django_db
def test_a_job_enqueued_in_a_transaction_that_rolls_back_never_runs() -> None:
    def fails_after_enqueuing() -> None:
        with use_case():
            jobs.note.enqueue(text="hello")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_after_enqueuing()

    assert not DBTaskResult.objects.exists()
    assert run_pending_jobs() == 0


def test_a_job_is_not_seen_by_a_worker_before_its_transaction_commits(committed_db: Any) -> None:
    found: list[Any] = []

    def look() -> None:
        found.append(claim_next("other"))
        connection.close()

    with use_case():
        jobs.note.enqueue(text="hello")
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert found == [None]
    assert run_pending_jobs() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("argument", [object(), datetime(2026, 1, 1, tzinfo=UTC), {1, 2}])
def test_arguments_that_are_not_json_are_refused_where_they_are_given(argument: Any) -> None:
    with pytest.raises(TypeError):
        jobs.note.enqueue(text=argument)


@pytest.mark.django_db
def test_jobs_that_jobs_enqueue_run_too() -> None:
    jobs.enqueues_another.enqueue(text="second")

    assert run_pending_jobs() == 2
    assert jobs.seen == ["second"]


@pytest.mark.django_db
def test_a_job_for_later_waits_for_its_time() -> None:
    later = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with time_machine.travel(later - timedelta(seconds=1), tick=False):
        jobs.note.using(run_after=later).enqueue(text="later")
        assert run_pending_jobs() == 0
    with time_machine.travel(later, tick=False):
        assert run_pending_jobs() == 1


@pytest.mark.django_db
def test_more_important_jobs_go_first() -> None:
    jobs.unimportant.enqueue(text="last")
    jobs.note.enqueue(text="second")
    jobs.note.using(priority=50).enqueue(text="first")

    run_pending_jobs()

    assert jobs.seen == ["first", "second", "last"]


@pytest.mark.django_db
def test_a_worker_takes_the_jobs_of_its_queue_alone() -> None:
    jobs.unimportant.enqueue(text="mail")

    assert claim_next("worker", "default") is None
    assert claim_next("worker", "mail") is not None


@pytest.mark.django_db
def test_every_job_starts_in_the_sites_own_language() -> None:
    with translation.override("fr"):
        jobs.tells_its_language.enqueue()
        run_pending_jobs()

    assert the_row().return_value == "en"


def test_two_workers_never_take_the_same_job(committed_db: Any) -> None:
    for number in range(20):
        jobs.note.enqueue(text=str(number))
    taken: list[str] = []

    def work(name: str) -> None:
        while (row := claim_next(name)) is not None:
            taken.append(str(row.pk))
        connection.close()

    threads = [threading.Thread(target=work, args=[f"worker-{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken)) == 20


# --- Failing --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_failed_job_waits_and_is_tried_again_with_its_reason_kept() -> None:
    began = datetime(2026, 5, 1, 12, tzinfo=UTC)
    jobs.always_fails.enqueue()
    with time_machine.travel(began, tick=False):
        assert run_pending_jobs(raise_errors=False) == 1

    row = the_row()
    assert row.status == "READY"
    assert timedelta(seconds=1) < row.run_after - began < timedelta(seconds=3)
    assert row.exception_class_path == "builtins.ConnectionError"
    assert "the other side does not answer" in row.traceback
    with time_machine.travel(row.run_after - timedelta(milliseconds=1), tick=False):
        assert run_pending_jobs(raise_errors=False) == 0
    with time_machine.travel(row.run_after, tick=False):
        assert run_pending_jobs(raise_errors=False) == 1


@pytest.mark.django_db
def test_a_job_that_keeps_failing_ends_failed_after_its_attempts() -> None:
    jobs.always_fails.enqueue()
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for _ in range(5):
        with time_machine.travel(now, tick=False):
            run_pending_jobs(raise_errors=False)
        now += timedelta(hours=2)

    assert len(jobs.seen) == 3
    assert the_row().status == "FAILED"
    assert the_row().finished_at is not None
    assert "ConnectionError" in the_row().traceback


@pytest.mark.django_db
def test_a_job_that_gives_up_is_not_tried_again() -> None:
    jobs.gives_up.enqueue()

    run_pending_jobs(raise_errors=False)

    assert the_row().status == "FAILED"
    assert "the address is wrong" in the_row().traceback


def test_the_wait_grows_fourfold_up_to_an_hour_and_is_not_the_same_for_all() -> None:
    options = JobOptions(first_delay=timedelta(seconds=2))
    for attempt, wanted in [(1, 2), (2, 8), (3, 32), (6, 2048), (7, 3600), (500, 3600)]:
        waits = [options.delay(attempt).total_seconds() for _ in range(50)]
        assert wanted * 0.75 <= min(waits) <= max(waits) <= wanted * 1.25
        assert len(set(waits)) > 1


@pytest.mark.django_db
def test_a_result_that_is_not_json_fails_the_job() -> None:
    jobs.returns_what_is_not_json.enqueue()

    with pytest.raises(TypeError):
        run_pending_jobs()

    assert the_row().status == "READY"


@pytest.mark.django_db
def test_a_job_whose_function_is_gone_waits_for_the_release_that_has_it() -> None:
    jobs.note.enqueue(text="hello")
    DBTaskResult.objects.update(task_path="core.mail.long_gone")

    run_pending_jobs(raise_errors=False)

    assert the_row().status == "READY"
    assert "ImportError" in the_row().exception_class_path


@pytest.mark.django_db
def test_in_a_test_the_error_of_a_job_is_raised() -> None:
    jobs.always_fails.enqueue()

    with pytest.raises(ConnectionError):
        run_pending_jobs()


# --- Once, and no trace ---------------------------------------------------------------------------


def test_an_atomic_job_that_fails_leaves_nothing_written(committed_db: Any) -> None:
    jobs.makes_a_user.enqueue(email="one@example.org", fail=True)

    run_pending_jobs(raise_errors=False)

    assert not User.objects.filter(email="one@example.org").exists()
    assert the_row().status == "READY"


def test_an_atomic_job_is_written_and_marked_in_one_transaction(committed_db: Any) -> None:
    jobs.makes_a_user.enqueue(email="one@example.org")
    row = claim_next("first")
    assert row is not None
    # Another worker took this one for dead and has the job in its hands already.
    DBTaskResult.objects.update(worker_ids=["first", "second"])

    assert execute(row) is None

    assert not User.objects.filter(email="one@example.org").exists()
    assert (the_row().status, the_row().worker_ids) == ("RUNNING", ["first", "second"])


@pytest.mark.django_db
@pytest.mark.parametrize("job", [jobs.note, jobs.always_fails])
def test_a_worker_that_was_taken_for_dead_cannot_overwrite_its_successor(job: Any) -> None:
    job.enqueue(text="slow")
    row = claim_next("first")
    assert row is not None
    DBTaskResult.objects.update(worker_ids=["first", "second"])

    execute(row)

    assert (the_row().status, the_row().worker_ids) == ("RUNNING", ["first", "second"])


@pytest.mark.django_db
def test_what_should_not_lie_around_is_blanked_once_the_job_is_done() -> None:
    jobs.secret.enqueue(text="code 123456")

    run_pending_jobs()

    assert jobs.seen == ["code 123456"]
    assert "123456" not in str(DBTaskResult.objects.values().get())


@pytest.mark.django_db
@pytest.mark.parametrize("text, kept", [("code 123456", False), ("word 123456", True)])
def test_what_should_not_lie_around_is_blanked_once_the_job_failed_for_good(
    text: str, kept: bool
) -> None:
    jobs.secret_that_fails.enqueue(text=text)

    run_pending_jobs(raise_errors=False)
    assert the_row().args_kwargs["kwargs"] == {"text": text}

    DBTaskResult.objects.update(run_after=timezone.now())
    run_pending_jobs(raise_errors=False)
    assert the_row().status == "FAILED"
    assert ("123456" in str(DBTaskResult.objects.values().get())) == kept


@pytest.mark.django_db
def test_a_job_that_waits_for_its_next_try_keeps_its_arguments() -> None:
    jobs.always_fails.enqueue(text="needed again")

    run_pending_jobs(raise_errors=False)

    assert the_row().args_kwargs["kwargs"] == {"text": "needed again"}
