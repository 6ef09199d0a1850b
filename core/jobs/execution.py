"""Running one claimed job and writing down how it went.

Every mark is fenced: it changes the row only while the row still is RUNNING in our hands. A worker
that was taken for dead and comes back cannot overwrite what its successor does.
"""

import json
import logging
import time
from traceback import format_exception
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django_tasks_db.compat import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from core.jobs.declare import BACKEND, GiveUp, JobOptions, options_of
from core.transactions import use_case

logger = logging.getLogger("core.jobs")

NO_ARGUMENTS: dict[str, Any] = {"args": [], "kwargs": {}}


class LostJob(Exception):
    """The row is no longer ours: somebody took this worker for dead."""


def claim_next(worker_id: str, queue: str | None = None) -> DBTaskResult | None:
    """Take the next job that is due, of one queue or of all; None where there is none."""
    due = DBTaskResult.objects.ready().filter(backend_name=BACKEND)
    if queue is not None:
        due = due.filter(queue_name=queue)
    with use_case():
        found: DBTaskResult | None = due.get_locked()
        if found is not None:
            found.claim(worker_id)
    return found


def execute(row: DBTaskResult) -> BaseException | None:
    """Run a claimed job, mark it, and return what it raised.

    The database's own loss is raised on: then nothing can be marked, and recovery takes the job up
    again.
    """
    began = time.monotonic()
    options = options_of(row.task_path)
    try:
        with translation.override(settings.LANGUAGE_CODE):
            if options.atomic:
                with use_case():
                    _mark_done(row, options, _call(row))
            else:
                _mark_done(row, options, _call(row))
    except LostJob:
        logger.warning("%s was taken over by another worker", _title(row))
        return None
    except Exception as error:
        # A job that lost its connection is marked through a new one, where the database is back.
        if not connection.in_atomic_block:  # a test's own transaction
            close_old_connections()
        _mark_failed(row, options, error)
        return error
    logger.info("%s done in %.2f s", _title(row), time.monotonic() - began)
    return None


def _call(row: DBTaskResult) -> Any:
    return row.task.call(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])


def _mark_done(row: DBTaskResult, options: JobOptions, return_value: Any) -> None:
    json.dumps(return_value)  # raises before the database is asked, which would end a transaction
    changes: dict[str, Any] = {
        "status": TaskResultStatus.SUCCESSFUL,
        "finished_at": timezone.now(),
        "return_value": return_value,
        "exception_class_path": "",
        "traceback": "",
    }
    if options.forget_arguments:
        changes["args_kwargs"] = NO_ARGUMENTS
    if not _ours(row).update(**changes):
        raise LostJob


def _mark_failed(row: DBTaskResult, options: JobOptions, error: BaseException) -> None:
    text = "".join(format_exception(error))
    again = not isinstance(error, GiveUp)
    end_attempt(row, options, again=again, error=error, text=text)


def end_attempt(
    row: DBTaskResult, options: JobOptions, *, again: bool, error: BaseException, text: str
) -> None:
    """An attempt came to nothing: the job waits for its next one, or is FAILED after the last."""
    attempt = len(row.worker_ids)
    changes: dict[str, Any] = {
        "exception_class_path": f"{type(error).__module__}.{type(error).__qualname__}",
        "traceback": text,
        "return_value": None,
    }
    if again and attempt < options.attempts:
        run_after = timezone.now() + options.delay(attempt)
        changes |= {"status": TaskResultStatus.READY, "run_after": run_after}
        said = f"again at {run_after:%H:%M:%S}"
    else:
        changes |= {"status": TaskResultStatus.FAILED, "finished_at": timezone.now()}
        if _forgets_when_failed(row, options):
            changes["args_kwargs"] = NO_ARGUMENTS
        said = "given up"
    with transaction.atomic():
        if not _ours(row).update(**changes):
            return
        if said == "given up" and options.on_failed is not None:
            options.on_failed(error, *row.args_kwargs["args"], **row.args_kwargs["kwargs"])
    logger.log(
        logging.ERROR if said == "given up" else logging.WARNING,
        "%s failed, attempt %d of %d, %s: %s",
        _title(row),
        attempt,
        options.attempts,
        said,
        text if said == "given up" else f"{type(error).__name__}: {error}",
    )


def _forgets_when_failed(row: DBTaskResult, options: JobOptions) -> bool:
    forgets = options.forget_when_failed
    return forgets is not None and forgets(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])


def has_forgotten(row: DBTaskResult) -> bool:
    """Whether a job that failed has nothing left to run again with."""
    is_blank: bool = row.args_kwargs == NO_ARGUMENTS
    return is_blank and options_of(row.task_path).forget_when_failed is not None


def _ours(row: DBTaskResult) -> QuerySet[DBTaskResult]:
    """The row, on condition that this very attempt still holds it."""
    return DBTaskResult.objects.filter(
        pk=row.pk, status=TaskResultStatus.RUNNING, worker_ids=row.worker_ids
    )


def _title(row: DBTaskResult) -> str:
    return f"{row.task_path} {str(row.pk)[:8]}"
