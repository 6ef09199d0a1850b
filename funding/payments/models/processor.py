"""What the card processor's own books say: its balance transactions, payouts, disputes; and who
agreed to be charged again."""

import datetime
import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.payments.models.payment import Payment
from funding.payments.models.rules import never_deleted


class ProcessorPayout(models.Model):
    """Money that the processor sends to our bank account, as Stripe tells of it now.

    Its entry (in transit, split per pool) is posted once its parts are known; the bank's statement
    then shows it arriving.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        IN_TRANSIT = "in_transit", _("in transit")
        PAID = "paid", _("paid")
        FAILED = "failed", _("failed")
        CANCELED = "canceled", _("cancelled")

    stripe_payout = models.CharField(max_length=255, unique=True)
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    status = models.CharField(_("status"), max_length=20, choices=Status.choices)
    automatic = models.BooleanField(default=True)
    # Whether Stripe lists its parts by now.
    reconciled = models.BooleanField(default=False)
    arrival_on = models.DateField(_("arrives on"))
    failure = models.CharField(_("why it failed"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("payout of the processor")
        verbose_name_plural = _("payouts of the processor")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "in_transit", "paid", "failed", "canceled"]),
                name="processor_payout_status_known",
            )
        ]

    def __str__(self) -> str:
        return self.stripe_payout

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Dispute(models.Model):
    """A payer's bank asks the money of a payment back, or (an inquiry) asks about it first.

    Amounts come from the balance transactions, which post by themselves; this row says how it
    stands and until when we can answer.
    """

    class Outcome(models.TextChoices):
        OPEN = "open", _("open")
        WON = "won", _("won")
        LOST = "lost", _("lost")
        CLOSED = "closed", _("closed without money moved")

    stripe_dispute = models.CharField(max_length=255, unique=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    reason = models.CharField(_("reason"), max_length=100)
    # Stripe's own word, such as needs_response or warning_closed; `outcome` is ours.
    status = models.CharField(_("status at Stripe"), max_length=50)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    inquiry = models.BooleanField(_("inquiry"), default=False)
    evidence_due_at = models.DateTimeField(_("answer before"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="dispute_above_zero"),
            models.CheckConstraint(
                condition=Q(outcome__in=["open", "won", "lost", "closed"]),
                name="dispute_outcome_known",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_dispute

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class ProcessorTransaction(models.Model):
    """One line of the processor's own books (a balance transaction), in ISO minor units.

    Every entry that touches clearing comes from one of these and is keyed by its id
    (``stripe:<id>``), so that reconciliation is a difference of two sets (design.md §5).
    """

    balance_transaction = models.CharField(max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=50)
    reporting_category = models.CharField(max_length=50, blank=True)
    # Signed as Stripe signs them: what came is positive; ``net`` is amount − fee.
    amount = models.BigIntegerField(_("amount"))
    fee = models.BigIntegerField(_("fee"))
    net = models.BigIntegerField(_("net"))
    currency = CurrencyField()
    source = models.CharField(_("source"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created"))
    available_on = models.DateField(_("available on"))
    payout = models.ForeignKey(
        ProcessorPayout, on_delete=models.PROTECT, related_name="parts", null=True, blank=True
    )
    entry = models.OneToOneField(
        "ledger.Entry",
        on_delete=models.PROTECT,
        related_name="processor_transaction",
        null=True,
        blank=True,
    )
    # Why it has no entry yet, for staff; empty while it is merely waiting.
    problem = models.TextField(_("problem"), blank=True)
    seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("processor’s line")
        verbose_name_plural = _("processor’s lines")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["source"], name="processor_line_by_source"),
            models.Index(
                fields=["created_at"], name="processor_line_open", condition=Q(entry=None)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(net=models.F("amount") - models.F("fee")),
                name="processor_line_net_is_amount_less_fee",
            )
        ]
        triggers = never_deleted("processor_line", "A line of the processor is never deleted.")

    def __str__(self) -> str:
        return self.balance_transaction

    @property
    def money(self) -> Money:
        return Money(self.net, self.currency)


class Customer(models.Model):
    """A payer whom Stripe knows, since they agreed to be charged again.

    ``key`` is who that is to us: ``user:3`` for a signed-in person, else the random id of the
    subscription or pledge it was made for, so that no two payers are ever merged by an e-mail.
    """

    key = models.CharField(max_length=100, unique=True)
    stripe_customer = models.CharField(max_length=255, null=True, blank=True, unique=True)
    email = models.EmailField()
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("Stripe customer")
        verbose_name_plural = _("Stripe customers")

    def __str__(self) -> str:
        return self.key


class Card(models.Model):
    """What we know of the card (or account) that a customer agreed to be charged by.

    Never its number. ``expires`` is its last month, as a first day; empty for a bank account.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="cards")
    stripe_payment_method = models.CharField(max_length=255, unique=True)
    brand = models.CharField(_("brand"), max_length=50)
    last4 = models.CharField(max_length=4, blank=True)
    expires = models.DateField(_("expires"), null=True, blank=True)
    agreed_at = models.DateTimeField(_("agreed"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    # The month of expiry that the payer was warned of, so that they are warned once.
    warned_for = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("saved card")
        verbose_name_plural = _("saved cards")
        ordering = ["-agreed_at"]

    def __str__(self) -> str:
        return f"{self.brand} {self.last4}"

    def expires_before(self, day: datetime.date) -> bool:
        """Whether its last month is over by ``day``."""
        if self.expires is None:
            return False
        return (self.expires.year, self.expires.month) < (day.year, day.month)


class Subscription(models.Model):
    """An agreement to pay an amount again and again, by card or bank debit at Stripe.

    ``purpose`` and ``purpose_id`` name the row it is for (a recurring gift); each paid invoice of
    it makes one payment with that purpose. Its standing at Stripe is kept as last read.
    """

    class Interval(models.TextChoices):
        MONTH = "month", _("monthly")
        QUARTER = "quarter", _("quarterly")
        YEAR = "year", _("yearly")

    class Status(models.TextChoices):
        PENDING = "pending", _("not begun")
        ACTIVE = "active", _("active")
        FAILING = "failing", _("last payment failed")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    form_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    pool = models.ForeignKey("ledger.Pool", on_delete=models.PROTECT, related_name="subscriptions")
    description = models.CharField(_("description"), max_length=250)
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    interval = models.CharField(_("how often"), max_length=10, choices=Interval.choices)
    payer_name = models.CharField(_("payer"), max_length=200)
    payer_email = models.EmailField(_("e-mail address"))
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="subscriptions",
        null=True,
        blank=True,
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="subscriptions", null=True, blank=True
    )
    card = models.ForeignKey(
        Card, on_delete=models.PROTECT, related_name="subscriptions", null=True, blank=True
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PENDING
    )
    attempt = models.PositiveIntegerField(default=0)
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    stripe_session = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_subscription = models.CharField(max_length=255, null=True, blank=True, unique=True)
    # The invoice that could not be paid, how often it was tried, and when it is tried again.
    failing_invoice = models.CharField(max_length=255, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    failure_code = models.CharField(max_length=100, blank=True)
    retry_on = models.DateField(null=True, blank=True)
    next_on = models.DateField(_("next payment"), null=True, blank=True)
    ends_on = models.DateField(_("ends on"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("recurring payment")
        verbose_name_plural = _("recurring payments")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["purpose", "purpose_id"], name="subscription_by_purpose"),
            models.Index(
                fields=["retry_on"],
                name="subscription_to_retry",
                condition=Q(retry_on__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="subscription_above_zero"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "active", "failing", "paused", "ended"]),
                name="subscription_status_known",
            ),
            models.CheckConstraint(
                condition=Q(interval__in=["month", "quarter", "year"]),
                name="subscription_interval_known",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="subscription_agreed_facts",
                fields=[
                    "public_id",
                    "purpose",
                    "purpose_id",
                    "pool",
                    "amount",
                    "currency",
                    "interval",
                ],
            ),
            *never_deleted("subscription", "A recurring payment is never deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.interval} {self.public_id}"

    def get_absolute_url(self) -> str:
        """The page of the agreement, for the payer, in the payer's language."""
        with translation.override(self.language):
            return reverse("subscription", args=[self.public_id])

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Mandate(models.Model):
    """A payer's consent to be charged later, without being present, for one purpose.

    Such as the instalments of a pledge as they fall due. It names the card and ends when revoked.
    """

    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="mandates")
    card = models.ForeignKey(
        Card, on_delete=models.PROTECT, related_name="mandates", null=True, blank=True
    )
    agreed_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("consent to be charged")
        verbose_name_plural = _("consents to be charged")
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "purpose_id"],
                condition=Q(revoked_at=None),
                name="mandate_one_stands",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.purpose_id}"
