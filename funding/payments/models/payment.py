"""Payments: money arriving, one row per movement through one channel."""

import uuid
from typing import TYPE_CHECKING

import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.payments.models.rules import never_deleted

if TYPE_CHECKING:
    from funding.payments.models.papers import Receipt


class Channel(models.TextChoices):
    CARD = "card", _("card")
    BANK_DEBIT = "bank_debit", _("bank debit")
    TRANSFER = "transfer", _("bank transfer")
    MANUAL = "manual", _("other channel")


class Status(models.TextChoices):
    PENDING = "pending", _("not paid yet")
    PROCESSING = "processing", _("being processed")
    SUCCEEDED = "succeeded", _("paid")
    FAILED = "failed", _("not successful")
    UNDONE = "undone", _("booked by mistake")


# What may follow what. A payment that failed can be tried again, and a declined card can be
# followed by a good one on the same checkout page, so `failed` is no end. Money that arrived has
# arrived: refunds and disputes are rows of their own. Only a bank line or a manual channel that was
# matched by mistake is undone. A bank debit can still fail days after it succeeded.
NEXT_STATUS: dict[str, frozenset[str]] = {
    Status.PENDING: frozenset({Status.PROCESSING, Status.SUCCEEDED, Status.FAILED}),
    Status.PROCESSING: frozenset({Status.SUCCEEDED, Status.FAILED}),
    Status.FAILED: frozenset({Status.PENDING, Status.PROCESSING, Status.SUCCEEDED}),
    Status.SUCCEEDED: frozenset({Status.UNDONE}),
    Status.UNDONE: frozenset(),
}

SETTLED_FIELDS = (
    "settled_gross",
    "settled_fee",
    "settled_currency",
    "settled_on",
    "entry",
)


class Payment(models.Model):
    """One movement of money to us through one channel, for one purpose.

    ``purpose`` and ``purpose_id`` name the row this pays for (a gift, an instalment, a term of
    dues); the handler registered in outcomes.py knows it. What was agreed (amount, currency, pool,
    purpose) never changes; the database refuses it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    form_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    pool = models.ForeignKey("ledger.Pool", on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(
        "payments.Invoice",
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
    )
    # What it answers, where the payer was told a reference (a transfer, a manual channel), and the
    # standing agreement it came by, where one recurs.
    expected = models.ForeignKey(
        "payments.ExpectedPayment",
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
    )
    subscription = models.ForeignKey(
        "payments.Subscription",
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
    )
    # The consent to be charged later that it brings, or the one that it is charged under.
    mandate = models.ForeignKey(
        "payments.Mandate",
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
    )
    description = models.CharField(_("description"), max_length=250)
    amount = models.BigIntegerField(_("amount"), validators=[MinValueValidator(1)])
    currency = CurrencyField()
    channel = models.CharField(
        _("channel"), max_length=20, choices=Channel.choices, default=Channel.CARD
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.PENDING
    )
    payer_name = models.CharField(_("payer"), max_length=200)
    payer_email = models.EmailField(_("e-mail address"))
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
    )

    # What the payer's own bank took, where the statement says so: it may be another currency.
    payer_amount = models.BigIntegerField(null=True, blank=True)
    payer_currency = CurrencyField(null=True, blank=True)
    evidence = models.TextField(
        _("evidence"),
        blank=True,
        help_text=_("What shows that the money came: the operator's or the cheque's number."),
    )

    # The way through Stripe's checkout. Each attempt is one checkout session; a new one begins
    # only when the last can no longer be paid. The attempt names Stripe's idempotency key, so its
    # beginning is stored: every parameter of a repeated call must equal the first call's.
    attempt = models.PositiveIntegerField(default=0)
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    stripe_session = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_intent = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_charge = models.CharField(max_length=255, null=True, blank=True, unique=True)
    # The invoice of a subscription that this payment paid.
    stripe_invoice = models.CharField(max_length=255, null=True, blank=True, unique=True)

    failure_code = models.CharField(max_length=100, blank=True)
    failure_message = models.TextField(blank=True)
    problem = models.TextField(
        _("problem"), blank=True, help_text=_("Why staff must look at this payment.")
    )

    # What the processor's balance transaction says; all known at once, with the ledger's entry.
    stripe_balance_transaction = models.CharField(
        max_length=255, null=True, blank=True, unique=True
    )
    settled_gross = models.BigIntegerField(null=True, blank=True)
    settled_fee = models.BigIntegerField(_("fee"), null=True, blank=True)
    settled_currency = CurrencyField(null=True, blank=True)
    settled_on = models.DateField(null=True, blank=True)
    entry = models.OneToOneField(
        "ledger.Entry", on_delete=models.PROTECT, related_name="payment", null=True, blank=True
    )

    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    succeeded_at = models.DateTimeField(_("paid"), null=True, blank=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        permissions = [("confirm_payment", "Can confirm payments against evidence")]
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["purpose", "purpose_id"], name="payment_by_purpose"),
            models.Index(
                fields=["id"],
                name="payment_not_settled",
                condition=Q(status=Status.SUCCEEDED, entry=None),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="payment_amount_above_zero",
                violation_error_message=_("A payment is above zero."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="payment_status_known"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values), name="payment_channel_known"
            ),
            models.CheckConstraint(condition=~Q(purpose=""), name="payment_has_purpose"),
            models.CheckConstraint(
                condition=Q(
                    status__in=[Status.SUCCEEDED, Status.UNDONE], succeeded_at__isnull=False
                )
                | (~Q(status__in=[Status.SUCCEEDED, Status.UNDONE]) & Q(succeeded_at=None)),
                name="payment_paid_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(**{f"{name}__isnull": True for name in SETTLED_FIELDS})
                | Q(
                    status__in=[Status.SUCCEEDED, Status.UNDONE],
                    **{f"{name}__isnull": False for name in SETTLED_FIELDS},
                ),
                name="payment_settled_at_once_and_only_when_paid",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="payment_agreed_facts",
                fields=["public_id", "purpose", "purpose_id", "pool", "amount", "currency"],
            ),
            *never_deleted("payment", "A payment is never deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.purpose} {self.public_id}"

    def get_absolute_url(self) -> str:
        """The page that says how the payment stands, in the payer's language."""
        with translation.override(self.language):
            return reverse("payment", args=[self.public_id])

    @property
    def money(self) -> Money:
        """What was agreed, in ISO minor units."""
        return Money(self.amount, self.currency)

    @property
    def fee(self) -> Money | None:
        """What the processor kept, once it is known."""
        if self.settled_fee is None or self.settled_currency is None:
            return None
        return Money(self.settled_fee, self.settled_currency)

    @property
    def receipt(self) -> "Receipt | None":
        """The receipt that stands for it: the last one issued that no credit note made void."""
        # Read from what a caller may have prefetched.
        standing = [receipt for receipt in self.receipts.all() if receipt.voided_by is None]
        return max(standing, key=lambda receipt: receipt.pk, default=None)

    @property
    def is_paid(self) -> bool:
        return self.status == Status.SUCCEEDED

    @property
    def can_be_tried(self) -> bool:
        """Whether the payer may go (again) to the checkout page."""
        return self.status in (Status.PENDING, Status.FAILED)

    @property
    def asks_for_card(self) -> bool:
        """Whether the payer agreed to later charges and the card for them is still to come."""
        mandate = self.mandate
        return mandate is not None and mandate.card_id is None and mandate.revoked_at is None

    @property
    def refunded(self) -> Money:
        """What of it was given back, refunds under way included, in the payment's currency."""
        sums = self.refunds.filter(status__in=["pending", "succeeded"]).aggregate(sum=Sum("amount"))
        return Money(sums["sum"] or 0, self.currency)

    @property
    def disputed(self) -> Money:
        """What of it the payer's bank holds or has taken back for good."""
        sums = self.disputes.filter(outcome__in=["open", "lost"], inquiry=False).aggregate(
            sum=Sum("amount")
        )
        return Money(sums["sum"] or 0, self.currency)

    @property
    def refundable(self) -> Money:
        """What can still be given back of it."""
        if not self.is_paid:
            return Money(0, self.currency)
        left = self.amount - self.refunded.amount - self.disputed.amount
        return Money(max(0, left), self.currency)
