"""A change of tier within a term: what was asked, what it costs and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from membership.models.terms import Term
from membership.models.tiers import Tier


class TierChange(models.Model):
    """One change of the tier of a term. Its state follows from its facts and is stored nowhere.

    The tier changes with ``applied_on``. An upgrade waits for that until its difference is paid or
    waived; a downgrade does not wait, and owes its difference back until that was refunded.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("waits for staff")
        BILLED = "billed", _("waits for payment")
        MADE = "made", _("made")
        ENDED = "ended", _("ended")

    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="changes")
    old_tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    new_tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    # Where the new tier asks for a review: who said yes.
    allowed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    allowed_on = models.DateField(_("allowed on"), null=True, blank=True)
    # The first day that the difference counts. Nothing is computed while staff have not decided.
    effective_on = models.DateField(_("counted from"), null=True, blank=True)
    # What is to be paid (above zero) or goes back (below zero), in minor units. Zero, too, where the
    # whole term was billed anew, since nothing had been paid for it.
    difference = models.BigIntegerField(_("difference"), default=0)
    currency = CurrencyField()
    applied_on = models.DateField(_("made on"), null=True, blank=True)
    # The difference was paid, or given back.
    settled_on = models.DateField(_("settled on"), null=True, blank=True)
    waived_on = models.DateField(_("waived on"), null=True, blank=True)
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    waived_reason = models.CharField(_("reason of the waiver"), max_length=500, blank=True)
    # Declined, withdrawn, not paid in time, or undone when its money went back.
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_reason = models.CharField(_("reason of the end"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("change of tier")
        verbose_name_plural = _("changes of tier")
        ordering = ["-id"]
        permissions = [("decide_tierchange", "Can decide on changes of tier")]
        constraints = [
            models.UniqueConstraint(
                fields=["term"],
                condition=Q(applied_on__isnull=True, ended_on__isnull=True),
                name="tier_change_one_open",
                violation_error_message=_("A change of tier is open for this term already."),
            ),
            models.CheckConstraint(
                condition=~Q(old_tier=F("new_tier")), name="tier_change_is_a_change"
            ),
            models.CheckConstraint(
                condition=Q(allowed_on__isnull=True, allowed_by__isnull=True)
                | Q(allowed_on__isnull=False, allowed_by__isnull=False),
                name="tier_change_allowed_is_whole",
            ),
            # Nothing but a payment or a waiver brings the tier that costs more.
            models.CheckConstraint(
                condition=Q(applied_on__isnull=True)
                | (
                    Q(effective_on__isnull=False, ended_on__isnull=True)
                    & (
                        Q(difference__lte=0)
                        | Q(settled_on__isnull=False)
                        | Q(waived_on__isnull=False)
                    )
                ),
                name="tier_change_is_paid_for",
            ),
            models.CheckConstraint(
                condition=Q(settled_on__isnull=True) | Q(waived_on__isnull=True),
                name="tier_change_settled_or_waived",
            ),
            models.CheckConstraint(
                condition=Q(waived_on__isnull=True, waived_by__isnull=True, waived_reason="")
                | (Q(waived_on__isnull=False, waived_by__isnull=False) & ~Q(waived_reason="")),
                name="tier_change_waiver_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ended_by__isnull=True, ended_reason="")
                | (Q(ended_on__isnull=False) & ~Q(ended_reason="")),
                name="tier_change_end_is_whole",
            ),
        ]
        indexes = [
            # Downgrades whose difference still has to go back.
            models.Index(
                fields=["term"],
                name="tier_change_owed_back",
                condition=Q(difference__lt=0, applied_on__isnull=False, settled_on__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.term.organisation}: {self.old_tier} → {self.new_tier}"

    @property
    def money(self) -> Money:
        """The difference: above zero to be paid, below zero to go back."""
        return Money(self.difference, self.currency)

    @property
    def state(self) -> "TierChange.State":
        if self.ended_on is not None:
            return self.State.ENDED
        if self.applied_on is not None:
            return self.State.MADE
        return self.State.ASKED if self.effective_on is None else self.State.BILLED

    @property
    def is_open(self) -> bool:
        """Whether it still waits: for staff, or for its payment."""
        return self.state in (self.State.ASKED, self.State.BILLED)

    @property
    def owed_back(self) -> Money:
        """What of a downgrade has to go back and has not yet."""
        waits = self.applied_on is not None and self.settled_on is None
        return Money(max(0, -self.difference) if waits else 0, self.currency)
