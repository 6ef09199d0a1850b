"""Pools as donors see them, donors, gifts once, pledges and their instalments.

A pool's row is the ledger's (`funding.ledger.models.Pool`), extended here one-to-one. A status is
never stored: it follows from facts (dates, what was received) and the day it is asked for.
"""

import datetime
import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.money import CurrencyField, Money
from funding.ledger.models import Pool
from funding.payments.models import Payment

# What one card payment can be: Stripe takes amounts of eight digits.
CARD_LIMIT = 99_999_999

# An instalment is asked for this many days before its date; from then on it is "due".
DUE_DAYS_AHEAD = 30
# A pledge lapses when an instalment has been overdue for longer than this.
LAPSE_DAYS = 365


class PoolProfile(models.Model):
    """What a pool is for and on which terms it takes gifts. Its money is in the ledger."""

    pool = models.OneToOneField(
        Pool, on_delete=models.PROTECT, primary_key=True, related_name="profile"
    )
    purpose = models.TextField(
        _("purpose"), help_text=_("What the money is spent on, in one or two plain sentences.")
    )
    restricted = models.BooleanField(
        _("restricted"),
        default=False,
        help_text=_("The money may be spent on this purpose alone."),
    )
    goal = models.BigIntegerField(_("goal"), null=True, blank=True)
    opens_on = models.DateField(_("opens on"))
    closes_on = models.DateField(
        _("closes on"), null=True, blank=True, help_text=_("The last day; empty: stays open.")
    )
    paused = models.BooleanField(
        _("paused"), default=False, help_text=_("Takes no gifts and no pledges until switched off.")
    )
    suggested_amounts = ArrayField(
        models.BigIntegerField(), verbose_name=_("suggested amounts"), default=list, blank=True
    )
    minimum_gift = models.BigIntegerField(_("smallest gift"), default=500)
    maximum_gift = models.BigIntegerField(_("largest gift"), default=CARD_LIMIT)

    class Meta:
        verbose_name = _("pool")
        verbose_name_plural = _("pools")
        ordering = ["pool__name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(minimum_gift__gt=0, maximum_gift__gte=F("minimum_gift")),
                name="pool_gift_limits_in_order",
                violation_error_message=_("The largest gift must not be below the smallest."),
            ),
            models.CheckConstraint(
                condition=Q(maximum_gift__lte=CARD_LIMIT),
                name="pool_gift_within_a_card_payment",
                violation_error_message=_("One card payment cannot be that large."),
            ),
            models.CheckConstraint(
                condition=Q(goal__isnull=True) | Q(goal__gt=0),
                name="pool_goal_above_zero",
                violation_error_message=_("A goal is more than zero; leave it empty for none."),
            ),
            models.CheckConstraint(
                condition=Q(closes_on__isnull=True) | Q(closes_on__gte=F("opens_on")),
                name="pool_closes_after_it_opens",
                violation_error_message=_("The pool would close before it opens."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.pool.name

    @property
    def code(self) -> str:
        return self.pool.code

    @property
    def currency(self) -> str:
        return self.pool.currency

    @property
    def goal_money(self) -> Money | None:
        return Money(self.goal, self.currency) if self.goal is not None else None

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_gift, self.currency)

    @property
    def maximum(self) -> Money:
        return Money(self.maximum_gift, self.currency)

    @property
    def suggestions(self) -> list[Money]:
        """The amounts offered on the form, smallest first, those within the limits alone."""
        within = {
            amount
            for amount in self.suggested_amounts
            if self.minimum_gift <= amount <= self.maximum_gift
        }
        return [Money(amount, self.currency) for amount in sorted(within)]

    def is_open(self, on: datetime.date) -> bool:
        """Whether the pool takes gifts and pledges on that day."""
        closed = self.closes_on is not None and on > self.closes_on
        return not self.paused and on >= self.opens_on and not closed


class Donor(models.Model):
    """Who gives: the row of a signed-in person, or one row per gift made without an account.

    Rows are never merged by e-mail address. `funding.pools.donors` says who may see which.
    The e-mail address and the name are known to staff alone; ``public_name`` is shown where the
    donor agreed to it for that gift.
    """

    user = models.OneToOneField(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="donor"
    )
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail address"))
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    anonymous = models.BooleanField(
        _("anonymous"), default=True, help_text=_("What the form offers first at the next gift.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("donor")
        verbose_name_plural = _("donors")
        ordering = ["name", "id"]
        indexes = [
            models.Index(models.functions.Lower("email"), name="donor_by_email"),
        ]

    def __str__(self) -> str:
        return self.name


class Gift(models.Model):
    """Money given to a pool once. It counts when ``received_at`` is set, and not before."""

    # How the ledger names it: random, so that two gifts of one donor cannot be linked there.
    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="gifts")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="gifts")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    anonymous = models.BooleanField(_("anonymous"))
    # As it was agreed to for this very one: what the donor says later changes no earlier one.
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10)
    # The wish that brought it, and the very payment; empty for a gift given once.
    recurring = models.ForeignKey(
        "pools.RecurringGift",
        on_delete=models.PROTECT,
        related_name="gifts",
        null=True,
        blank=True,
    )
    recurring_payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    form_token = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    received_at = models.DateTimeField(_("received at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("gift")
        verbose_name_plural = _("gifts")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="gift_above_zero"),
            models.CheckConstraint(
                condition=Q(recurring__isnull=True, recurring_payment__isnull=True)
                | Q(recurring__isnull=False, recurring_payment__isnull=False),
                name="gift_recurring_names_its_payment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["pool", "-received_at"],
                condition=Q(received_at__isnull=False),
                name="gift_received_by_pool",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.pool_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class RecurringGift(models.Model):
    """A donor's wish to give an amount to a pool again and again.

    By card or bank debit a `payments.Subscription` brings the money, by standing order a
    `payments.ExpectedPayment` that repeats; either names this row. Each time money arrives it makes
    one `Gift`, and only then.
    """

    class Interval(models.TextChoices):
        MONTH = "month", _("monthly")
        QUARTER = "quarter", _("quarterly")
        YEAR = "year", _("yearly")

    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="recurring_gifts")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="recurring_gifts")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    interval = models.CharField(_("how often"), max_length=10, choices=Interval.choices)
    anonymous = models.BooleanField(_("anonymous"))
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10)
    form_token = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("recurring gift")
        verbose_name_plural = _("recurring gifts")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="recurring_gift_above_zero"),
            models.CheckConstraint(
                condition=Q(interval__in=["month", "quarter", "year"]),
                name="recurring_gift_interval_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.interval} {self.pool_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


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

    A binding pledge is booked when it is confirmed (contributions receivable); an intent is never
    booked and is only shown as pledged.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        CONFIRMED = "confirmed", _("Confirmed")
        IN_PROGRESS = "in_progress", _("In progress")
        FULFILLED = "fulfilled", _("Fulfilled")
        LAPSED = "lapsed", _("Lapsed")
        CANCELLED = "cancelled", _("Cancelled")

    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="pledges")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="pledges")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    binding = models.BooleanField(_("binding"))
    anonymous = models.BooleanField(_("anonymous"))
    # As it was agreed to for this very one: what the donor says later changes no earlier one.
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10)
    form_token = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True, editable=False)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("pledge")
        verbose_name_plural = _("pledges")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="pledge_above_zero"),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(confirmed_at__isnull=False),
                name="pledge_cancelled_after_confirmed",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="pledge_is_its_instalments",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("amount"),
                timing=pgtrigger.Deferred,
                func=_sums("NEW.id"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.pool_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def received(self) -> Money:
        """What has been received of it (over the instalments, which callers prefetch)."""
        return Money(sum(i.received_amount for i in self.instalments.all()), self.currency)

    @property
    def outstanding(self) -> Money:
        return self.money - self.received

    def status(self, on: datetime.date) -> Status:
        """What the pledge is on that day, from its facts. Reads the instalments."""
        instalments = self.instalments.all()
        if self.cancelled_at is not None:
            return self.Status.CANCELLED
        if self.confirmed_at is None:
            return self.Status.DRAFT
        missing = [i for i in instalments if i.received_amount < i.amount]
        if not missing:
            return self.Status.FULFILLED
        if min(i.due_on for i in missing) < on - datetime.timedelta(days=LAPSE_DAYS):
            return self.Status.LAPSED
        if any(i.received_amount for i in instalments):
            return self.Status.IN_PROGRESS
        return self.Status.CONFIRMED

    @property
    def schedule(self) -> str:
        """The instalments in words, for staff."""
        return "; ".join(
            f"{part.due_on.isoformat()}: {part.money.format()}" for part in self.instalments.all()
        )

    def stands(self, on: datetime.date) -> bool:
        """Whether its instalments are still asked for on that day."""
        return self.status(on) in (self.Status.CONFIRMED, self.Status.IN_PROGRESS)


class Instalment(models.Model):
    """One part of a pledge, with its date; and, once it is there, what was received."""

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
    amount = models.BigIntegerField(_("amount"))
    received_amount = models.BigIntegerField(_("received"), default=0, editable=False)
    received_at = models.DateTimeField(_("received at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering = ["pledge", "number"]
        constraints = [
            models.UniqueConstraint(fields=["pledge", "number"], name="instalment_number_once"),
            models.UniqueConstraint(fields=["pledge", "due_on"], name="instalment_day_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="instalment_above_zero"),
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

    def status(self, on: datetime.date) -> Status:
        """What the instalment is on that day, from its date and what was received."""
        if self.received_amount >= self.amount:
            return self.Status.RECEIVED
        if self.due_on < on:
            return self.Status.OVERDUE
        if self.due_on <= on + datetime.timedelta(days=DUE_DAYS_AHEAD):
            return self.Status.DUE
        return self.Status.NOT_DUE


class InstalmentPayment(models.Model):
    """A payment that paid an instalment, or a part of it.

    Money that came for an instalment already received has no such row: it is a gift beside the
    pledge. ``amount`` is what still counts of it; a refund makes it less.
    """

    instalment = models.ForeignKey(Instalment, on_delete=models.PROTECT, related_name="paid_by")
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="paid_instalment"
    )
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("payment of an instalment")
        verbose_name_plural = _("payments of instalments")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="instalment_payment_not_below")
        ]

    def __str__(self) -> str:
        return f"{self.instalment_id} {self.amount}"
