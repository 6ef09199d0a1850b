"""Work that comes round: ``every("0 3 * * *", prune, name="prune")``, times in UTC.

Each due moment is a slot, a row unique by (name, slot) that is written in one transaction with the
job: however many schedulers run, a slot is enqueued once. After a time without any scheduler the
newest missed slot is made up for, the older ones are not. A schedule that is new begins with its
next slot.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cronsim import CronSim
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from core.jobs.declare import Job
from core.transactions import use_case


@dataclass(frozen=True, slots=True)
class Schedule:
    name: str
    cron: str
    job: Job[..., Any]

    def newest_slot(self, now: datetime) -> datetime:
        """The last due moment at or before ``now``."""
        probe = now.replace(microsecond=1)  # counting back, a whole second itself would be left out
        return next(CronSim(self.cron, probe, reverse=True))


_schedules: dict[str, Schedule] = {}


def every(cron: str, job: Job[..., Any], *, name: str) -> None:
    """Enqueue ``job`` (one without arguments) at every moment of a cron line (five fields, UTC).

    Call it beside the job, in the package's ``jobs.py``: the worker imports those. ``name`` is
    unique and stays, since it is what the slots are known by. Raises ValueError for a name taken
    by another schedule and CronSimError for a line that is none.
    """
    schedule = Schedule(name, cron, job)
    schedule.newest_slot(timezone.now())
    known = _schedules.setdefault(name, schedule)
    if (known.cron, known.job.module_path) != (cron, job.module_path):
        raise ValueError(f"Two schedules are named {name!r}.")


def load() -> None:
    """Import every package's ``jobs`` module, and with it the schedules."""
    import core.jobs.upkeep
    import core.mailing.upkeep  # noqa: F401

    autodiscover_modules("jobs")


def enqueue_due(now: datetime | None = None) -> int:
    """Enqueue what is due; how many jobs that were. Safe to call from any number of processes."""
    now = now or timezone.now()
    return sum(_enqueue_slot(schedule, now) for schedule in _schedules.values())


def _enqueue_slot(schedule: Schedule, now: datetime) -> bool:
    from core.jobs.models import ScheduledSlot

    slot = schedule.newest_slot(now)
    slots = ScheduledSlot.objects.filter(name=schedule.name)
    if slots.filter(slot__gte=slot).exists():
        return False
    with use_case():
        is_new = not slots.exists()
        _slot, created = ScheduledSlot.objects.get_or_create(name=schedule.name, slot=slot)
        if not created or is_new:
            return False
        schedule.job.enqueue()
        return True
