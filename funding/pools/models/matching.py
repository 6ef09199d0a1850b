"""Matching: a donor adds to what others give."""

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.ledger.models import Pool
from funding.payments.models.rules import immutable
from funding.pools.models.donor import Donor, not_merged
from funding.pools.models.pledge import Pledge


class MatchingOffer(models.Model):
    """A donor's word to add to the gifts of others to a pool, up to a sum, within dates."""

    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="matching_offers")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="matching_offers")
    currency = CurrencyField()
    most = models.BigIntegerField(_("up to"), help_text=_("The most that is added in all."))
    # Per cent of each gift: 100 doubles it.
    rate = models.PositiveSmallIntegerField(_("share of each gift, per cent"), default=100)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"))
    anonymous = models.BooleanField(_("anonymous"))
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    binding = models.BooleanField(_("binding"), default=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    # No gift received after it is matched; what was received before is still settled.
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("matching offer")
        verbose_name_plural = _("matching offers")
        ordering = ["-starts_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(most__gt=0, rate__gt=0, rate__lte=1_000),
                name="matching_above_zero",
                violation_error_message=_("Enter an amount above zero and a share up to 1000 %."),
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="matching_ends_after_it_starts",
                violation_error_message=_("The offer would end before it starts."),
            ),
        ]
        triggers = [not_merged("matching_offer")]

    def __str__(self) -> str:
        return f"{self.limit} {self.pool_id}"

    @property
    def limit(self) -> Money:
        return Money(self.most, self.currency)

    def runs(self, on: datetime.date) -> bool:
        """Whether gifts received on that day are matched, as far as the sum reaches."""
        return self.ended_at is None and self.starts_on <= on <= self.ends_on


class MatchingSettlement(models.Model):
    """What an offer came to over a month, and the pledge of one instalment that asks for it."""

    offer = models.ForeignKey(MatchingOffer, on_delete=models.PROTECT, related_name="settlements")
    month = models.DateField(_("month"))
    amount = models.BigIntegerField(_("amount"))
    pledge = models.OneToOneField(Pledge, on_delete=models.PROTECT, related_name="matching")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("settlement of a matching offer")
        verbose_name_plural = _("settlements of matching offers")
        ordering = ["month"]
        constraints = [
            models.UniqueConstraint(fields=["offer", "month"], name="matching_settled_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="matching_settled_above_zero"),
        ]
        triggers = immutable("matching_settlement", "A settlement stands as it was written.")

    def __str__(self) -> str:
        return f"{self.offer_id} {self.month:%Y-%m}"
