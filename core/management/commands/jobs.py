"""``manage.py jobs``: what the queue holds, which workers live, and failed jobs to run again."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.utils import timezone
from django_tasks_db.compat import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from core.jobs import recovery
from core.jobs.declare import BACKEND
from core.jobs.execution import has_forgotten


class Command(BaseCommand):
    help = "Show the background jobs; --retry ID … (or --retry all) runs failed ones again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retry", nargs="+", metavar="ID", default=[])

    def handle(self, *, retry: list[str], **options: Any) -> None:
        if retry:
            self.stdout.write(f"{run_again(retry)} job(s) will run again.")
            return
        rows = DBTaskResult.objects.filter(backend_name=BACKEND)
        for count in (
            rows.order_by("queue_name", "status")
            .values("queue_name", "status")
            .annotate(number=Count("pk"))
        ):
            self.stdout.write(f"{count['queue_name']:10} {count['status']:10} {count['number']}")
        for worker in recovery.living_workers().order_by("queue"):
            self.stdout.write(f"worker     {worker}, since {worker.started_at:%Y-%m-%d %H:%M}")
        for row in rows.filter(status=TaskResultStatus.FAILED).order_by("finished_at"):
            reason = row.traceback.strip().rsplit("\n", 1)[-1]
            self.stdout.write(f"failed     {row.pk} {row.task_path}: {reason}")


def run_again(which: list[str]) -> int:
    """Give failed jobs all their attempts anew; how many. ``which``: ids, or ``["all"]``.

    Raises CommandError for an id that is none, that names no failed job, or one whose arguments are
    forgotten (a message with a code); ``all`` leaves those out.
    """
    rows = DBTaskResult.objects.filter(backend_name=BACKEND, status=TaskResultStatus.FAILED)
    if which != ["all"]:
        try:
            wanted = {UUID(text) for text in which}
        except ValueError as error:
            raise CommandError(f"{' '.join(which)}: not the ids of jobs.") from error
        rows = rows.filter(pk__in=wanted)
        missing = wanted - set(rows.values_list("pk", flat=True))
        if missing:
            raise CommandError(f"No failed job: {', '.join(map(str, sorted(missing)))}.")
    forgotten = {row.pk for row in rows if has_forgotten(row)}
    if forgotten and which != ["all"]:
        raise CommandError(
            "What these jobs were to send held a code and is no longer kept, so they cannot run "
            f"again; people ask for a new code: {', '.join(map(str, sorted(forgotten)))}."
        )
    rows = rows.exclude(pk__in=forgotten)
    return rows.update(
        status=TaskResultStatus.READY,
        run_after=get_date_max(),  # the framework's word for "at once"
        enqueued_at=timezone.now(),
        finished_at=None,
        worker_ids=[],
    )
