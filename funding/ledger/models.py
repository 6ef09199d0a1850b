"""The ledger's tables: double entry, fund accounting, append-only.

Every pool is a self-balancing set of accounts. An entry holds two or more postings (debit is
positive) that add up to zero per pool and per currency, and the figures it feeds (design.md §5).
The database holds these rules: `funding.ledger.sql`. Its functions alone write these tables (the
portal's own role has no right to), and its triggers `guard` and `stays` let nobody else add to them
or change what stands there.

Foreign keys of what is posted are without a constraint of the database where that would lock one
busy row (a pool, an account, a month) for every entry; the functions find those rows by themselves,
and nothing can delete or recode them.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money


class Pool(models.Model):
    """A named, self-balancing fund: the row that commitments lock."""

    code = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=120)
    currency = CurrencyField()
    opened_at = models.DateTimeField(_("opened at"), auto_now_add=True)

    class Meta:
        verbose_name = _("pool")
        verbose_name_plural = _("pools")
        ordering = ["code"]
        constraints = [
            # What composite foreign keys point at: a gift or a pledge cannot be in a currency
            # that is not its pool's.
            models.UniqueConstraint(fields=["id", "currency"], name="pool_identity"),
            models.UniqueConstraint(fields=["id", "code"], name="pool_and_code"),
        ]
        triggers = [
            # Its code and currency stand in the sealed form of every entry.
            pgtrigger.Protect(
                name="ledger_pool_keeps_code",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("code", "currency"),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """One account of a pool's chart in one currency (the chart: `funding.ledger.chart`)."""

    class Kind(models.TextChoices):
        ASSET = "asset", _("asset")
        LIABILITY = "liability", _("liability")
        NET = "net", _("net assets")
        INCOME = "income", _("income")
        EXPENSE = "expense", _("expense")

    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="accounts")
    # The pool's own, which never changes (a foreign key of both holds it so): by it an account is
    # found in one look.
    pool_code = models.SlugField(_("code of the pool"), max_length=50, db_index=False)
    code = models.SlugField(_("code"), max_length=50)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    currency = CurrencyField()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["pool", "code", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool_code", "code", "currency"], name="account_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pool_code}:{self.code}:{self.currency}"


class Period(models.Model):
    """A calendar month of bookkeeping. Once closed it takes no more entries."""

    month = models.DateField(_("month"), unique=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("period")
        verbose_name_plural = _("periods")
        ordering = ["month"]
        constraints = [
            models.CheckConstraint(condition=Q(month__day=1), name="period_month_is_a_first_day")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class Entry(models.Model):
    """One event in the books. Immutable; a mistake is mended by an entry that reverses it."""

    idempotency_key = models.CharField(max_length=200)
    # SHA-256 over what the caller asked to post: the same key with other content is refused.
    content_hash = models.CharField(max_length=64)
    kind = models.CharField(_("kind"), max_length=50)
    period = models.ForeignKey(
        Period, on_delete=models.PROTECT, related_name="entries", db_constraint=False
    )
    effective_date = models.DateField(_("effective date"))
    recorded_at = models.DateTimeField(_("recorded at"))
    # Public words. No personal data: parties are named by opaque ids (rule 10).
    memo = models.CharField(_("memo"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    # Who made it and who agreed, as opaque references ("user:3"); nobody where an outside fact was
    # booked by itself. Not public, but bound into the sealed form by the salt.
    prepared_by = models.CharField(_("prepared by"), max_length=50, blank=True)
    approved_by = ArrayField(
        models.CharField(max_length=50), verbose_name=_("approved by"), blank=True, default=list
    )
    salt = models.BinaryField(max_length=32)
    # How many postings (2 to 200) and figures (at most 200) belong to it. The upper limits keep its
    # public form below the 64 KB of an entry bundle.
    posting_count = models.SmallIntegerField()
    figure_count = models.SmallIntegerField()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="entry_key"),
        ]
        indexes = [
            # What the books hold of one membership term, or of the gifts of one donor. By pattern, so
            # that all of a kind ("term:…") are found by it too.
            models.Index(
                fields=["source"], name="entry_by_source", opclasses=["varchar_pattern_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class Posting(models.Model):
    """One line of an entry: ``amount`` minor units on one account, debit positive.

    An entry has one posting an account at most. Pool and currency are the account's.
    """

    pk = models.CompositePrimaryKey("entry_id", "account_id")
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="postings",
        db_constraint=False,
        db_index=False,
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="postings",
        db_constraint=False,
        db_index=False,
    )
    pool = models.ForeignKey(
        Pool,
        on_delete=models.PROTECT,
        related_name="postings",
        db_constraint=False,
        db_index=False,
    )
    currency = CurrencyField()
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        ordering = ["entry_id", "account_id"]
        indexes = [models.Index(fields=["account", "entry"], name="posting_by_account")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Figure(models.Model):
    """What an entry adds to a public figure of a pool (design.md rule 5), in minor units."""

    class Name(models.TextChoices):
        OPENING = "opening", _("At the start")
        RECEIVED = "received", _("Received")
        REFUNDED = "refunded", _("Refunded")
        HELD = "held", _("Held in disputes")
        LOST = "lost", _("Lost disputes")
        FEES = "fees", _("Fees")
        EXPENSES = "expenses", _("Own spending")
        EXCHANGE = "exchange", _("Exchange differences")
        TRANSFERS = "transfers", _("Transfers between pools")
        DISBURSED = "disbursed", _("Paid to grantees")
        RETURNED = "returned", _("Returned by grantees")
        COMMITTED = "committed", _("Committed, not yet paid")
        OWED_BACK = "owed_back", _("Owed back to payers")
        PAID_AHEAD = "paid_ahead", _("Dues paid ahead")

    pk = models.CompositePrimaryKey("entry_id", "pool_id", "currency", "name")
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="figures",
        db_constraint=False,
        db_index=False,
    )
    pool = models.ForeignKey(
        Pool,
        on_delete=models.PROTECT,
        related_name="figures",
        db_constraint=False,
        db_index=False,
    )
    currency = CurrencyField()
    name = models.CharField(_("name"), max_length=20, choices=Name.choices)
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["entry_id", "pool_id", "currency", "name"]
        indexes = [
            models.Index(fields=["pool", "currency", "name", "entry"], name="figure_by_pool")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.amount} {self.currency}"


# --- Sums, kept in the posting's own transaction ---------------------------------------------------


class AccountBalance(models.Model):
    """What one slot of writers added to an account in one month (`funding.ledger.sql` on slots).

    The sum of its few slots is the month's movement. A closed month has one row, of slot -1.
    """

    pk = models.CompositePrimaryKey("account_id", "period_id", "slot")
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="balances",
        db_constraint=False,
        db_index=False,
    )
    period = models.ForeignKey(
        Period, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    slot = models.SmallIntegerField()
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.account_id} {self.period_id} {self.amount}"


class FigureTotal(models.Model):
    """What one slot of writers added to a figure of a pool in one month."""

    pk = models.CompositePrimaryKey("pool_id", "currency", "name", "period_id", "slot")
    pool = models.ForeignKey(
        Pool,
        on_delete=models.PROTECT,
        related_name="figure_totals",
        db_constraint=False,
        db_index=False,
    )
    currency = CurrencyField()
    name = models.CharField(max_length=20, choices=Figure.Name.choices)
    period = models.ForeignKey(
        Period, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    slot = models.SmallIntegerField()
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.pool_id} {self.name} {self.amount}"


class ClosingBalance(models.Model):
    """What an account stood at when a month was closed: all it was ever debited and credited."""

    pk = models.CompositePrimaryKey("period_id", "account_id")
    period = models.ForeignKey(
        Period, on_delete=models.PROTECT, related_name="closing_balances", db_index=False
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="closing_balances")
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.period_id} {self.account_id} {self.amount}"


class ClosingFigure(models.Model):
    """What a figure of a pool stood at when a month was closed, counted from the beginning."""

    pk = models.CompositePrimaryKey("period_id", "pool_id", "currency", "name")
    period = models.ForeignKey(
        Period, on_delete=models.PROTECT, related_name="closing_figures", db_index=False
    )
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="closing_figures")
    currency = CurrencyField()
    name = models.CharField(max_length=20, choices=Figure.Name.choices)
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.period_id} {self.pool_id} {self.name} {self.amount}"


# --- Proof (docs/ledger-format.md) ----------------------------------------------------------------


class Sealer(models.Model):
    """How far sealing has come: one row, which `ledger_seal` keeps (`funding.ledger.sql`)."""

    # Every entry up to this number has its leaf.
    sealed_through = models.BigIntegerField(default=0)
    # The last number that was handed out at a moment, and the writers who were then at work.
    handed_out = models.BigIntegerField(default=0)
    at_work = ArrayField(models.TextField(), default=list)

    def __str__(self) -> str:
        return str(self.sealed_through)


class Leaf(models.Model):
    """An entry's place in the log: ``sequence`` counts from 0 without gaps."""

    sequence = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="leaf")
    hash = models.BinaryField(max_length=32)

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"{self.sequence} entry {self.entry_id}"


class TreeHash(models.Model):
    """The root of the full tile ``index`` of the level below (C2SP tlog-tiles); level 1 and up."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class Checkpoint(models.Model):
    """What the log signed at a size: ``note`` is the signed note (C2SP tlog-checkpoint)."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    signed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["size"]

    def __str__(self) -> str:
        return str(self.size)


class Cosignature(models.Model):
    """A witness's line under a checkpoint (C2SP tlog-cosignature)."""

    checkpoint = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, related_name="cosignatures"
    )
    witness = models.CharField(max_length=255)
    line = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["witness"]
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "witness"], name="cosigned_once")
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint_id} {self.witness}"


class StatementHash(models.Model):
    """That a checkpoint named the hash over all statements of a closed month.

    ``sha256`` is in hexadecimal, as the checkpoint's note has it (`funding.ledger.statements`).
    """

    period = models.OneToOneField(
        Period, on_delete=models.PROTECT, primary_key=True, related_name="statement_hash"
    )
    sha256 = models.CharField(max_length=64)
    checkpoint = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, related_name="statement_hashes"
    )

    def __str__(self) -> str:
        return f"{self.period_id} {self.sha256}"
