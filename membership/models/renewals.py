"""What was written to a member about the end of a term, and when membership years end."""

import datetime

from django.db import models
from django.db.models import Q
from django.utils import dates
from django.utils.translation import gettext_lazy as _

from membership.models.terms import GRACE, Term


class TermNotice(models.Model):
    """A message about the end of a term that went out: once a term and kind, whatever runs twice."""

    class Kind(models.TextChoices):
        OFFER = "offer", _("renewal offered")
        MONTH = "month", _("a month before the end")
        WEEK = "week", _("a week before the end")
        LAST_DAY = "last_day", _("on the last day")
        GRACE = "grace", _("in grace")
        LAPSED = "lapsed", _("lapsed")
        NOT_OFFERED = "not_offered", _("renewal not offered")

    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    created_at = models.DateTimeField(_("sent at"), auto_now_add=True)

    class Meta:
        verbose_name = _("notice of a term")
        verbose_name_plural = _("notices of terms")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["term", "kind"], name="term_notice_once"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "offer",
                        "month",
                        "week",
                        "last_day",
                        "grace",
                        "lapsed",
                        "not_offered",
                    ]
                ),
                name="term_notice_kind_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term}: {self.get_kind_display()}"


# The day on which each notice is due, counted from a term's last day.
NOTICE_DAYS: dict[TermNotice.Kind, int] = {
    TermNotice.Kind.OFFER: -60,
    TermNotice.Kind.MONTH: -30,
    TermNotice.Kind.WEEK: -7,
    TermNotice.Kind.LAST_DAY: 0,
    TermNotice.Kind.GRACE: 14,
    TermNotice.Kind.LAPSED: GRACE.days + 1,
}


def notice_day(term: Term, kind: TermNotice.Kind) -> datetime.date:
    """The day on which the notice ``kind`` of ``term`` is due."""
    return term.ends_on + datetime.timedelta(days=NOTICE_DAYS[kind])


class TermPolicy(models.Model):
    """How long terms run: a year each, or to the end of a month that all members share. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    year_ends_with = models.PositiveSmallIntegerField(
        _("membership years end with"),
        choices=list(dates.MONTHS.items()),
        null=True,
        blank=True,
        help_text=_(
            "A new term then runs to the end of this month, and costs its part of the year by "
            "days. Empty: every term is a year of its own."
        ),
    )

    class Meta:
        verbose_name = _("length of terms")
        verbose_name_plural = _("length of terms")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="term_policy_is_one_row"),
            models.CheckConstraint(
                condition=Q(year_ends_with__isnull=True)
                | Q(year_ends_with__gte=1, year_ends_with__lte=12),
                name="term_policy_month_is_known",
            ),
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)
