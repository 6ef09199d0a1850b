"""Money that leaves: payouts that two people approve, and refunds."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.payments.models.payment import Payment
from funding.payments.models.rules import never_deleted


class Payout(models.Model):
    """A request to pay money out: refunds first, grants and spending by the same road.

    requested → approved by two people who are not the requester → sent → paid, or rejected,
    cancelled, failed. ``purpose`` and ``purpose_id`` name what it is for (a payment to refund, an
    overpayment to give back). By the bank it is paid once its reference is known; by the processor
    once the refund succeeded.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", _("waits for approval")
        APPROVED = "approved", _("approved")
        SENT = "sent", _("on its way")
        PAID = "paid", _("paid")
        REJECTED = "rejected", _("rejected")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    class Place(models.TextChoices):
        CLEARING = "clearing", _("card processor")
        BANK = "bank", _("bank")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    form_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="payouts", null=True, blank=True
    )
    pool = models.ForeignKey("ledger.Pool", on_delete=models.PROTECT, related_name="payouts")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    place = models.CharField(_("paid from"), max_length=10, choices=Place.choices)
    beneficiary = models.CharField(_("beneficiary"), max_length=250)
    beneficiary_account = models.TextField(
        _("beneficiary’s account"), blank=True, help_text=_("IBAN, or account number and bank.")
    )
    reason = models.CharField(_("reason"), max_length=500)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.REQUESTED
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requested_payouts"
    )
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    bank_reference = models.CharField(_("bank’s reference"), max_length=140, blank=True)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    failure = models.CharField(_("why it failed"), max_length=500, blank=True)
    entry = models.OneToOneField(
        "ledger.Entry", on_delete=models.PROTECT, related_name="payout", null=True, blank=True
    )

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        permissions = [
            ("request_payout", "Can request payouts and refunds"),
            ("approve_payout", "Can approve or reject payouts that others requested"),
        ]
        ordering = ["-pk"]
        indexes = [models.Index(fields=["purpose", "purpose_id"], name="payout_by_purpose")]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="payout_above_zero",
                violation_error_message=_("A payout is above zero."),
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "requested",
                        "approved",
                        "sent",
                        "paid",
                        "rejected",
                        "cancelled",
                        "failed",
                    ]
                ),
                name="payout_status_known",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="payout_says_why"),
            models.CheckConstraint(
                condition=~Q(status="paid") | ~Q(place="bank") | ~Q(bank_reference=""),
                name="payout_by_bank_has_its_reference",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="payout_requested_facts",
                fields=[
                    "public_id",
                    "purpose",
                    "purpose_id",
                    "payment",
                    "pool",
                    "amount",
                    "currency",
                    "place",
                    "beneficiary",
                    "beneficiary_account",
                    "requested_by",
                ],
            ),
            *never_deleted("payout", "A payout is cancelled, never deleted."),
            # Rule 7, held by the database: money moves on the word of two who did not ask for it.
            pgtrigger.Trigger(
                name="payout_needs_two_people",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[("agreed", "bigint")],
                func="""
                    IF NEW.status IN ('approved', 'sent', 'paid') THEN
                        SELECT count(DISTINCT by_id) INTO agreed FROM payments_payoutdecision
                         WHERE payout_id = NEW.id AND approved AND by_id <> NEW.requested_by_id;
                        IF agreed < 2 THEN
                            RAISE EXCEPTION 'Payout % has % of the two approvals it needs.',
                                NEW.id, agreed USING ERRCODE = 'integrity_constraint_violation';
                        END IF;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.beneficiary}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class PayoutDecision(models.Model):
    """One person's yes or no to a payout. Each decides once; nobody on their own request."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="decisions")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payout_decisions"
    )
    approved = models.BooleanField()
    note = models.CharField(_("note"), max_length=500, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("decision on a payout")
        verbose_name_plural = _("decisions on payouts")
        ordering = ["payout", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["payout", "by"], name="payout_decided_once_by_each")
        ]
        triggers = [
            *never_deleted("payout_decision", "A decision stands."),
            pgtrigger.Protect(name="payout_decision_stands", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="payout_decision_of_another",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM payments_payout
                         WHERE id = NEW.payout_id AND requested_by_id = NEW.by_id
                    ) THEN
                        RAISE EXCEPTION 'Nobody decides on their own request.'
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payout_id} {self.by_id}"


class Refund(models.Model):
    """Money of a payment given back, whole or in part. A fact: it counts however it was made.

    ``amount`` is in the payment's currency. ``payout`` is the request it came from; none where it
    was made in the processor's own dashboard.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("under way")
        SUCCEEDED = "succeeded", _("given back")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    payout = models.OneToOneField(
        Payout, on_delete=models.PROTECT, related_name="refund", null=True, blank=True
    )
    stripe_refund = models.CharField(max_length=255, null=True, blank=True, unique=True)
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    failure = models.CharField(_("why it failed"), max_length=200, blank=True)
    entry = models.OneToOneField(
        "ledger.Entry", on_delete=models.PROTECT, related_name="refund", null=True, blank=True
    )
    created_at = models.DateTimeField(_("made"))
    # Whether what the payment was for knows of it (once), and knows that it failed (once).
    told_at = models.DateTimeField(null=True, blank=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_above_zero"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "succeeded", "failed", "cancelled"]),
                name="refund_status_known",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="refund_facts", fields=["payment", "amount", "currency"]),
            *never_deleted("refund", "A refund is never deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.payment_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
