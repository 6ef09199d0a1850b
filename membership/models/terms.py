"""Membership terms. Their status is derived from dates and facts, and stored nowhere."""

import datetime

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField
from django.db import models
from django.db.models import Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from membership.models.applications import Application
from membership.models.history import keeps_history
from membership.models.organisations import Organisation
from membership.models.tiers import Tier

# How long a member whose term ended still counts as one.
GRACE = datetime.timedelta(days=30)

# The years that `membership_term_days` can tell apart (see TERM_DAYS_SQL).
FIRST_DAY = datetime.date(2000, 1, 1)
LAST_DAY = datetime.date(2299, 12, 31)

# The database must refuse two terms of one organisation that share a day. The usual exclusion
# constraint compares the organisation with `=` and the days with `&&`, which needs the extension
# btree_gist; the embedded server does not have it. A range type needs no extension, so both go
# into one range of whole numbers: each organisation has a strip of 2^17 of them, one a day since
# 2000 (358 years; `term_days_are_in_order` keeps every term inside its strip), and two ranges
# overlap when the organisation is the same and a day is shared. A cancelled term ends before the
# day of its cancellation; one cancelled before it began is empty and overlaps nothing.
TERM_DAYS_SQL = """
CREATE FUNCTION membership_term_days(
    organisation bigint, starts_on date, ends_on date, cancelled_on date
) RETURNS int8range LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT int8range(
        organisation * 131072 + (starts_on - DATE '2000-01-01'),
        organisation * 131072
            + (GREATEST(starts_on, LEAST(ends_on + 1, cancelled_on)) - DATE '2000-01-01')
    )
$$
"""


class TermDays(Func):
    """The days of a term as the database compares them; see TERM_DAYS_SQL."""

    function = "membership_term_days"
    output_field = BigIntegerRangeField()


class TermQuerySet(models.QuerySet["Term"]):
    def standing(self, on: datetime.date) -> "TermQuerySet":
        """Terms that make their organisation a member on ``on``: current or in grace.

        Says in SQL what `Term.status` says in Python; a test holds the two together.
        """
        return self.filter(
            Q(settled_on__lte=on) | Q(waived_on__lte=on),
            Q(cancelled_on__isnull=True) | Q(cancelled_on__gt=on),
            starts_on__lte=on,
            ends_on__gte=on - GRACE,
        )

    def having(self, status: str, on: datetime.date) -> "TermQuerySet":
        """Terms whose status on ``on`` is ``status``; the same test holds it to `Term.status`."""
        cancelled = Q(cancelled_on__isnull=False, cancelled_on__lte=on)
        if status == Term.Status.CANCELLED:
            return self.filter(cancelled)
        paid = Q(settled_on__isnull=False, settled_on__lte=on) | Q(
            waived_on__isnull=False, waived_on__lte=on
        )
        over = on - GRACE
        told = {
            Term.Status.AWAITING_PAYMENT: ~paid & Q(ends_on__gte=on),
            Term.Status.UPCOMING: paid & Q(starts_on__gt=on),
            Term.Status.CURRENT: paid & Q(starts_on__lte=on, ends_on__gte=on),
            Term.Status.GRACE: paid & Q(ends_on__lt=on, ends_on__gte=over),
            Term.Status.LAPSED: (~paid & Q(ends_on__lt=on)) | (paid & Q(ends_on__lt=over)),
        }
        return self.filter(~cancelled, told[Term.Status(status)])


class Term(models.Model):
    """One paid membership period, from ``starts_on`` to ``ends_on``, both days included."""

    class Status(models.TextChoices):
        AWAITING_PAYMENT = "awaiting_payment", _("awaiting payment")
        UPCOMING = "upcoming", _("paid, not begun")
        CURRENT = "current", _("current")
        GRACE = "grace", _("grace")
        LAPSED = "lapsed", _("lapsed")
        CANCELLED = "cancelled", _("cancelled")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="terms")
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="terms")
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, null=True, blank=True, related_name="term"
    )
    # The term that it follows: each is renewed once, so that an end date moves once.
    renews = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="renewal"
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    # The fee as it was agreed: a later change of the fee table changes no term.
    fee = models.BigIntegerField(_("fee"))
    currency = CurrencyField()
    settled_on = models.DateField(_("settled on"), null=True, blank=True)
    # What was paid before this portal came and stands in no books of it: where that can be read.
    settled_elsewhere = models.CharField(_("settled elsewhere"), max_length=500, blank=True)
    waived_on = models.DateField(_("waived on"), null=True, blank=True)
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    waived_reason = models.CharField(_("reason of the waiver"), max_length=500, blank=True)
    cancelled_on = models.DateField(_("cancelled with effect from"), null=True, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cancelled_reason = models.CharField(_("reason of the cancellation"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("opened at"), auto_now_add=True)

    objects = TermQuerySet.as_manager()

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")
        ordering = ["-starts_on", "-id"]
        permissions = [
            ("waive_term", "Can waive the dues of a term"),
            ("cancel_term", "Can cancel a term"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    starts_on__gte=FIRST_DAY,
                    starts_on__lte=models.F("ends_on"),
                    ends_on__lte=LAST_DAY,
                ),
                name="term_days_are_in_order",
                violation_error_message=_("A term ends on or after its first day."),
            ),
            models.CheckConstraint(
                condition=Q(fee__gte=0),
                name="term_fee_is_not_negative",
                violation_error_message=_("A fee is zero or more."),
            ),
            models.CheckConstraint(
                condition=Q(settled_on__isnull=True) | Q(waived_on__isnull=True),
                name="term_settled_or_waived",
                violation_error_message=_("A term is settled or waived, never both."),
            ),
            models.CheckConstraint(
                condition=Q(settled_elsewhere="") | Q(settled_on__isnull=False),
                name="term_settled_elsewhere_is_settled",
            ),
            models.CheckConstraint(
                # Nobody waives what the fee table does not ask for: a renewal of it needs no person.
                condition=Q(waived_on__isnull=True, waived_by__isnull=True, waived_reason="")
                | (
                    Q(waived_on__isnull=False)
                    & (Q(waived_by__isnull=False) | Q(fee=0))
                    & ~Q(waived_reason="")
                ),
                name="term_waiver_is_whole",
                violation_error_message=_("A waiver needs a day, a person and a reason."),
            ),
            models.CheckConstraint(
                condition=Q(
                    cancelled_on__isnull=True, cancelled_by__isnull=True, cancelled_reason=""
                )
                # An offer of renewal that nobody took up ends by itself.
                | (
                    Q(cancelled_on__isnull=False)
                    & (Q(cancelled_by__isnull=False) | Q(renews__isnull=False))
                    & ~Q(cancelled_reason="")
                ),
                name="term_cancellation_is_whole",
                violation_error_message=_("A cancellation needs a day, a person and a reason."),
            ),
            ExclusionConstraint(
                name="term_no_overlap",
                expressions=[
                    (TermDays("organisation", "starts_on", "ends_on", "cancelled_on"), "&&")
                ],
                violation_error_message=_("This organisation has a term in these days already."),
            ),
        ]
        indexes = [models.Index(fields=["ends_on", "starts_on"], name="term_by_days")]
        triggers = [
            keeps_history(
                "membership_termrecord",
                of={"id": "term_id"},
                facts=[
                    "organisation_id",
                    "starts_on",
                    "ends_on",
                    "settled_on",
                    "waived_on",
                    "cancelled_on",
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.starts_on:%Y-%m-%d} – {self.ends_on:%Y-%m-%d}"

    @property
    def money(self) -> Money:
        return Money(self.fee, self.currency)

    @property
    def status_today(self) -> "Term.Status":
        return self.status(timezone.localdate())

    @property
    def last_day(self) -> datetime.date:
        """The last day of the term, cut short where it was cancelled."""
        if self.cancelled_on is None:
            return self.ends_on
        return min(self.ends_on, self.cancelled_on - datetime.timedelta(days=1))

    @property
    def grace_until(self) -> datetime.date:
        """The last day on which the organisation still counts as a member."""
        return self.ends_on + GRACE

    def is_paid_for(self, on: datetime.date) -> bool:
        """Whether the term was settled or waived by ``on``."""
        return any(day is not None and day <= on for day in (self.settled_on, self.waived_on))

    def makes_member(self, on: datetime.date) -> bool:
        """Whether the organisation is a member on ``on`` by this term: current, or in grace."""
        return self.status(on) in (self.Status.CURRENT, self.Status.GRACE)

    def status(self, on: datetime.date) -> "Term.Status":
        """What the term is on the day ``on``, from its dates and facts alone.

        Facts count from their day on, so that the status of any past day can be told again.
        """
        if self.cancelled_on is not None and on >= self.cancelled_on:
            return self.Status.CANCELLED
        if not self.is_paid_for(on):
            return self.Status.AWAITING_PAYMENT if on <= self.ends_on else self.Status.LAPSED
        if on < self.starts_on:
            return self.Status.UPCOMING
        if on <= self.ends_on:
            return self.Status.CURRENT
        return self.Status.GRACE if on <= self.grace_until else self.Status.LAPSED
