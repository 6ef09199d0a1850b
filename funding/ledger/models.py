"""The ledger's tables: double entry, fund accounting, append-only.

Every pool is a self-balancing set of accounts. An entry holds two or more postings (debit is
positive) that add up to zero per pool and per currency, and the figures it feeds (design.md §5).
The database holds these rules: see `triggers` below and the first migration, which also takes the
right to write these tables from the portal's own role: only the function `ledger_post` writes.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money


def append_only(table: str) -> list[pgtrigger.Trigger]:
    """Triggers by which the database refuses to change, delete or truncate rows of ``table``."""
    refuse = (
        f"RAISE EXCEPTION 'The ledger is append-only: % on {table} is refused.', TG_OP "
        "USING ERRCODE = 'LG010', HINT = 'Post a reversing entry instead.';"
    )
    # One trigger per operation, since a statement trigger with TRUNCATE may hold no other.
    return [
        pgtrigger.Trigger(
            name=f"{table}_refuses_{verb}",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=operation,
            func=refuse,
        )
        for verb, operation in (
            ("update", pgtrigger.Update),
            ("delete", pgtrigger.Delete),
            ("truncate", pgtrigger.Truncate),
        )
    ]


def whole_at_commit(table: str, entry: str) -> pgtrigger.Trigger:
    """At commit the entry of each new row must be balanced and hold all the rows it counts."""
    return pgtrigger.Trigger(
        name=f"{table}_whole",
        level=pgtrigger.Row,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        func=f"PERFORM public.ledger_check_entry(NEW.{entry}); RETURN NULL;",
    )


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
    code = models.SlugField(_("code"), max_length=50)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    currency = CurrencyField()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["pool", "code", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "code", "currency"], name="account_unique"),
            # What the posting's composite foreign key points at: a posting cannot name a pool
            # or a currency that is not its account's.
            models.UniqueConstraint(fields=["id", "pool", "currency"], name="account_identity"),
        ]

    def __str__(self) -> str:
        return f"{self.pool.code}:{self.code}:{self.currency}"


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

    idempotency_key = models.CharField(max_length=200, unique=True)
    # SHA-256 over what the caller asked to post: the same key with other content is refused.
    content_hash = models.CharField(max_length=64)
    kind = models.CharField(_("kind"), max_length=50)
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="entries")
    effective_date = models.DateField(_("effective date"))
    recorded_at = models.DateTimeField(_("recorded at"))
    # Public words. No personal data: parties are named by opaque ids (rule 10).
    memo = models.CharField(_("memo"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    # How many postings and figures belong to it, so that nothing can be added afterwards.
    posting_count = models.PositiveSmallIntegerField()
    figure_count = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(posting_count__gte=2), name="entry_has_two_postings"
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | ~Q(reverses=F("id")),
                name="entry_reverses_another",
            ),
        ]
        triggers = [*append_only("ledger_entry"), whole_at_commit("ledger_entry", "id")]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class Posting(models.Model):
    """One line of an entry: ``amount`` minor units on one account, debit positive."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="postings")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="postings", db_constraint=False
    )
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="postings")
    currency = CurrencyField()
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="posting_is_not_zero"),
        ]
        indexes = [models.Index(fields=["account", "entry"], name="posting_by_account")]
        triggers = [*append_only("ledger_posting"), whole_at_commit("ledger_posting", "entry_id")]

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

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="figures")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="figures")
    currency = CurrencyField()
    name = models.CharField(_("name"), max_length=20, choices=Name.choices)
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "pool", "currency", "name"], name="figure_once_per_entry"
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="figure_is_not_zero"),
            models.CheckConstraint(
                condition=Q(
                    name__in=[
                        "opening",
                        "received",
                        "refunded",
                        "held",
                        "lost",
                        "fees",
                        "expenses",
                        "exchange",
                        "transfers",
                        "disbursed",
                        "returned",
                        "committed",
                        "owed_back",
                        "paid_ahead",
                    ]
                ),
                name="figure_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["pool", "currency", "name", "entry"], name="figure_by_pool")
        ]
        triggers = [*append_only("ledger_figure"), whole_at_commit("ledger_figure", "entry_id")]

    def __str__(self) -> str:
        return f"{self.name} {self.amount} {self.currency}"


class AccountBalance(models.Model):
    """The balance of an account in one month, kept in the posting's own transaction.

    The balance of an account is the sum of its few months; a month's rows never grow with the
    number of entries. `verify_ledger` recomputes them.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="balances")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "period"], name="balance_once_a_month")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.period_id} {self.amount}"


class FigureTotal(models.Model):
    """The sum of a figure of a pool in one month, kept in the posting's own transaction."""

    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="figure_totals")
    currency = CurrencyField()
    name = models.CharField(max_length=20, choices=Figure.Name.choices)
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "currency", "name", "period"], name="figure_total_once_a_month"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pool_id} {self.name} {self.amount}"
