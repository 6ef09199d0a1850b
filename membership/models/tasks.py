"""What officers have to do for an organisation, and what they write down about it."""

import datetime
import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership.models.benefits import OFFICERS, Benefit
from membership.models.fields import in_language
from membership.models.organisations import Organisation
from membership.models.terms import Term


class TaskQuerySet(models.QuerySet["Task"]):
    def open(self) -> "TaskQuerySet":
        return self.filter(outcome="")

    def overdue(self, on: datetime.date) -> "TaskQuerySet":
        return self.open().filter(due_on__lt=on)

    def promised(self) -> "TaskQuerySet":
        """What members were promised: they see these, and no others."""
        return self.filter(benefit__isnull=False)


class Task(models.Model):
    """Something that is done for an organisation by a day.

    Of a benefit and a term, and then its organisation reads it and the proof that it was done; or
    a free one, which stays among the officers. Whether it is overdue follows from its day.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        EXCUSED = "excused", _("not done, with a reason")
        ENDED = "ended", _("ended with the term")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Made with the rendered form, so that a form sent twice makes one task.
    form_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="tasks", verbose_name=_("organisation")
    )
    term = models.ForeignKey(
        Term, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    benefit = models.ForeignKey(
        Benefit, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    # Of a benefit: the words as they were when it was promised.
    title = models.CharField(_("task"), max_length=200)
    title_fr = models.CharField(max_length=200, blank=True)
    title_pt = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("in the hands of"),
        related_name="tasks",
    )
    due_on = models.DateField(_("due on"))
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # How it was done, or why it was not.
    words = models.TextField(_("words"), max_length=2000, blank=True)
    link = models.URLField(_("link"), max_length=500, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["due_on", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["term", "benefit"], name="task_once_per_promise"),
            models.CheckConstraint(
                condition=Q(term__isnull=True, benefit__isnull=True)
                | Q(term__isnull=False, benefit__isnull=False),
                name="task_promise_is_whole",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="task_says_something"),
            models.CheckConstraint(
                condition=Q(link="") | Q(link__regex=r"^https?://"), name="task_link_is_of_the_web"
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome="", closed_at__isnull=True, closed_by__isnull=True, words="", link=""
                )
                | Q(outcome="done", closed_at__isnull=False, closed_by__isnull=False)
                | (
                    Q(outcome="excused", closed_at__isnull=False, closed_by__isnull=False, link="")
                    & ~Q(words="")
                )
                | Q(
                    outcome="ended",
                    closed_at__isnull=False,
                    closed_by__isnull=True,
                    words="",
                    link="",
                    term__isnull=False,
                ),
                name="task_outcome_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=Q(outcome=""), name="task_open_by_day"),
            models.Index(fields=["owner", "due_on"], condition=Q(outcome=""), name="task_of_owner"),
        ]
        triggers = [
            # What was done or excused stays so. What ended with a term goes on when it counts
            # again: dues that were given back can be kept after all.
            pgtrigger.Trigger(
                name="outcome_stays",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.outcome IN ('done', 'excused') AND NEW.outcome <> OLD.outcome"
                ),
                func="RAISE EXCEPTION 'task_outcome_stays: this task is closed'"
                " USING ERRCODE = 'check_violation';",
            )
        ]

    def __str__(self) -> str:
        return in_language(self, "title")

    @property
    def is_open(self) -> bool:
        return not self.outcome

    @property
    def is_promise(self) -> bool:
        return self.benefit_id is not None

    @property
    def hands(self) -> str:
        """In whose hands it is: a person's, or a group's where nobody took it on or they left."""
        if self.owner is not None and self.owner.is_active:
            return str(self.owner)
        return self.benefit.group.name if self.benefit else OFFICERS

    def is_overdue(self, on: datetime.date) -> bool:
        return self.is_open and self.due_on < on


class TaskProof(models.Model):
    """The file that shows that a task was done. In a table of its own: lists never read it."""

    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="proof")
    file_name = models.CharField(_("file"), max_length=150)
    content_type = models.CharField(max_length=40)
    content = models.BinaryField()
    size = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("proof of a task")
        verbose_name_plural = _("proofs of tasks")
        constraints = [
            models.CheckConstraint(
                condition=Q(content_type__in=["application/pdf", "image/jpeg", "image/png"]),
                name="task_proof_kind_is_known",
            ),
            models.CheckConstraint(condition=Q(size__gt=0), name="task_proof_is_not_empty"),
        ]

    def __str__(self) -> str:
        return self.file_name


class OrganisationNote(models.Model):
    """A word among the officers about an organisation, which never reads it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="notes")
    form_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    text = models.TextField(_("note"), max_length=2000)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("note on an organisation")
        verbose_name_plural = _("notes on organisations")
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="organisation_note_says_something")
        ]

    def __str__(self) -> str:
        return self.text[:80]
