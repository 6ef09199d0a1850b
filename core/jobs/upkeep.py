"""The queue cleans up after itself, every night."""

from datetime import timedelta

from django.db.models import Max
from django.utils import timezone
from django_tasks_db.compat import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from core.jobs import job, schedule
from core.jobs.declare import BACKEND
from core.jobs.models import ScheduledSlot

KEEP_DONE = timedelta(days=7)
# A failed job is kept longer: a person may want to know, mend the cause and run it again.
KEEP_FAILED = timedelta(days=60)
KEEP_SLOTS = timedelta(days=30)


@job
def prune() -> None:
    """Delete finished jobs and old slots; the newest slot of a schedule stays, it is its memory."""
    now = timezone.now()
    rows = DBTaskResult.objects.filter(backend_name=BACKEND)
    rows.filter(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - KEEP_DONE).delete()
    rows.filter(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_FAILED).delete()
    newest = ScheduledSlot.objects.values("name").annotate(slot=Max("slot")).values("slot")
    ScheduledSlot.objects.filter(slot__lt=now - KEEP_SLOTS).exclude(slot__in=newest).delete()


schedule.every("17 3 * * *", prune, name="core.prune_jobs")
