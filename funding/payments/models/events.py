"""The inbox of Stripe's events, and how far its lists were read."""

from typing import Literal

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funding.payments.models.payment import Payment


class StripeEvent(models.Model):
    """The inbox: every event Stripe sent, as it came, and what became of it.

    An event is only a trigger; what happened is read from Stripe when it is processed. It waits
    while ``processed_at`` is empty; ``last_error`` then says why, and staff can replay it.
    """

    class Verdict(models.TextChoices):
        APPLIED = "applied", _("applied")
        IGNORED = "ignored", _("ignored")
        REFUSED = "refused", _("refused")

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("webhook")
        RECONCILIATION = "reconciliation", _("reconciliation")

    event_id = models.CharField(_("event"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=100)
    body = models.TextField(_("body"))
    source = models.CharField(_("source"), max_length=20, choices=Source.choices)
    created = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    verdict = models.CharField(_("verdict"), max_length=20, choices=Verdict.choices, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    last_error = models.TextField(_("last error"), blank=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="stripe_events", null=True, blank=True
    )

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        permissions = [("replay_event", "Can process a Stripe event again")]
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["id"], name="stripe_event_waiting", condition=Q(processed_at=None))
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(processed_at=None, verdict="")
                | Q(processed_at__isnull=False, verdict__in=["applied", "ignored", "refused"]),
                name="stripe_event_verdict_when_processed",
            )
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="stripe_event_as_received",
                fields=["event_id", "type", "body", "source", "created", "received_at"],
            ),
        ]

    def __str__(self) -> str:
        return self.event_id

    @property
    def state(self) -> Literal["waiting", "failing", "applied", "ignored", "refused"]:
        """In one word where the event stands, for staff."""
        if self.verdict:
            return self.verdict  # type: ignore[return-value]
        return "failing" if self.last_error else "waiting"


class StripeCursor(models.Model):
    """How far the list of Stripe's events has been read without a gap."""

    name = models.CharField(max_length=50, unique=True)
    read_until = models.DateTimeField()

    class Meta:
        verbose_name = _("Stripe cursor")
        verbose_name_plural = _("Stripe cursors")

    def __str__(self) -> str:
        return self.name
