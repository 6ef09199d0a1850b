"""Pools as donors see them, who looks after them, and the limits of giving in a currency."""

import datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    Revision,
    RevisionMixin,
    WorkflowMixin,
)

from core.models import User
from core.money import CurrencyField, Money
from funding.ledger.models import Pool

# What one card payment can be: Stripe takes amounts of eight digits.
CARD_LIMIT = 99_999_999


class PoolProfile(
    PreviewableMixin, WorkflowMixin, DraftStateMixin, LockableMixin, RevisionMixin, models.Model
):
    """What a pool is for and on which terms it takes gifts. Its money is in the ledger.

    This row is what counts. A change of it is a draft (a Wagtail revision) that one person writes
    and another approves: `funding.pools.opening` holds both acts. A pool that was never approved
    (``live`` is False) takes nothing and is shown nowhere.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Being prepared")
        PLANNED = "planned", _("Not open yet")
        OPEN = "open", _("Open")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    class Remainder(models.TextChoices):
        """What happens to what is left when the pool has done its work."""

        GENERAL = "general", _("It goes to the general pool.")
        SIMILAR = "similar", _("It goes to a pool with a similar purpose, which the board names.")
        RETURNED = "returned", _("It is offered back to the donors, in proportion to their gifts.")

    class GoalMissed(models.TextChoices):
        """What happens when the goal is not reached by the closing day."""

        SPENT = "spent", _("The money is spent on the purpose all the same.")
        GENERAL = "general", _("The money goes to the general pool.")
        RETURNED = "returned", _("The money is offered back to the donors.")

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
    # Codes of the United Nations' goals, 1 to 17.
    sdg_goals = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("Sustainable Development Goals"),
        default=list,
        blank=True,
    )
    # Shares of the whole: {"12250": 60, "12261": 40}, per cent with two decimals at most, together
    # 100. The keys are five-digit purpose codes of the OECD's DAC, and two-letter countries.
    sectors = models.JSONField(_("DAC sectors"), default=dict, blank=True)
    countries = models.JSONField(_("countries"), default=dict, blank=True)
    remainder = models.CharField(
        _("what happens to a remainder"),
        max_length=10,
        choices=Remainder.choices,
        default=Remainder.GENERAL,
    )
    goal_missed = models.CharField(
        _("when the goal is missed"),
        max_length=10,
        choices=GoalMissed.choices,
        default=GoalMissed.SPENT,
    )
    # Hundredths of a per cent of what is received; 0: none is taken.
    overhead_rate = models.PositiveSmallIntegerField(
        _("overhead rate"), default=0, validators=[MaxValueValidator(10_000)]
    )

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
            models.CheckConstraint(
                condition=Q(overhead_rate__lte=10_000),
                name="pool_overhead_rate_within_the_whole",
                violation_error_message=_("An overhead rate is 100 % at most."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    # The title that a draft asks for; the one that counts is the name of the ledger's pool.
    drafted_title = ""

    @property
    def title(self) -> str:
        return self.drafted_title or (self.pool.name if self.pool_id else "")

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
    def overhead_percent(self) -> Decimal:
        """The overhead rate in per cent."""
        return Decimal(self.overhead_rate) / 100

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
        return self.status(on) == self.Status.OPEN

    def status(self, on: datetime.date) -> Status:
        """What the pool is on that day, from its dates."""
        if not self.live:
            return self.Status.DRAFT
        if self.closes_on is not None and on > self.closes_on:
            return self.Status.CLOSED
        if on < self.opens_on:
            return self.Status.PLANNED
        return self.Status.PAUSED if self.paused else self.Status.OPEN

    # --- Drafts -----------------------------------------------------------------------------------

    def serializable_data(self) -> dict[str, Any]:
        return {**super().serializable_data(), "title": self.title}

    def with_content_json(self, content: dict[str, Any]) -> "PoolProfile":
        """The draft as an object. What is a fact of the pool and no term of it stays as it is."""
        draft: PoolProfile = super().with_content_json(content)
        draft.pool = self.pool
        draft.paused = self.paused
        draft.drafted_title = content.get("title", "")
        return draft

    def publish(self, revision: Revision, user: Any = None, **kwargs: Any) -> None:
        """Wagtail's one road from an approved draft to the row that counts."""
        from funding.pools import opening

        opening.publish_terms(revision, by=user)

    def get_preview_template(self, request: HttpRequest, mode_name: str) -> str:
        return "pools/terms_preview.html"

    def get_preview_context(self, request: HttpRequest, mode_name: str) -> dict[str, Any]:
        return {"request": request, "profile": self}


class PoolSteward(models.Model):
    """Who looks after a pool, named on its page; kept when somebody else takes over."""

    profile = models.ForeignKey(PoolProfile, on_delete=models.PROTECT, related_name="stewards")
    name = models.CharField(_("name"), max_length=120)
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="stewardships", null=True, blank=True
    )
    since = models.DateField(_("since"))
    until = models.DateField(
        _("until"), null=True, blank=True, help_text=_("The last day; empty: to this day.")
    )

    class Meta:
        verbose_name = _("steward")
        verbose_name_plural = _("stewards")
        ordering = ["since", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")),
                name="steward_until_after_since",
                violation_error_message=_("The last day would be before the first."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class GivingPolicy(models.Model):
    """What the foundation allows and asks for in one currency; all amounts in its minor units.

    Without a row, or with an empty field, that rule does not apply in that currency.
    """

    currency = CurrencyField(unique=True)
    anonymous_limit = models.BigIntegerField(
        _("largest anonymous gift"),
        null=True,
        blank=True,
        help_text=_("Above it a donor is named. The form says so before anything is paid."),
    )
    check_limit = models.BigIntegerField(
        _("source of funds checked from"),
        null=True,
        blank=True,
        help_text=_("From it on, staff check the source of the money and the sanctions lists."),
    )
    # What a card payment costs, for donors who want to carry it: a share and a fixed part.
    card_fee_rate = models.PositiveSmallIntegerField(
        _("card fee, hundredths of a per cent"), default=0, validators=[MaxValueValidator(2_000)]
    )
    card_fee_fixed = models.PositiveIntegerField(_("card fee, fixed part"), default=0)

    class Meta:
        verbose_name = _("limits of giving")
        verbose_name_plural = _("limits of giving")
        ordering = ["currency"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(anonymous_limit__isnull=True) | Q(anonymous_limit__gt=0))
                & (Q(check_limit__isnull=True) | Q(check_limit__gt=0)),
                name="giving_limits_above_zero",
                violation_error_message=_("A limit is more than zero; leave it empty for none."),
            ),
            models.CheckConstraint(
                condition=Q(card_fee_rate__lte=2_000), name="giving_card_fee_rate_at_most_a_fifth"
            ),
        ]

    def __str__(self) -> str:
        return self.currency
