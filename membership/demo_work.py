"""What the demo's officers did for its members: promises kept, one that is late, a note, a task.

Loading twice makes nothing double: once something is done, the demo's visitors go on from there.
"""

import datetime
import uuid

from django.utils import timezone

from core.models import User
from membership import benefits, tasks
from membership.demo import MEMBERS, NAMESPACE
from membership.models import Benefit, Organisation, Task

# Since when the lists are said to be in force, so that the demo's members have their days behind them.
SINCE = datetime.timedelta(days=270)
WORDS = "An example: done, and a summary sent to your primary contact."


def begin() -> None:
    """Let the lists be as old as the demo's story. Before anybody is promised anything."""
    since = timezone.localdate() - SINCE
    Benefit.objects.filter(tasks=None, offered_from__gt=since).update(offered_from=since)


def load(officer: User) -> None:
    """Make what the members were promised, and do what was due, but for the last one."""
    benefits.catch_up()
    if Task.objects.exclude(outcome="").exists():
        return
    late = list(
        Task.objects.promised()
        .overdue(timezone.localdate())
        .select_related("organisation")
        .order_by("due_on", "pk")
    )
    for task in late[:-1]:
        tasks.fulfil(task, by=officer, words=WORDS)
        done_at = timezone.now() - (timezone.localdate() - task.due_on) - datetime.timedelta(days=2)
        Task.objects.filter(pk=task.pk).update(closed_at=done_at)
    for task in late[-1:]:
        tasks.take_on(task, by=officer)
    _note_and_task(officer)


def _note_and_task(officer: User) -> None:
    first = Organisation.objects.filter(public_name=MEMBERS[0].name).first()
    if first is None:
        return
    tasks.write_note(
        first,
        "An example: they plan their upgrade for the dry season. Ask in spring how far it is.",
        by=officer,
        form_token=uuid.uuid5(NAMESPACE, "note"),
    )
    tasks.add(
        first,
        "Ask how far the upgrade is (example)",
        due_on=timezone.localdate() + datetime.timedelta(days=6),
        owner=officer,
        by=officer,
        form_token=uuid.uuid5(NAMESPACE, "task"),
    )
