"""Gifts, given once or again and again."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.ledger.models import Pool
from funding.payments.models import Payment
from funding.pools.models.donor import Donor, not_merged


class Gift(models.Model):
    """Money given to a pool once. It counts when ``received_at`` is set, and not before."""

    # How the ledger names it: random, so that two gifts of one donor cannot be linked there.
    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="gifts")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="gifts")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    # The part of the amount that the donor added to carry the card's fee.
    fee_cover = models.BigIntegerField(_("added for the fee"), default=0)
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
    # Staff who wrote it down for a donor who did not sign in.
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    # The foundation does not want it: what came of it is given back.
    declined_at = models.DateTimeField(_("declined at"), null=True, blank=True, editable=False)
    declined_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    decline_reason = models.TextField(_("reason"), blank=True, editable=False)

    class Meta:
        verbose_name = _("gift")
        verbose_name_plural = _("gifts")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="gift_above_zero"),
            models.CheckConstraint(
                condition=Q(fee_cover__gte=0, fee_cover__lt=F("amount")),
                name="gift_fee_cover_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(declined_at__isnull=True, declined_by__isnull=True, decline_reason="")
                | (Q(declined_at__isnull=False, declined_by__isnull=False) & ~Q(decline_reason="")),
                name="gift_declined_with_reason",
            ),
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
            models.Index(
                fields=["pool", "anonymous", "-received_at"],
                condition=Q(received_at__isnull=False, declined_at__isnull=True),
                name="gift_shown_by_pool",
            ),
            # A giver's entries are found by the name that stands on public pages.
            models.Index(
                fields=["public_name"],
                condition=Q(anonymous=False),
                name="gift_by_public_name",
            ),
        ]
        triggers = [not_merged("gift")]

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
    # The part of the amount that the donor added to carry the card's fee.
    fee_cover = models.BigIntegerField(_("added for the fee"), default=0)
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
                condition=Q(fee_cover__gte=0, fee_cover__lt=F("amount")),
                name="recurring_gift_fee_cover_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(interval__in=["month", "quarter", "year"]),
                name="recurring_gift_interval_known",
            ),
        ]
        triggers = [not_merged("recurring_gift")]

    def __str__(self) -> str:
        return f"{self.money} {self.interval} {self.pool_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
