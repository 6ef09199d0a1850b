"""What the portal knows of money arriving: payments, invoices, receipts, and the events of Stripe.

Amounts are ISO 4217 minor units (core.money); Stripe's own units stay in stripe_units.py. Papers
(invoices, receipts) copy their facts and are immutable in the database, not only here.
"""

import uuid
from typing import Any, Literal

import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money


class Channel(models.TextChoices):
    CARD = "card", _("card")


class Status(models.TextChoices):
    PENDING = "pending", _("not paid yet")
    PROCESSING = "processing", _("being processed")
    SUCCEEDED = "succeeded", _("paid")
    FAILED = "failed", _("not successful")


# What may follow what. A payment that failed can be tried again, and a declined card can be
# followed by a good one on the same checkout page, so `failed` is no end; `succeeded` is.
NEXT_STATUS: dict[str, frozenset[str]] = {
    Status.PENDING: frozenset({Status.PROCESSING, Status.SUCCEEDED, Status.FAILED}),
    Status.PROCESSING: frozenset({Status.SUCCEEDED, Status.FAILED}),
    Status.FAILED: frozenset({Status.PENDING, Status.PROCESSING, Status.SUCCEEDED}),
    Status.SUCCEEDED: frozenset(),
}

SETTLED_FIELDS = (
    "stripe_balance_transaction",
    "settled_gross",
    "settled_fee",
    "settled_currency",
    "settled_on",
    "entry",
)


def _refuse(name: str, what: str, operation: Any) -> pgtrigger.Trigger:
    """A trigger that refuses ``operation`` on a paper, whoever asks."""
    statement = operation is pgtrigger.Truncate
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement if statement else pgtrigger.Row,
        when=pgtrigger.Before,
        operation=operation,
        func=f"RAISE EXCEPTION '{what}' USING ERRCODE = 'integrity_constraint_violation';",
    )


def _immutable(table: str, what: str) -> list[pgtrigger.Trigger]:
    return [
        _refuse(f"{table}_immutable", what, pgtrigger.Update | pgtrigger.Delete),
        _refuse(f"{table}_no_truncate", what, pgtrigger.Truncate),
    ]


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

    # The way through Stripe's checkout. Each attempt is one checkout session; a new one begins
    # only when the last can no longer be paid. The attempt names Stripe's idempotency key, so its
    # beginning is stored: every parameter of a repeated call must equal the first call's.
    attempt = models.PositiveIntegerField(default=0)
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    stripe_session = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_intent = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_charge = models.CharField(max_length=255, null=True, blank=True, unique=True)

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
                condition=Q(status=Status.SUCCEEDED, succeeded_at__isnull=False)
                | (~Q(status=Status.SUCCEEDED) & Q(succeeded_at=None)),
                name="payment_paid_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(**{f"{name}__isnull": True for name in SETTLED_FIELDS})
                | Q(
                    status=Status.SUCCEEDED,
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
            _refuse("payment_no_delete", "A payment is never deleted.", pgtrigger.Delete),
            _refuse("payment_no_truncate", "A payment is never deleted.", pgtrigger.Truncate),
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
    def is_paid(self) -> bool:
        return self.status == Status.SUCCEEDED

    @property
    def can_be_tried(self) -> bool:
        """Whether the payer may go (again) to the checkout page."""
        return self.status in (Status.PENDING, Status.FAILED)


class NumberSeries(models.Model):
    """The last number given in a series and year; its row is locked until the paper commits."""

    prefix = models.CharField(max_length=10)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("number series")
        verbose_name_plural = _("number series")
        constraints = [
            models.UniqueConstraint(fields=["prefix", "year"], name="number_series_once_a_year")
        ]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}"


class Invoice(models.Model):
    """A demand for money, numbered without gaps. Facts are copied; once issued nothing changes."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=30, unique=True)
    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    issuer_name = models.CharField(max_length=200)
    issuer_address = models.TextField(blank=True)
    bill_to_name = models.CharField(_("bill to"), max_length=250)
    bill_to_address = models.TextField(_("address"), blank=True)
    bill_to_country = models.CharField(_("country"), max_length=2, blank=True)
    bill_to_email = models.EmailField(_("e-mail address"), blank=True)
    purchase_order = models.CharField(_("purchase order"), max_length=100, blank=True)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    currency = CurrencyField()
    total = models.BigIntegerField(_("total"))
    issued_on = models.DateField(_("issued on"))
    due_on = models.DateField(_("due on"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["purpose", "purpose_id"], name="invoice_by_purpose")]
        constraints = [
            models.CheckConstraint(condition=Q(total__gt=0), name="invoice_total_above_zero"),
            models.CheckConstraint(
                condition=Q(due_on__gte=F("issued_on")), name="invoice_due_after_issue"
            ),
            models.CheckConstraint(condition=~Q(bill_to_name=""), name="invoice_names_its_payer"),
        ]
        triggers = [
            *_immutable("invoice", "An invoice is immutable once issued."),
            # Deferred, since the lines come after the invoice. It also keeps a line from being
            # added later: every line is above zero, so the sum could no longer be right.
            pgtrigger.Trigger(
                name="invoice_sum",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                declare=[("lines", "bigint")],
                func="""
                    SELECT coalesce(sum(amount), 0) INTO lines
                      FROM payments_invoiceline WHERE invoice_id = NEW.id;
                    IF lines <> NEW.total THEN
                        RAISE EXCEPTION 'Invoice % totals %, its lines sum to %.',
                            NEW.number, NEW.total, lines
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        with translation.override(self.language):
            return reverse("invoice", args=[self.public_id])

    @property
    def money(self) -> Money:
        return Money(self.total, self.currency)

    @cached_property
    def settling_payment(self) -> Payment | None:
        """The payment that paid this invoice, or None while it is open."""
        return self.payments.filter(status=Status.SUCCEEDED).order_by("succeeded_at").first()


class InvoiceLine(models.Model):
    """One line of an invoice, in the language of the invoice."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    description = models.CharField(max_length=250)
    amount = models.BigIntegerField()

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["invoice", "position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="invoice_line_above_zero"),
        ]
        triggers = [
            *_immutable("invoice_line", "An invoice is immutable once issued."),
            pgtrigger.Trigger(
                name="invoice_line_sum",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                declare=[("wanted", "bigint"), ("lines", "bigint")],
                func="""
                    SELECT total INTO wanted FROM payments_invoice WHERE id = NEW.invoice_id;
                    SELECT sum(amount) INTO lines
                      FROM payments_invoiceline WHERE invoice_id = NEW.invoice_id;
                    IF lines <> wanted THEN
                        RAISE EXCEPTION 'Invoice % totals %, its lines sum to %.',
                            NEW.invoice_id, wanted, lines
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.description

    @property
    def money(self) -> Money:
        return Money(self.amount, self.invoice.currency)


class Receipt(models.Model):
    """Our word that a payment arrived: one per payment, numbered without gaps, immutable."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=30, unique=True)
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    issuer_name = models.CharField(max_length=200)
    issuer_address = models.TextField(blank=True)
    payer_name = models.CharField(_("received from"), max_length=200)
    description = models.CharField(_("for"), max_length=250)
    pool_name = models.CharField(_("pool"), max_length=200)
    channel = models.CharField(_("channel"), max_length=20, choices=Channel.choices)
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    paid_on = models.DateField(_("paid on"))
    issued_at = models.DateTimeField(_("issued"))

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_amount_above_zero")
        ]
        triggers = _immutable("receipt", "A receipt is immutable once issued.")

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        with translation.override(self.language):
            return reverse("receipt", args=[self.public_id])

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


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
