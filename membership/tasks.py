"""What officers do with tasks, and the notes they write about an organisation.

Nobody does so for an organisation in which they have a seat: they would say of themselves that a
promise to them was kept, and read what is written about them.
"""

import datetime
import uuid

from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import Count, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from core import audit, uploads
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.models import Organisation, OrganisationNote, Seat, Task, TaskProof
from membership.models.benefits import OFFICERS
from membership.models.tasks import TaskQuerySet
from membership.refusals import (
    LinkNotOfTheWeb,
    NotAnOfficer,
    NothingWritten,
    NotPermitted,
    OrganisationMerged,
    OwnRequest,
    ProofMissing,
    ReasonMissing,
    TaskClosed,
)

VIEW = "membership.view_task"
ADD = "membership.add_task"
CHANGE = "membership.change_task"
READ_NOTES = "membership.view_organisationnote"
WRITE_NOTES = "membership.add_organisationnote"

KINDS = (uploads.PDF, uploads.JPEG, uploads.PNG)
LIMIT = 5 * uploads.MEGABYTE

_is_web_address = URLValidator(schemes=["http", "https"])


# --- Reading --------------------------------------------------------------------------------------


def owners() -> QuerySet[User]:
    """Everybody into whose hands a task may be given: officers with an open account."""
    permission = Permission.objects.filter(
        codename="change_task", content_type__app_label="membership"
    )
    return (
        User.objects.filter(
            Q(groups__permissions__in=permission) | Q(user_permissions__in=permission),
            is_active=True,
        )
        .distinct()
        .order_by("last_name", "email")
    )


def groups() -> QuerySet[Group]:
    """The groups that may do tasks, and the officers'."""
    may = Q(permissions__codename="change_task", permissions__content_type__app_label="membership")
    return Group.objects.filter(may | Q(name=OFFICERS)).distinct().order_by("name")


def visible_to(person: User) -> TaskQuerySet:
    """The tasks that ``person`` may read in the back office. Of an organisation in which they have a
    seat that is what its people read, and no more."""
    if not person.has_perm(VIEW):
        return Task.objects.none()
    own = Organisation.objects.filter(seats__person=person)
    return Task.objects.exclude(benefit__isnull=True, organisation__in=own.values("pk"))


def notes_for(person: User, organisation_ids: tuple[int, ...]) -> QuerySet[OrganisationNote]:
    """The notes about organisations that ``person`` may read."""
    if not person.has_perm(READ_NOTES) or sits_in(person, organisation_ids):
        return OrganisationNote.objects.none()
    return OrganisationNote.objects.filter(organisation__in=organisation_ids).select_related("by")


def sits_in(person: User, organisation_ids: tuple[int, ...]) -> bool:
    return Seat.objects.filter(organisation__in=organisation_ids, person=person).exists()


def mine(person: User) -> QuerySet[Task]:
    """Open tasks in the hands of ``person``."""
    return visible_to(person).filter(outcome="", owner=person)


def of_groups(person: User) -> QuerySet[Task]:
    """Open ones that are a group's: nobody has taken them on, or somebody who has left by now."""
    return visible_to(person).filter(without_a_person(), outcome="")


def without_a_person() -> Q:
    """Tasks in no person's hands, or in those of somebody who may do them no more."""
    return Q(owner__isnull=True) | ~(Q(owner__in=owners()) | Q(owner__in=_superusers()))


def by_group(found: QuerySet[Task]) -> list[tuple[str, int]]:
    """How many of ``found`` each group has, by its name: the benefit's, or the officers'."""
    rows = found.order_by().annotate(group=Coalesce("benefit__group__name", Value(OFFICERS)))
    return sorted(rows.values("group").annotate(count=Count("pk")).values_list("group", "count"))


def take_from_leavers() -> int:
    """Put the open tasks of people who have left into the hands of their groups; how many.

    For a daily job: who does not come back finds nothing again, and nothing waits for them.
    """
    left = Q(owner__isnull=False) & without_a_person()
    taken = 0
    for pk in list(Task.objects.open().filter(left).order_by("pk").values_list("pk", flat=True)):
        with use_case():
            task = Task.objects.select_for_update(of=("self",)).filter(left, pk=pk).first()
            if task is None or not task.is_open:
                continue
            former = str(task.owner)
            task.owner = None
            task.save(update_fields=["owner"])
            audit.record("membership.take_from_leaver", task, by=None, former=former)
            taken += 1
    return taken


def _superusers() -> QuerySet[User]:
    return User.objects.filter(is_superuser=True, is_active=True)


# --- Tasks ----------------------------------------------------------------------------------------


def add(
    organisation: Organisation,
    title: str,
    *,
    due_on: datetime.date,
    owner: User | None,
    by: User,
    form_token: uuid.UUID | None = None,
) -> Task:
    """Add a free task; the same form sent again returns the first one.

    Raises NotPermitted, OwnRequest, NothingWritten, OrganisationMerged, NotAnOfficer.
    """
    with use_case():
        organisation = _lock_organisation(organisation, by, ADD)
        if not title.strip():
            raise NothingWritten
        if form_token and (made := Task.objects.filter(form_token=form_token).first()):
            return made
        _require_owner(owner)
        task = Task.objects.create(
            organisation=organisation,
            form_token=form_token,
            title=title.strip(),
            due_on=due_on,
            owner=owner,
            created_by=by,
        )
        audit.record("membership.add_task", task, by=by, to=str(owner) if owner else "")
    return task


def take_on(task: Task, *, by: User) -> Task:
    """Have the task in one's own hands. Raises the refusals of `assign`."""
    return assign(task, by, by=by)


def assign(task: Task, to: User | None, *, by: User) -> Task:
    """Put an open task into the hands of an officer, or into nobody's.

    Raises NotPermitted, OwnRequest, TaskClosed, NotAnOfficer.
    """
    with use_case():
        task = _lock_open(task, by)
        _require_owner(to)
        if task.owner_id == (to.pk if to else None):
            return task
        task.owner = to
        task.save(update_fields=["owner"])
        audit.record("membership.assign_task", task, by=by, to=str(to) if to else "")
    return task


def fulfil(
    task: Task, *, by: User, words: str = "", link: str = "", sent: uploads.Sent | None = None
) -> Task:
    """Say that a task was done, and how: in words, by a link or by a file.

    Of a benefit that is the proof, which the member reads. Raises uploads.UploadRefused,
    NotPermitted, OwnRequest, TaskClosed, ProofMissing, LinkNotOfTheWeb.
    """
    file = None
    if sent is not None:
        file = uploads.read(sent, kinds=KINDS, limit=LIMIT)  # a scanner may ask another machine
    words, link = words.strip(), link.strip()
    with use_case():
        task = _lock_open(task, by)
        if not (words or link or file):
            raise ProofMissing
        _require_web_address(link)
        if file is not None:
            TaskProof.objects.create(
                task=task,
                file_name=file.name,
                content_type=file.content_type,
                content=file.content,
                size=len(file.content),
            )
        _close(task, Task.Outcome.DONE, by=by, words=words, link=link)
        audit.record("membership.fulfil_task", task, by=by, reason=words, link=link)
    return task


def excuse(task: Task, reason: str, *, by: User) -> Task:
    """Say that a task is not done, and why; of a benefit the member reads it.

    Raises NotPermitted, OwnRequest, TaskClosed, ReasonMissing, NothingWritten.
    """
    with use_case():
        task = _lock_open(task, by)
        if not reason.strip():
            raise ReasonMissing if task.is_promise else NothingWritten
        _close(task, Task.Outcome.EXCUSED, by=by, words=reason.strip())
        audit.record("membership.excuse_task", task, by=by, reason=reason.strip())
    return task


# --- Notes ----------------------------------------------------------------------------------------


def write_note(
    organisation: Organisation, text: str, *, by: User, form_token: uuid.UUID | None = None
) -> OrganisationNote:
    """Write a note about an organisation; the same form sent again returns the first one.

    Raises NotPermitted, OwnRequest, NothingWritten, OrganisationMerged.
    """
    with use_case():
        organisation = _lock_organisation(organisation, by, WRITE_NOTES)
        if not text.strip():
            raise NothingWritten
        notes = OrganisationNote.objects.filter(form_token=form_token)
        if form_token and (written := notes.first()):
            return written
        note = OrganisationNote.objects.create(
            organisation=organisation,
            form_token=form_token,
            text=text.strip(),
            by=by,
            at=timezone.now(),
        )
        # Not its words: whoever may read the log may not read every note.
        audit.record("membership.write_note", organisation, by=by, note=note.pk)
    return note


@inside_transaction
def _lock_organisation(organisation: Organisation, by: User, right: str) -> Organisation:
    locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not by.has_perm(right):
        raise NotPermitted
    if sits_in(by, (locked.pk,)):
        raise OwnRequest
    if locked.merged_into_id is not None:
        raise OrganisationMerged(organisation=locked)
    return locked


@inside_transaction
def _lock_open(task: Task, by: User) -> Task:
    locked = Task.objects.select_for_update(of=("self",)).get(pk=task.pk)
    if not by.has_perm(CHANGE):
        raise NotPermitted
    if sits_in(by, (locked.organisation_id,)):
        raise OwnRequest
    if not locked.is_open:
        raise TaskClosed(task=locked, outcome=locked.get_outcome_display())
    return locked


@inside_transaction
def _close(task: Task, outcome: str, *, by: User, words: str, link: str = "") -> None:
    task.outcome, task.closed_at, task.closed_by = outcome, timezone.now(), by
    task.words, task.link = words, link
    task.save(update_fields=["outcome", "closed_at", "closed_by", "words", "link"])


def _require_owner(owner: User | None) -> None:
    if owner is not None and not (owner.is_active and owner.has_perm(CHANGE)):
        raise NotAnOfficer(person=owner)


def _require_web_address(link: str) -> None:
    if not link:
        return
    try:
        _is_web_address(link)
    except ValidationError as error:
        raise LinkNotOfTheWeb from error
