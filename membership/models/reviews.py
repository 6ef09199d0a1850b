"""What the reviewers of an application leave: notes, approvals, and the end of an appeal."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership.models.applications import Application


class ReviewNote(models.Model):
    """A word among the reviewers; the applicant never reads it."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField(_("note"), max_length=2000)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("note on an application")
        verbose_name_plural = _("notes on applications")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="review_note_says_something")
        ]

    def __str__(self) -> str:
        return self.text[:80]


class Approval(models.Model):
    """One reviewer's yes. A question to the applicant lets the ones before it lapse."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="approvals")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("given at"))
    reason = models.TextField(_("reason"), max_length=2000, blank=True)
    lapsed_at = models.DateTimeField(_("lapsed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "by"],
                condition=Q(lapsed_at__isnull=True),
                name="approval_once_per_reviewer",
            )
        ]

    def __str__(self) -> str:
        return f"{self.application} · {self.by}"


class Appeal(models.Model):
    """The applicant asks that somebody else looks at a decline. Once per application.

    What was appealed against is copied here: setting it aside opens the application again.
    """

    class Outcome(models.TextChoices):
        STANDS = "stands", _("the decision stands")
        SET_ASIDE = "set_aside", _("the decision is set aside")

    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="appeal")
    text = models.TextField(_("appeal"), max_length=4000)
    made_at = models.DateTimeField(_("made at"))
    declined_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    declined_at = models.DateTimeField(_("declined at"))
    declined_reason = models.TextField(_("reason of the decision"), max_length=2000)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    reason = models.TextField(_("reason"), max_length=2000, blank=True)

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", decided_by__isnull=True, decided_at__isnull=True, reason="")
                | (
                    Q(
                        outcome__in=["stands", "set_aside"],
                        decided_by__isnull=False,
                        decided_at__isnull=False,
                    )
                    & ~Q(reason="")
                ),
                name="appeal_decision_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("declined_by")),
                name="appeal_not_decided_by_who_declined",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="appeal_says_something"),
        ]

    def __str__(self) -> str:
        return self.text[:80]
