"""What an operator sees of the queue and can do about a failed job."""

import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from core.jobs.models import Worker
from core.jobs.testing import run_pending_jobs
from tests.core import jobs_for_tests as jobs

pytestmark = pytest.mark.django_db


def say(*arguments: str) -> str:
    out = StringIO()
    call_command("jobs", *arguments, stdout=out)
    return out.getvalue()


def a_failed_job() -> Any:
    made = jobs.gives_up.enqueue()
    run_pending_jobs(raise_errors=False)
    return made.id


def test_it_counts_the_jobs_and_names_the_failed_ones_with_their_reason() -> None:
    failed = a_failed_job()
    jobs.note.enqueue(text="waits")
    Worker.objects.create(
        worker_id="w", queue="mail", host="host-a", pid=42, started_at=Now(), seen_at=Now()
    )

    said = say()

    assert f"failed     {failed} tests.core.jobs_for_tests.gives_up" in said
    assert "the address is wrong" in said
    assert "READY      1" in said
    assert "mail (host-a, 42)" in said


def test_a_failed_job_runs_again_with_all_its_attempts() -> None:
    failed = a_failed_job()
    other = a_failed_job()

    assert "1 job(s)" in say("--retry", str(failed))

    row: Any = DBTaskResult.objects.get(pk=failed)
    assert (row.status, row.worker_ids, row.finished_at) == ("READY", [], None)
    assert run_pending_jobs(raise_errors=False) == 1
    assert DBTaskResult.objects.get(pk=other).status == "FAILED"


def test_all_failed_jobs_run_again_and_no_other() -> None:
    a_failed_job()
    a_failed_job()
    jobs.note.enqueue(text="done")
    run_pending_jobs()

    assert "2 job(s)" in say("--retry", "all")
    assert DBTaskResult.objects.filter(status="SUCCESSFUL").count() == 1


def test_an_id_that_names_no_failed_job_is_refused_and_nothing_changes() -> None:
    failed = a_failed_job()

    with pytest.raises(CommandError, match="No failed job"):
        say("--retry", str(failed), str(uuid.uuid4()))
    with pytest.raises(CommandError, match="not the ids"):
        say("--retry", "everything")

    assert DBTaskResult.objects.get(pk=failed).status == "FAILED"


def a_forgotten_job() -> Any:
    made = jobs.secret_that_fails.enqueue(text="code 123456")
    for _attempt in range(2):
        DBTaskResult.objects.filter(pk=made.id).update(run_after=Now())
        run_pending_jobs(raise_errors=False)
    return made.id


def test_a_job_whose_arguments_are_forgotten_is_refused_and_nothing_changes() -> None:
    failed, forgotten = a_failed_job(), a_forgotten_job()

    with pytest.raises(CommandError, match=f"no longer kept.*: {forgotten}"):
        say("--retry", str(failed), str(forgotten))

    assert not DBTaskResult.objects.exclude(status="FAILED").exists()


def test_all_failed_jobs_run_again_but_those_that_cannot() -> None:
    failed, forgotten = a_failed_job(), a_forgotten_job()

    assert "1 job(s)" in say("--retry", "all")

    assert DBTaskResult.objects.get(pk=failed).status == "READY"
    assert DBTaskResult.objects.get(pk=forgotten).status == "FAILED"
