"""A row and the job about it, written by one statement.

For where somebody waits for the answer and comes often (a webhook): one statement is its own
transaction, so row and job stand together or not at all, without the round trips of BEGIN, two
INSERTs and COMMIT. Everywhere else a job is enqueued by its own `enqueue`.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django_tasks_db.models import DBTaskResult, get_date_max

from core.jobs.declare import BACKEND, Job

_JOB = f"""
    INSERT INTO {DBTaskResult._meta.db_table}
        (id, status, enqueued_at, args_kwargs, priority, task_path, worker_ids, queue_name,
         backend_name, run_after, exception_class_path, traceback)
    SELECT gen_random_uuid(), 'READY', clock_timestamp(),
           jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object(%s, row.id)),
           %s, %s, '[]', %s, %s, %s, '', ''
      FROM row
    RETURNING 1
"""  # noqa: S608 (a constant of the library)


def insert_with_job(
    insert: str, values: Sequence[Any], job: Job[Any, Any], *, argument: str
) -> bool:
    """Run ``insert`` and enqueue ``job`` with the id of the row it wrote; whether it wrote one.

    ``insert`` is an INSERT that ends with RETURNING id; with ON CONFLICT DO NOTHING a row that is
    there already makes no job. ``argument`` is the name of the job's argument that takes the id.
    """
    made: Any = job
    about = [argument, made.priority, made.module_path, made.queue_name, BACKEND, get_date_max()]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH row AS ({insert}) {_JOB}", [*values, *about])
        return cursor.fetchone() is not None
