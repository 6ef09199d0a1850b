"""Everything that happened to an organisation, newest first, from whatever keeps it.

A source is a function that finds the newest events of one kind; packages that this one does not
know register theirs when their app is ready. Each source asks itself what the reader may see. A page
costs a fixed number of queries: each source is asked once, for as many events as the pages so far
can show.
"""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from wagtail.models import ModelLogEntry

from core.models import User
from membership import tasks
from membership.models import (
    Acceptance,
    Application,
    Organisation,
    SeatRole,
    Task,
    Term,
    TermNotice,
)

PAGE = 40
# So far back that nobody reads on; a made-up number in an address costs no more than this.
LAST_PAGE = 250
# Log entries that a source below tells better: notes with their words, promises one by one.
TOLD_ELSEWHERE = ("membership.write_note", "membership.promise")


@dataclass(frozen=True, slots=True)
class Event:
    """One line: when, what in words, of which thing, by whom, and why or how."""

    at: datetime.datetime
    words: str
    about: str = ""
    who: str = ""
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a source is asked: about an organisation and those merged into it, for a reader."""

    organisation_ids: tuple[int, ...]
    reader: User
    limit: int

    @property
    def term_ids(self) -> models.QuerySet[Term, int]:
        terms = Term.objects.filter(organisation__in=self.organisation_ids)
        return terms.order_by().values_list("pk", flat=True)


Source = Callable[[Question], Iterable[Event]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Have the timeline tell what ``source`` finds; registered twice it is asked once."""
    if source not in _sources:
        _sources.append(source)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the timeline, and the numbers of those beside it; None where there is none."""

    events: list[Event]
    newer: int | None
    older: int | None


def page_of(organisation: Organisation, reader: User, number: int) -> Page:
    """Page ``number`` (1 is the newest) of what happened to an organisation."""
    number = min(max(number, 1), LAST_PAGE)
    merged = organisation.merged.values_list("pk", flat=True)
    ids = (organisation.pk, *merged)
    question = Question(ids, reader, number * PAGE + 1)
    found = [event for source in _sources for event in source(question)]
    found.sort(key=lambda event: event.at, reverse=True)
    begins, ends = (number - 1) * PAGE, number * PAGE
    return Page(
        events=found[begins:ends],
        newer=number - 1 if number > 1 else None,
        older=number + 1 if len(found) > ends and number < LAST_PAGE else None,
    )


# --- The audit log --------------------------------------------------------------------------------


def _of_log(question: Question) -> Iterable[Event]:
    reader = question.reader
    kinds: list[tuple[type[models.Model], models.QuerySet[Any]]] = [
        (Organisation, Organisation.objects.filter(pk__in=question.organisation_ids))
    ]
    if reader.has_perm("membership.view_application"):
        # A draft is its applicant's own business.
        handed_in = Application.objects.exclude(submitted_at__isnull=True)
        kinds.append((Application, handed_in.filter(organisation__in=question.organisation_ids)))
    if reader.has_perm("membership.view_term"):
        kinds.append((Term, Term.objects.filter(organisation__in=question.organisation_ids)))
    if reader.has_perm(tasks.VIEW):
        theirs = tasks.visible_to(reader).filter(organisation__in=question.organisation_ids)
        kinds.append((Task, theirs))
    types = ContentType.objects.get_for_models(*[model for model, __ in kinds])
    wanted = Q()
    for model, rows in kinds:
        # Written out, so that the log is read by its index.
        keys = [str(pk) for pk in rows.order_by().values_list("pk", flat=True)]
        wanted |= Q(content_type=types[model], object_id__in=keys)
    entries = list(
        ModelLogEntry.objects.filter(wanted)
        .exclude(action__in=TOLD_ELSEWHERE)
        .select_related("user", "content_type")
        .order_by("-timestamp", "-pk")[: question.limit]
    )
    told = _Names(question, entries)
    return [
        Event(
            at=entry.timestamp,
            words=str(entry.message),
            about=told.about(entry),
            who=_who(entry.user),
            detail=_detail(_said(entry)),
            url=told.url(entry),
        )
        for entry in entries
    ]


class _Names:
    """What log entries are about, in words; read once for all entries of a page."""

    def __init__(self, question: Question, entries: list[ModelLogEntry]) -> None:
        people = {_said(entry).get("person") for entry in entries}
        self.people = User.objects.in_bulk([each for each in people if isinstance(each, int)])
        by_type = {
            model: {int(entry.object_id) for entry in entries if entry.content_type == found}
            for model, found in ContentType.objects.get_for_models(Term, Task).items()
        }
        self.terms = Term.objects.in_bulk(by_type[Term])
        self.tasks = Task.objects.in_bulk(by_type[Task])

    def about(self, entry: ModelLogEntry) -> str:
        model, pk = _model(entry), int(entry.object_id)
        if model is Term and pk in self.terms:
            return _("Term %(days)s") % {"days": _days(self.terms[pk])}
        if model is Task and pk in self.tasks:
            return str(self.tasks[pk])
        person = self.people.get(_said(entry).get("person", 0))
        return str(person) if person else ""

    def url(self, entry: ModelLogEntry) -> str:
        model, pk = _model(entry), int(entry.object_id)
        if model is Term:
            return reverse("membership_terms:inspect", args=[pk])
        if model is Application:
            return reverse("membership_applications:decide", args=[pk])
        if model is Task:
            return reverse("membership_tasks:inspect", args=[pk])
        return ""


def _model(entry: ModelLogEntry) -> type[models.Model] | None:
    return entry.content_type.model_class() if entry.content_type else None


def _said(entry: ModelLogEntry) -> dict[str, Any]:
    return entry.data or {}


def _detail(data: dict[str, Any]) -> str:
    """Roles, who has it in hand, and the reason; of the rest staff read the log itself."""
    labels = dict(SeatRole.choices)
    roles = ", ".join(str(labels[role]) for role in data.get("roles") or [] if role in labels)
    to = data.get("to")
    hands = _("In the hands of: %(person)s") % {"person": to} if to else ""
    said = [roles, hands, str(data.get("reason") or ""), str(data.get("link") or "")]
    return " · ".join(part for part in said if part)


def _who(person: User | None) -> str:
    return str(person) if person else _("the portal")


def _days(term: Term) -> str:
    first, last = formats.date_format(term.starts_on), formats.date_format(term.last_day)
    return f"{first} – {last}"


# --- What is kept in rows of its own --------------------------------------------------------------


def _of_notes(question: Question) -> Iterable[Event]:
    notes = tasks.notes_for(question.reader, question.organisation_ids)
    return [
        Event(at=note.at, words=_("Note"), who=str(note.by), detail=note.text)
        for note in notes[: question.limit]
    ]


def _of_tasks(question: Question) -> Iterable[Event]:
    """That a promise became a task; all else about tasks stands in the log."""
    theirs = tasks.visible_to(question.reader).promised()
    made = theirs.filter(organisation__in=question.organisation_ids)
    return [
        Event(
            at=task.created_at,
            words=_("Promised"),
            about=str(task),
            who=_("the portal"),
            detail=_("due on %(day)s") % {"day": formats.date_format(task.due_on)},
            url=reverse("membership_tasks:inspect", args=[task.pk]),
        )
        for task in made.order_by("-created_at", "-pk")[: question.limit]
    ]


def _of_acceptances(question: Question) -> Iterable[Event]:
    if not question.reader.has_perm("membership.view_acceptance"):
        return []
    theirs = Q(organisation__in=question.organisation_ids) | Q(
        application__organisation__in=question.organisation_ids,
        application__submitted_at__isnull=False,
    )
    rows = Acceptance.objects.filter(theirs).select_related("version__agreement", "person")
    return [
        Event(
            at=row.accepted_at,
            words=_("Agreement accepted"),
            about=str(row.version),
            who=str(row.person),
            detail=", ".join(each for each in (row.signatory_name, row.signatory_function) if each),
            url=reverse("agreement", args=[row.version_id]) if row.version.published_at else "",
        )
        for row in rows.order_by("-accepted_at", "-pk")[: question.limit]
    ]


def _of_notices(question: Question) -> Iterable[Event]:
    """What was written to the organisation about the end of its terms."""
    if not question.reader.has_perm("membership.view_term"):
        return []
    rows = TermNotice.objects.filter(term__organisation__in=question.organisation_ids)
    return [
        Event(
            at=row.created_at,
            words=_("Written to about the end of the term"),
            about=str(row.get_kind_display()),
            who=_("the portal"),
            url=reverse("membership_terms:inspect", args=[row.term_id]),
        )
        for row in rows.order_by("-created_at", "-pk")[: question.limit]
    ]


for _source in (_of_log, _of_notes, _of_tasks, _of_acceptances, _of_notices):
    register(_source)
