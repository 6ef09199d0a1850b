"""Pledges with their instalments, agreements and changes."""

import datetime
import uuid

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.ledger.models import Pool
from funding.payments.models import Payment
from funding.payments.models.rules import immutable
from funding.pools.models.donor import Donor, not_merged

# An instalment is asked for this many days before its date; from then on it is "due".
DUE_DAYS_AHEAD = 30
# A pledge lapses when an instalment has been overdue for longer than this.
LAPSE_DAYS = 365


def _sums(which: str) -> str:
    """At commit a pledge is exactly its instalments. ``which``: the pledges to look at."""
    return f"""
        IF EXISTS (
            SELECT 1 FROM pools_pledge p
            LEFT JOIN pools_instalment i ON i.pledge_id = p.id
            WHERE p.id IN ({which})
            GROUP BY p.id, p.amount
            HAVING p.amount <> COALESCE(SUM(i.amount), 0)
        ) THEN
            RAISE EXCEPTION 'The instalments of a pledge do not add up to the pledge.'
                USING ERRCODE = '23514', CONSTRAINT = 'pledge_is_its_instalments';
        END IF;
        RETURN NULL;
    """  # noqa: S608 (no value of a reader: the two callers are below)


class Pledge(models.Model):
    """A donor's promise to a pool, paid in instalments.

    A binding pledge is booked when it is confirmed (contributions receivable), a conditional one
    when its condition is met; an intent is never booked and is only shown as pledged.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        CONFIRMED = "confirmed", _("Confirmed")
        IN_PROGRESS = "in_progress", _("In progress")
        FULFILLED = "fulfilled", _("Fulfilled")
        LAPSED = "lapsed", _("Lapsed")
        CANCELLED = "cancelled", _("Cancelled")
        WRITTEN_OFF = "written_off", _("Written off")

    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="pledges")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="pledges")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    binding = models.BooleanField(_("binding"))
    # What must happen before the donor owes it; empty: nothing. A conditional pledge is booked on
    # the day its condition is met, and shown as pledged until then.
    condition = models.TextField(_("condition"), blank=True)
    condition_met_on = models.DateField(_("condition met on"), null=True, blank=True)
    anonymous = models.BooleanField(_("anonymous"))
    # As it was agreed to for this very one: what the donor says later changes no earlier one.
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10)
    form_token = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True, editable=False)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True, editable=False)
    # What was outstanding will not come: of a binding pledge it is booked as a loss.
    written_off_at = models.DateTimeField(
        _("written off at"), null=True, blank=True, editable=False
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )

    class Meta:
        verbose_name = _("pledge")
        verbose_name_plural = _("pledges")
        permissions = [("write_off_pledge", "Can write off pledges")]
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["public_name"],
                condition=Q(anonymous=False),
                name="pledge_by_public_name",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="pledge_above_zero"),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(confirmed_at__isnull=False),
                name="pledge_cancelled_after_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(condition_met_on__isnull=True) | ~Q(condition=""),
                name="pledge_condition_met_where_there_is_one",
            ),
            models.CheckConstraint(
                condition=Q(written_off_at__isnull=True)
                | Q(confirmed_at__isnull=False, cancelled_at__isnull=True),
                name="pledge_written_off_while_it_stood",
            ),
        ]
        triggers = [
            not_merged("pledge"),
            pgtrigger.Trigger(
                name="pledge_is_its_instalments",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("amount"),
                timing=pgtrigger.Deferred,
                func=_sums("NEW.id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.pool_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def parts(self) -> "list[Instalment]":
        """The instalments that are asked for, by their day (which callers prefetch)."""
        return [part for part in self.instalments.all() if part.amount]

    @property
    def received(self) -> Money:
        """What has been received of it (over the instalments, which callers prefetch)."""
        return Money(sum(i.received_amount for i in self.instalments.all()), self.currency)

    @property
    def outstanding(self) -> Money:
        return self.money - self.received

    @property
    def awaits_condition(self) -> bool:
        return bool(self.condition) and self.condition_met_on is None

    @property
    def is_debt(self) -> bool:
        """Whether what is outstanding of it stands in the books (contributions receivable)."""
        given_up = self.cancelled_at is not None or self.written_off_at is not None
        return (
            self.binding
            and self.confirmed_at is not None
            and not given_up
            and not self.awaits_condition
        )

    def status(self, on: datetime.date) -> Status:
        """What the pledge is on that day, from its facts. Reads the instalments."""
        if self.cancelled_at is not None:
            return self.Status.CANCELLED
        if self.written_off_at is not None:
            return self.Status.WRITTEN_OFF
        if self.confirmed_at is None:
            return self.Status.DRAFT
        missing = [part for part in self.parts if part.received_amount < part.amount]
        if not missing:
            return self.Status.FULFILLED
        long_ago = on - datetime.timedelta(days=LAPSE_DAYS)
        if any(part.due_on < long_ago for part in missing if not part.waits):
            return self.Status.LAPSED
        if any(part.received_amount for part in self.parts):
            return self.Status.IN_PROGRESS
        return self.Status.CONFIRMED

    @property
    def schedule(self) -> str:
        """The instalments in words, for staff."""
        return "; ".join(f"{part.due_on.isoformat()}: {part.money.format()}" for part in self.parts)

    def stands(self, on: datetime.date) -> bool:
        """Whether its instalments are still asked for on that day."""
        return self.status(on) in (self.Status.CONFIRMED, self.Status.IN_PROGRESS)


class Instalment(models.Model):
    """One part of a pledge, with its date; and, once it is there, what was received.

    One of amount 0 is no longer asked for: a change of the pledge took it away, and it is kept
    because payments name it.
    """

    class Status(models.TextChoices):
        NOT_DUE = "not_due", _("Not due yet")
        DUE = "due", _("Due")
        OVERDUE = "overdue", _("Overdue")
        RECEIVED = "received", _("Received")

    pledge = models.ForeignKey(Pledge, on_delete=models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField(
        _("number"), validators=[MinValueValidator(1), MaxValueValidator(24)]
    )
    due_on = models.DateField(_("due on"))
    # What it waits for, where it does not simply fall due; the day is then when that is expected.
    milestone = models.CharField(_("milestone"), max_length=200, blank=True)
    milestone_met_on = models.DateField(_("milestone met on"), null=True, blank=True)
    amount = models.BigIntegerField(_("amount"))
    received_amount = models.BigIntegerField(_("received"), default=0, editable=False)
    received_at = models.DateTimeField(_("received at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering = ["pledge", "due_on"]
        constraints = [
            models.UniqueConstraint(fields=["pledge", "number"], name="instalment_number_once"),
            models.UniqueConstraint(fields=["pledge", "due_on"], name="instalment_day_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="instalment_not_below_zero"),
            models.CheckConstraint(
                condition=Q(milestone_met_on__isnull=True) | ~Q(milestone=""),
                name="instalment_milestone_met_where_there_is_one",
            ),
            models.CheckConstraint(
                condition=Q(received_amount__gte=0, received_amount__lte=F("amount")),
                name="instalment_received_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(received_amount=0, received_at__isnull=True)
                | Q(received_amount__gt=0, received_at__isnull=False),
                name="instalment_received_on_a_day",
            ),
        ]
        indexes = [models.Index(fields=["due_on"], name="instalment_by_day")]
        triggers = [
            pgtrigger.Trigger(
                name="instalments_make_their_pledge",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert
                | pgtrigger.Delete
                | pgtrigger.UpdateOf("amount", "pledge_id"),
                timing=pgtrigger.Deferred,
                func=_sums("NEW.pledge_id, OLD.pledge_id"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pledge_id}/{self.number}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.pledge.currency)

    @property
    def outstanding(self) -> Money:
        """What is still to come of it."""
        return Money(self.amount - self.received_amount, self.pledge.currency)

    @property
    def awaits_milestone(self) -> bool:
        return bool(self.milestone) and self.milestone_met_on is None

    @property
    def waits(self) -> bool:
        """Whether its day is only when it is expected: for its milestone, or for the pledge's
        condition. Until then it is neither due nor overdue; it can be paid all the same."""
        return self.awaits_milestone or self.pledge.awaits_condition

    def status(self, on: datetime.date) -> Status:
        """What the instalment is on that day, from its date and what was received."""
        if self.received_amount >= self.amount:
            return self.Status.RECEIVED
        if self.waits:
            return self.Status.NOT_DUE
        if self.due_on < on:
            return self.Status.OVERDUE
        if self.due_on <= on + datetime.timedelta(days=DUE_DAYS_AHEAD):
            return self.Status.DUE
        return self.Status.NOT_DUE


class InstalmentPayment(models.Model):
    """A payment that paid an instalment, or a part of it.

    ``amount`` is what still counts of it, ``beside`` what came beyond what was outstanding and is a
    gift beside the pledge; a refund makes them less, ``beside`` first. Money that came for an
    instalment already received has no such row: it is a gift beside the pledge as a whole.
    """

    instalment = models.ForeignKey(Instalment, on_delete=models.PROTECT, related_name="paid_by")
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="paid_instalment"
    )
    amount = models.BigIntegerField(_("amount"))
    beside = models.BigIntegerField(_("beside the pledge"), default=0)
    # Whether it paid a debt that stood in the books when it came, or was a gift as it came.
    paid_debt = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("payment of an instalment")
        verbose_name_plural = _("payments of instalments")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0, beside__gte=0), name="instalment_payment_not_below"
            )
        ]

    def __str__(self) -> str:
        return f"{self.instalment_id} {self.amount}"


class PledgeAgreement(models.Model):
    """The signed paper of a pledge, as it was uploaded. For staff and the donor alone."""

    pledge = models.ForeignKey(Pledge, on_delete=models.PROTECT, related_name="agreements")
    file_name = models.CharField(_("file"), max_length=250)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    signed_on = models.DateField(_("signed on"))
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField(_("uploaded at"), auto_now_add=True)

    class Meta:
        verbose_name = _("signed agreement")
        verbose_name_plural = _("signed agreements")
        ordering = ["uploaded_at", "pk"]
        triggers = immutable("pledge_agreement", "A signed agreement stands as it was uploaded.")

    def __str__(self) -> str:
        return self.file_name


class PledgeChange(models.Model):
    """What a confirmed pledge was before and after a change; immutable.

    ``before`` and ``after``: {"amount": minor units, "binding": …, "condition": …, "instalments":
    [{"due_on": ISO day, "amount": …, "milestone": …}, …]}, what changed and what did not.
    """

    pledge = models.ForeignKey(Pledge, on_delete=models.PROTECT, related_name="changes")
    before = models.JSONField()
    after = models.JSONField()
    reason = models.TextField(_("reason"))
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(_("changed at"), auto_now_add=True)

    class Meta:
        verbose_name = _("change of a pledge")
        verbose_name_plural = _("changes of pledges")
        ordering = ["changed_at", "pk"]
        triggers = immutable("pledge_change", "A change of a pledge stands as it was written.")

    def __str__(self) -> str:
        return f"{self.pledge_id} {self.changed_at}"


class InstalmentReminder(models.Model):
    """That a donor was told of an instalment, once for each day of the schedule."""

    instalment = models.ForeignKey(Instalment, on_delete=models.CASCADE, related_name="reminders")
    # Days from the due date: -30 is a month before it. With the date: a new date asks anew.
    days = models.SmallIntegerField()
    due_on = models.DateField()
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["instalment", "days", "due_on"], name="instalment_reminded_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.instalment_id} {self.days}"
