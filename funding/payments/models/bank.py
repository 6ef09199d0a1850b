"""Bank accounts, manual channels, what we expect by them, statements, their lines, and matches."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.payments.models.payment import Payment, Status
from funding.payments.models.rules import immutable, never_deleted


class BankAccount(models.Model):
    """An account of ours at a bank. One is open per currency: it is what the ledger calls bank."""

    name = models.CharField(_("name"), max_length=100, help_text=_("For staff."))
    holder = models.CharField(_("account holder"), max_length=200)
    bank = models.CharField(_("bank"), max_length=200)
    iban = models.CharField("IBAN", max_length=34, blank=True)
    number = models.CharField(
        _("account number"), max_length=50, blank=True, help_text=_("Where there is no IBAN.")
    )
    bic = models.CharField("BIC", max_length=11, blank=True)
    more = models.TextField(
        _("more"),
        blank=True,
        help_text=_("What payers need besides: routing number, intermediary bank, address."),
    )
    currency = CurrencyField()
    closed_on = models.DateField(_("closed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")
        ordering = ["currency", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["currency"],
                condition=Q(closed_on=None),
                name="bank_account_open_once_a_currency",
                violation_error_message=_("There is an open account in this currency already."),
            ),
            models.CheckConstraint(
                condition=~Q(iban="") | ~Q(number=""),
                name="bank_account_has_a_number",
                violation_error_message=_("Enter an IBAN or an account number."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class ManualChannel(models.Model):
    """A way to pay that staff confirm by hand: mobile money, cheque, a local transfer.

    Its money is on its way to our bank account of that currency when it is confirmed (in transit),
    and arrives there when the operator or the cashed cheque appears on the statement.
    """

    class Kind(models.TextChoices):
        MOBILE_MONEY = "mobile_money", _("mobile money")
        CHEQUE = "cheque", _("cheque")
        LOCAL_TRANSFER = "local_transfer", _("local transfer")
        OTHER = "other", _("other")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    currency = CurrencyField()
    country = models.CharField(_("country"), max_length=2, blank=True)
    instructions = models.TextField(
        _("instructions"),
        help_text=_("What the payer does, step by step. The reference is shown below them."),
    )
    evidence_hint = models.CharField(
        _("evidence"),
        max_length=200,
        help_text=_("What shows staff that the money came, such as the operator’s transaction id."),
    )
    is_open = models.BooleanField(_("offered to payers"), default=True)

    class Meta:
        verbose_name = _("payment channel")
        verbose_name_plural = _("payment channels")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "currency"],
                name="manual_channel_once",
                violation_error_message=_("There is a channel of this name in this currency."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class ExpectedPayment(models.Model):
    """Money that somebody said they would send by bank transfer or a manual channel.

    It carries the reference by which it will be known (ISO 11649). Without an invoice it is itself
    a paper: a payment request, with a number of its own; neither an invoice nor a receipt. It may
    be answered by several payments; one that ``repeats`` (a standing order) by one after the other,
    each counting when its line is matched and never before.
    """

    class Repeats(models.TextChoices):
        ONCE = "", _("once")
        MONTH = "month", _("monthly")
        QUARTER = "quarter", _("quarterly")
        YEAR = "year", _("yearly")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    form_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    reference = models.CharField(_("reference"), max_length=25, unique=True)
    number = models.CharField(_("number"), max_length=30, unique=True, null=True, blank=True)
    invoice = models.OneToOneField(
        "payments.Invoice",
        on_delete=models.PROTECT,
        related_name="expected",
        null=True,
        blank=True,
    )
    # Empty: a bank transfer.
    channel = models.ForeignKey(
        ManualChannel, on_delete=models.PROTECT, related_name="expected", null=True, blank=True
    )
    purpose = models.CharField(max_length=20)
    purpose_id = models.BigIntegerField()
    pool = models.ForeignKey("ledger.Pool", on_delete=models.PROTECT, related_name="expected")
    description = models.CharField(_("description"), max_length=250)
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    repeats = models.CharField(
        _("how often"), max_length=10, choices=Repeats.choices, default=Repeats.ONCE, blank=True
    )
    payer_name = models.CharField(_("payer"), max_length=250)
    payer_address = models.TextField(_("address"), blank=True)
    payer_country = models.CharField(_("country"), max_length=2, blank=True)
    payer_email = models.EmailField(_("e-mail address"), blank=True)
    purchase_order = models.CharField(_("purchase order"), max_length=100, blank=True)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="expected_payments",
        null=True,
        blank=True,
    )
    # The issuer and how to pay, copied on the day of the request.
    issuer_name = models.CharField(max_length=200, blank=True)
    issuer_address = models.TextField(blank=True)
    issuer_registration = models.CharField(max_length=200, blank=True)
    bank_details = models.TextField(blank=True)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("expected payment")
        verbose_name_plural = _("expected payments")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["purpose", "purpose_id"], name="expected_by_purpose"),
            models.Index(
                fields=["currency", "amount"],
                name="expected_open",
                condition=Q(withdrawn_at=None),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="expected_above_zero",
                violation_error_message=_("An expected payment is above zero."),
            ),
            models.CheckConstraint(
                condition=Q(number__isnull=True, invoice__isnull=False)
                | Q(number__isnull=False, invoice__isnull=True),
                name="expected_has_one_paper",
            ),
            models.CheckConstraint(
                condition=Q(repeats__in=["", "month", "quarter", "year"]),
                name="expected_repeats_known",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="expected_agreed_facts",
                fields=[
                    "public_id",
                    "reference",
                    "number",
                    "invoice",
                    "channel",
                    "purpose",
                    "purpose_id",
                    "pool",
                    "amount",
                    "currency",
                    "repeats",
                ],
            ),
            *never_deleted("expected", "An expected payment is withdrawn, never deleted."),
        ]

    def __str__(self) -> str:
        return self.number or self.reference

    def get_absolute_url(self) -> str:
        """The page that says how to pay it and how it stands, in the payer's language."""
        with translation.override(self.language):
            return reverse("expected_payment", args=[self.public_id])

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def received(self) -> Money:
        """What has come for it so far, by payments that stand.

        Of an invoice: by whatever channel, since it may be paid by card as well.
        """
        if self.invoice is not None:
            return self.invoice.received
        sums = self.payments.filter(status=Status.SUCCEEDED).aggregate(sum=Sum("amount"))
        return Money(sums["sum"] or 0, self.currency)

    @property
    def outstanding(self) -> Money:
        """What is still expected; of one that repeats, always one time's amount."""
        return self.still_expected(self.received)

    def still_expected(self, received: Money) -> Money:
        """What is ``outstanding`` once ``received`` has come, for who knows that already."""
        if self.withdrawn_at is not None:
            return Money(0, self.currency)
        if self.repeats:
            return self.money
        return Money(max(0, self.amount - received.amount), self.currency)

    @property
    def is_open(self) -> bool:
        return self.outstanding.amount > 0


class CsvMapping(models.Model):
    """How one bank's CSV is read, remembered from the last import of the account."""

    account = models.OneToOneField(
        BankAccount, on_delete=models.PROTECT, related_name="csv_mapping"
    )
    # Column names and formats; funding/payments/banking/csv_statements.py says which keys.
    settings = models.JSONField()

    class Meta:
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")

    def __str__(self) -> str:
        return str(self.account)


class StandingStatements(models.Manager["BankStatement"]):
    """The statements that count: a discarded one is as if it had never been imported."""

    def get_queryset(self) -> models.QuerySet["BankStatement"]:
        return super().get_queryset().filter(discarded_at=None)


class BankStatement(models.Model):
    """One imported statement: opening plus lines is closing, and its opening the last closing.

    The last one of an account can be discarded while none of its lines was matched (a wrong date, a
    wrong file); it is kept with its file, and counts nowhere.
    """

    class Format(models.TextChoices):
        CAMT = "camt053", "CAMT.053"
        MT940 = "mt940", "MT940"
        CSV = "csv", "CSV"

    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="statements")
    format = models.CharField(_("format"), max_length=10, choices=Format.choices)
    file_name = models.CharField(_("file"), max_length=250)
    file_sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    # Several statements may come in one file; the position tells them apart.
    position = models.PositiveSmallIntegerField(default=1)
    identification = models.CharField(max_length=100, blank=True)
    opening = models.BigIntegerField(_("opening balance"))
    closing = models.BigIntegerField(_("closing balance"))
    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"))
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bank_statements"
    )
    imported_at = models.DateTimeField(_("imported"), auto_now_add=True)
    discarded_at = models.DateTimeField(_("discarded"), null=True, blank=True)
    discarded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="discarded_statements",
        null=True,
        blank=True,
    )
    discarded_reason = models.CharField(max_length=500, blank=True)

    objects = StandingStatements()
    with_discarded = models.Manager["BankStatement"]()

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")
        permissions = [("import_statement", "Can import bank statements")]
        ordering = ["account", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "file_sha256", "position"],
                condition=Q(discarded_at=None),
                name="bank_statement_file_once",
            ),
            models.CheckConstraint(
                condition=Q(discarded_at__isnull=True, discarded_by__isnull=True)
                | Q(discarded_at__isnull=False, discarded_by__isnull=False)
                & ~Q(discarded_reason=""),
                name="bank_statement_discarded_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="bank_statement_days_in_order"
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="bank_statement_facts",
                exclude=["discarded_at", "discarded_by", "discarded_reason"],
            ),
            pgtrigger.Protect(
                name="bank_statement_discarded_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__discarded_at__isnull=False),
            ),
            *never_deleted("bank_statement", "A bank statement is discarded, never deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.first_day:%Y-%m-%d} – {self.last_day:%Y-%m-%d}"


class StandingLines(models.Manager["BankLine"]):
    """The lines of the statements that count."""

    def get_queryset(self) -> models.QuerySet["BankLine"]:
        return super().get_queryset().filter(statement__discarded_at=None)


class BankLine(models.Model):
    """One booked line of a statement: ``amount`` is signed, what came is positive.

    Two lines that look alike are two lines: a line is known by its place in its statement.
    """

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    booked_on = models.DateField(_("booked on"))
    value_on = models.DateField(_("value date"))
    amount = models.BigIntegerField(_("amount"))
    bank_reference = models.CharField(_("bank’s reference"), max_length=140, blank=True)
    payer_reference = models.CharField(_("payer’s reference"), max_length=140, blank=True)
    counterparty = models.CharField(_("counterparty"), max_length=250, blank=True)
    counterparty_account = models.CharField(max_length=50, blank=True)
    text = models.TextField(_("text"), blank=True)
    # What the payer's bank took, where the file says so: minor units and currency.
    instructed_amount = models.BigIntegerField(null=True, blank=True)
    instructed_currency = CurrencyField(null=True, blank=True)

    objects = StandingLines()
    with_discarded = models.Manager["BankLine"]()

    class Meta:
        verbose_name = _("bank line")
        verbose_name_plural = _("bank lines")
        ordering = ["statement", "position"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "position"], name="bank_line_position"),
            models.CheckConstraint(condition=~Q(amount=0), name="bank_line_not_zero"),
        ]
        triggers = immutable("bank_line", "A bank line is immutable once imported.")

    def __str__(self) -> str:
        return f"{self.statement_id}/{self.position}"

    @property
    def currency(self) -> str:
        return self.statement.account.currency

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Match(models.Model):
    """What a bank line, or a part of it, turned out to be; each has its entry in the ledger.

    ``amount`` is signed like its line. A line is done when its matches that stand add up to it.
    Money parked in unallocated receipts is matched later by a match that names the parked one.
    Undone, it stays, with the entry that reversed its own.
    """

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("payment")
        OWED_BACK = "owed_back", _("more than was owed: owed back")
        PARKED = "parked", _("not known yet: parked")
        IN_TRANSIT = "in_transit", _("money that was on its way")
        CHARGE = "charge", _("the bank’s own charge")
        PAYOUT = "payout", _("a payout of ours")
        PAYOUT_RETURNED = "payout_returned", _("a payout of ours that came back")
        RECEIPT_RETURNED = "receipt_returned", _("a receipt that the bank took back")
        PARKED_RETURNED = "parked_returned", _("parked money given back")

    line = models.ForeignKey(BankLine, on_delete=models.PROTECT, related_name="matches")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    amount = models.BigIntegerField(_("amount"))
    parked = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="resolved_by", null=True, blank=True
    )
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="matches", null=True, blank=True
    )
    processor_payout = models.ForeignKey(
        "payments.ProcessorPayout",
        on_delete=models.PROTECT,
        related_name="matches",
        null=True,
        blank=True,
    )
    payout = models.ForeignKey(
        "payments.Payout", on_delete=models.PROTECT, related_name="matches", null=True, blank=True
    )
    note = models.CharField(_("note"), max_length=500, blank=True)
    entry = models.OneToOneField(
        "ledger.Entry", on_delete=models.PROTECT, related_name="match", null=True, blank=True
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="confirmed_matches"
    )
    confirmed_at = models.DateTimeField(_("confirmed"), auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="undone_matches",
        null=True,
        blank=True,
    )
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    undone_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        permissions = [("confirm_match", "Can match bank lines and undo matches")]
        ordering = ["line", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="match_not_zero"),
            models.CheckConstraint(
                condition=~Q(kind="payment") | Q(payment__isnull=False),
                name="match_of_a_payment_names_it",
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
                name="match_undone_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(undone_at=None, kind="payment"),
                name="match_of_a_payment_stands_once",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="match_facts",
                fields=["line", "kind", "amount", "parked", "payment", "payout"],
            ),
            *never_deleted("match", "A match is undone, never deleted."),
            # The sum of a line's matches that stand never passes the line, whoever writes and
            # however many at once: the line's row is locked first.
            pgtrigger.Trigger(
                name="match_within_its_line",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[("whole", "bigint"), ("matched", "bigint")],
                func="""
                    IF NEW.parked_id IS NULL THEN
                        SELECT amount INTO whole FROM payments_bankline
                         WHERE id = NEW.line_id FOR NO KEY UPDATE;
                        SELECT coalesce(sum(amount), 0) INTO matched FROM payments_match
                         WHERE line_id = NEW.line_id AND parked_id IS NULL AND undone_at IS NULL;
                    ELSE
                        SELECT amount INTO whole FROM payments_match
                         WHERE id = NEW.parked_id FOR NO KEY UPDATE;
                        SELECT coalesce(sum(amount), 0) INTO matched FROM payments_match
                         WHERE parked_id = NEW.parked_id AND undone_at IS NULL;
                    END IF;
                    IF sign(whole) * matched > abs(whole) OR sign(whole) * NEW.amount <= 0 THEN
                        RAISE EXCEPTION 'The matches of bank line % would be %, it has %.',
                            NEW.line_id, matched, whole
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.line_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.line.currency)
