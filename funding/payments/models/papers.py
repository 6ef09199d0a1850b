"""Papers: invoices, receipts, credit notes. They copy their facts and are immutable once issued."""

import uuid
from dataclasses import dataclass

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import CharField, Exists, F, Min, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Cast, Concat
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.ledger.models import Entry, Posting
from funding.payments.models.payment import Channel, Payment
from funding.payments.models.rules import immutable

# Keys the entry that uses an owed-back payment for its invoice after all; its public_id follows.
APPLIED = "overpayment-applied:"


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


@dataclass(frozen=True, slots=True)
class HowPaid:
    """What came for an invoice and counts (`Invoice.arrivals`), what is still to pay, and the
    payment that made it paid in full, None while it is open."""

    received: Money
    outstanding: Money
    by: Payment | None


class Invoice(models.Model):
    """A demand for money, numbered without gaps. Facts are copied; once issued nothing changes."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=30, unique=True)
    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    issuer_name = models.CharField(max_length=200)
    issuer_address = models.TextField(blank=True)
    issuer_registration = models.CharField(max_length=200, blank=True)
    # Whether goods or services were given for it, in the words of the day.
    statement = models.TextField(blank=True)
    # How to pay it by transfer, as it stood that day, and the reference to give (ISO 11649).
    bank_details = models.TextField(blank=True)
    reference = models.CharField(_("reference"), max_length=25, blank=True, db_index=True)
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
            *immutable("invoice", "An invoice is immutable once issued."),
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
            # Nobody is asked twice for one thing. Whoever issues holds the series' row, so two at
            # once see each other.
            pgtrigger.Trigger(
                name="invoice_one_stands",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM payments_invoice other
                         WHERE other.purpose = NEW.purpose AND other.purpose_id = NEW.purpose_id
                           AND NOT EXISTS (
                               SELECT 1 FROM payments_creditnote WHERE invoice_id = other.id
                           )
                    ) THEN
                        RAISE EXCEPTION 'An invoice for % % stands already.',
                            NEW.purpose, NEW.purpose_id
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
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

    @property
    def received(self) -> Money:
        """What has been paid of it so far, by the payments that count (`arrivals`).

        As the receivable in the books: a refund or a lost dispute does not make it open again, so
        what was given back stays in it (`funding.payments.credit_notes.kept_of` says what is kept).
        """
        sums = self.arrivals.aggregate(sum=Sum("amount"))
        return Money(sums["sum"] or 0, self.currency)

    @property
    def outstanding(self) -> Money:
        return Money(max(0, self.total - self.received.amount), self.currency)

    @property
    def arrivals(self) -> "models.QuerySet[Payment]":
        """The payments that stand for it, in the order in which we recorded them.

        Not by the time they were made: news of a card payment may come after a later transfer was
        matched, and what counted once must count for good. Receipts are issued one at a time and
        in that order. Left out are those that the books owe back to the payer, and bank debits that
        failed after all, which opened the invoice again.
        """
        standing = self.payments.filter(~_owed_back(), ~_opened_it_again(), status="succeeded")
        return standing.annotate(recorded=Min("receipts")).order_by("recorded", "pk")

    def how_paid(self) -> HowPaid:
        """All that its page says of what came, by one query."""
        paid, settled_by = 0, None
        for payment in self.arrivals:
            paid += payment.amount
            if settled_by is None and paid >= self.total:
                settled_by = payment
        return HowPaid(
            received=Money(paid, self.currency),
            outstanding=Money(max(0, self.total - paid), self.currency),
            by=settled_by,
        )

    def counts(self, payment: Payment) -> bool:
        """Whether ``payment`` is within what this invoice asks for, in the order money came."""
        _before, fits = self._place_of(payment)
        return fits

    def is_exceeded_by(self, payment: "Payment") -> bool:
        """Whether ``payment`` is more than what was open when it came, though something was.

        It is owed back whole, pays nothing, and leaves open what was.
        """
        before, fits = self._place_of(payment)
        return not fits and before < self.total

    def _place_of(self, payment: "Payment") -> tuple[int, bool]:
        """What had been paid when ``payment`` came, and whether it fits into what was open then.

        What does not fit pays nothing, whether the books know that yet or not.
        """
        paid = 0
        for each in self.arrivals:
            fits = paid + each.amount <= self.total
            if each.pk == payment.pk:
                return paid, fits
            paid += each.amount if fits else 0
        return self.total, False

    @property
    def voided_by(self) -> "CreditNote | None":
        """The credit note that made this invoice void."""
        return getattr(self, "credit_note", None)


def received_sum(invoice: str) -> Subquery:
    """`Invoice.received` of the invoice that the column ``invoice`` names, for a query of many."""
    standing = Payment.objects.filter(
        ~_owed_back(), ~_opened_it_again(), invoice=OuterRef(invoice), status="succeeded"
    )
    return Subquery(standing.order_by().values("invoice").annotate(sum=Sum("amount")).values("sum"))


def _owed_back() -> Exists:
    """Whether the entry of a payment owes it back, and nothing used it for the invoice since."""
    applied = Entry.objects.filter(
        idempotency_key=Concat(
            Value(APPLIED),
            Cast(OuterRef(OuterRef("public_id")), CharField()),
            output_field=CharField(),
        ),
    )
    return Exists(
        Posting.objects.filter(
            ~Exists(applied),
            entry=OuterRef("entry"),
            account__code="credits-payable",
            amount__lt=0,
        )
    )


def _opened_it_again() -> Exists:
    """Whether a payment went back by an entry that opened the receivable again (a failed debit)."""
    return Exists(
        Posting.objects.filter(
            entry__refund__payment=OuterRef("pk"),
            entry__refund__taken_back_at=None,
            account__code="dues-receivable",
            amount__gt=0,
        )
    )


def received_by(invoices: "models.QuerySet[Invoice]") -> dict[int, int]:
    """`Invoice.received` of many by their ids, in minor units, by one query; those alone of which
    something came."""
    sums = (
        Payment.objects.filter(
            ~_owed_back(), ~_opened_it_again(), status="succeeded", invoice__in=invoices
        )
        .order_by()
        .values_list("invoice")
        .annotate(sum=Sum("amount"))
    )
    return dict(sums)


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
            *immutable("invoice_line", "An invoice is immutable once issued."),
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
    """Our word that a payment arrived, numbered without gaps, immutable.

    One stands per payment; another is issued only once a credit note made the first one void.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=30, unique=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="receipts")
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="replaced_by", null=True, blank=True
    )
    issuer_name = models.CharField(max_length=200)
    issuer_address = models.TextField(blank=True)
    issuer_registration = models.CharField(max_length=200, blank=True)
    statement = models.TextField(blank=True)
    payer_name = models.CharField(_("received from"), max_length=200)
    description = models.CharField(_("for"), max_length=250)
    pool_name = models.CharField(_("pool"), max_length=200)
    channel = models.CharField(_("channel"), max_length=20, choices=Channel.choices)
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    # What the payer's own bank took, where it was another currency.
    payer_amount = models.BigIntegerField(null=True, blank=True)
    payer_currency = CurrencyField(null=True, blank=True)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    paid_on = models.DateField(_("paid on"))
    issued_at = models.DateTimeField(_("issued"))

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_amount_above_zero"),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(replaces=None), name="receipt_first_once"
            ),
        ]
        triggers = [
            *immutable("receipt", "A receipt is immutable once issued."),
            pgtrigger.Trigger(
                name="receipt_one_stands",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM payments_receipt other
                         WHERE other.payment_id = NEW.payment_id
                           AND NOT EXISTS (
                               SELECT 1 FROM payments_creditnote WHERE receipt_id = other.id
                           )
                    ) THEN
                        RAISE EXCEPTION 'A receipt of payment % stands already.', NEW.payment_id
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        with translation.override(self.language):
            return reverse("receipt", args=[self.public_id])

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def voided_by(self) -> "CreditNote | None":
        """The credit note that made this receipt void."""
        return getattr(self, "credit_note", None)


class CreditNote(models.Model):
    """Makes one invoice or one receipt void, whole. Numbered without gaps, immutable.

    What still holds of the paper (a part that was paid, a gift refunded in part) is issued anew.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=30, unique=True)
    invoice = models.OneToOneField(
        Invoice, on_delete=models.PROTECT, related_name="credit_note", null=True, blank=True
    )
    receipt = models.OneToOneField(
        Receipt, on_delete=models.PROTECT, related_name="credit_note", null=True, blank=True
    )
    issuer_name = models.CharField(max_length=200)
    issuer_address = models.TextField(blank=True)
    issuer_registration = models.CharField(max_length=200, blank=True)
    to_name = models.CharField(_("for"), max_length=250)
    to_address = models.TextField(_("address"), blank=True)
    to_country = models.CharField(_("country"), max_length=2, blank=True)
    description = models.CharField(_("description"), max_length=250)
    reason = models.CharField(_("reason"), max_length=500)
    currency = CurrencyField()
    total = models.BigIntegerField(_("total"))
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    issued_on = models.DateField(_("issued on"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("credit note")
        verbose_name_plural = _("credit notes")
        permissions = [("issue_credit_note", "Can make invoices and receipts void")]
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, receipt__isnull=True)
                | Q(invoice__isnull=True, receipt__isnull=False),
                name="credit_note_voids_one_paper",
            ),
            models.CheckConstraint(condition=Q(total__gt=0), name="credit_note_above_zero"),
            models.CheckConstraint(condition=~Q(reason=""), name="credit_note_says_why"),
        ]
        triggers = [
            *immutable("credit_note", "A credit note is immutable once issued."),
            pgtrigger.Trigger(
                name="credit_note_is_whole",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM payments_invoice
                         WHERE id = NEW.invoice_id AND total = NEW.total
                           AND currency = NEW.currency
                        UNION ALL
                        SELECT 1 FROM payments_receipt
                         WHERE id = NEW.receipt_id AND amount = NEW.total
                           AND currency = NEW.currency
                    ) THEN
                        RAISE EXCEPTION 'A credit note is over the whole of what it makes void.'
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        with translation.override(self.language):
            return reverse("credit_note", args=[self.public_id])

    @property
    def voids(self) -> Invoice | Receipt:
        """The paper that it makes void."""
        paper = self.invoice or self.receipt
        assert paper is not None
        return paper

    @property
    def to_email(self) -> str:
        """Where whoever got the paper reads of it; empty where they gave no address."""
        if self.invoice is not None:
            return self.invoice.bill_to_email
        assert self.receipt is not None
        return self.receipt.payment.payer_email

    @property
    def money(self) -> Money:
        return Money(self.total, self.currency)


class Reminder(models.Model):
    """A reminder that was sent: one per expected payment and day of the schedule."""

    expected = models.ForeignKey(
        "payments.ExpectedPayment", on_delete=models.PROTECT, related_name="reminders"
    )
    # Days from the due date: -7 is a week before, 14 two weeks after.
    days = models.SmallIntegerField()
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints = [
            models.UniqueConstraint(fields=["expected", "days"], name="reminder_sent_once")
        ]

    def __str__(self) -> str:
        return f"{self.expected_id} {self.days:+d}"
