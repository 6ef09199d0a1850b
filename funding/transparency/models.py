"""Sums of who gave, kept up to a place in the log, and what the rights of this package hang on.

The ledger is the truth; these tables are sums over it that `funding.transparency.giver_sums` alone
writes and can make anew at any time. Their keys have no constraint of the database, so that keeping
them locks no pool, gift or pledge that somebody else is working on.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField
from funding.ledger.models import Period


class Books(Period):
    """The months of bookkeeping, as what two rights of the back office are about."""

    class Meta:
        proxy = True
        verbose_name = _("books")
        verbose_name_plural = _("books")
        default_permissions = ()
        permissions = [
            ("close_books", "Can close months and years"),
            ("download_audit_pack", "Can download the auditor's pack, which names everyone"),
        ]


class GiverKind(models.TextChoices):
    """Whose money it was, as far as the public may know."""

    NAMED = "named", _("Named donors")
    ANONYMOUS = "anonymous", _("Donors who are not named")
    DUES = "dues", _("Membership dues")
    OTHER = "other", _("Other receipts")


class Given(models.Model):
    """What came of one gift or pledge (``source``, as the ledger names it) and went back of it, and
    under whom it is counted: so that a donor who is named otherwise can be counted otherwise."""

    source = models.CharField(max_length=200)
    pool_id = models.BigIntegerField()
    currency = CurrencyField()
    kind = models.CharField(max_length=10, choices=GiverKind.choices)
    # The public name, "#" and the donor's id; or the id alone, for one who is not named.
    key = models.CharField(max_length=150)
    received = models.BigIntegerField()
    returned = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "pool_id", "currency"], name="given_once")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.received} {self.currency}"


class GiverTotal(models.Model):
    """What one giver gave to a pool, or to all pools together (``scope`` 0), in minor units.

    Donors who give under the same public name are apart: who takes another's name shares no line
    with them, nor their logo.
    """

    scope = models.BigIntegerField()
    currency = CurrencyField()
    kind = models.CharField(max_length=10, choices=GiverKind.choices)
    key = models.CharField(max_length=150)  # as of `Given`
    received = models.BigIntegerField()
    # Refunds and lost disputes.
    returned = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "currency", "kind", "key"], name="giver_total_once"
            )
        ]
        indexes = [
            models.Index(
                F("scope"),
                F("currency"),
                F("kind"),
                (F("received") - F("returned")).desc(),
                F("key"),
                name="giver_total_largest_first",
            ),
            models.Index(
                fields=["kind"], condition=Q(received=0, returned=0), name="giver_total_of_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.kind} {self.received} {self.currency}"


class GiverSum(models.Model):
    """The sums over the givers of a kind: what a page needs without reading them all."""

    scope = models.BigIntegerField()
    currency = CurrencyField()
    kind = models.CharField(max_length=10, choices=GiverKind.choices)
    received = models.BigIntegerField()
    returned = models.BigIntegerField()
    # Of those of whose money something is still here: how many, how much, and the sum of squares.
    givers = models.BigIntegerField()
    kept = models.BigIntegerField()
    squares = models.DecimalField(max_digits=50, decimal_places=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["scope", "currency", "kind"], name="giver_sum_once")
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.kind} {self.received} {self.currency}"


class GiverProgress(models.Model):
    """How far the sums have come: every entry whose leaf comes before ``through`` is in them. One
    row, which whoever writes the sums locks."""

    through = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.through)


class RequestCount(models.Model):
    """How many requests somebody made of the API in one minute. The address is not kept: ``who`` is
    a keyed hash of it that changes with the minute, and the row goes within the hour."""

    who = models.CharField(max_length=64, primary_key=True)
    minute = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.minute} {self.count}"
