"""Jobs of dead workers are taken up again.

A worker says every HEARTBEAT seconds that it lives, by the database's clock. One that has not done
so for DEAD_AFTER seconds is dead, as is one whose supervisor saw it end. Its RUNNING job goes back
to READY after the usual wait, or to FAILED when that was the last attempt: a job that kills its
worker must not do so for ever.
"""

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django_tasks_db.compat import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from core.jobs.declare import BACKEND, options_of
from core.jobs.execution import end_attempt
from core.jobs.models import Worker
from core.transactions import inside_transaction, use_case

HEARTBEAT = timedelta(seconds=2)
DEAD_AFTER = timedelta(seconds=15)


class WorkerDied(Exception):
    """What stands in a job's row when its worker ended in the middle of it."""


def dead_workers() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__lt=Now() - DEAD_AFTER)


def living_workers() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gte=Now() - DEAD_AFTER)


def bury_the_dead() -> int:
    """Take up the jobs of all workers that fell silent; how many jobs those were."""
    return sum(bury(worker_id) for worker_id in dead_workers().values_list("pk", flat=True))


def bury(worker_id: str) -> int:
    """Take up the jobs of a worker that is dead; safe to call twice and by many."""
    with use_case():
        Worker.objects.filter(pk=worker_id).delete()
        return _release(_running().filter(worker_ids__contains=[worker_id]), worker_id)


def bury_the_unknown() -> int:
    """Take up RUNNING jobs whose worker has no row at all: a restored backup, a row removed."""
    with use_case():
        known = set(Worker.objects.values_list("pk", flat=True))
        return sum(
            _release(DBTaskResult.objects.filter(pk=row.pk), row.worker_ids[-1])
            for row in _running()
            if row.worker_ids and row.worker_ids[-1] not in known
        )


def _running() -> QuerySet[DBTaskResult]:
    return DBTaskResult.objects.filter(backend_name=BACKEND, status=TaskResultStatus.RUNNING)


@inside_transaction
def _release(rows: QuerySet[DBTaskResult], worker_id: str) -> int:
    released = 0
    for row in rows.select_for_update(skip_locked=True):
        if row.status != TaskResultStatus.RUNNING or row.worker_ids[-1:] != [worker_id]:
            continue
        died = WorkerDied("The worker ended in the middle of this job.")
        end_attempt(row, options_of(row.task_path), again=True, error=died, text=str(died))
        released += 1
    return released
