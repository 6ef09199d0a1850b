"""Money moved from one pool to another, and the overhead of a pool."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.money import CurrencyField, Money
from funding.ledger.models import Pool
from funding.payments.models.rules import never_deleted


class PoolTransfer(models.Model):
    """A transfer that one person asked for and another decided on. Public, with its reason."""

    class Kind(models.TextChoices):
        TRANSFER = "transfer", _("Transfer between pools")
        OVERHEAD = "overhead", _("Overhead")

    class Basis(models.TextChoices):
        """What allows it. Out of a restricted pool, `UNRESTRICTED` does not."""

        UNRESTRICTED = "unrestricted", _("The pool’s money is not restricted")
        TERMS = "terms", _("The terms that were shown when the money was given")
        CONSENT = "consent", _("The donors’ consent")
        RATE = "rate", _("The pool’s published overhead rate")

    reference = models.UUIDField(_("reference"), default=uuid.uuid4, unique=True, editable=False)
    form_token = models.UUIDField(unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    from_pool = models.ForeignKey(
        Pool, on_delete=models.PROTECT, related_name="transfers_out", verbose_name=_("from")
    )
    to_pool = models.ForeignKey(
        Pool, on_delete=models.PROTECT, related_name="transfers_in", verbose_name=_("to")
    )
    amount = models.BigIntegerField(_("amount"))
    currency = CurrencyField()
    reason = models.TextField(_("reason"), help_text=_("Public: what the transfer is for."))
    basis = models.CharField(_("basis"), max_length=15, choices=Basis.choices)
    basis_note = models.TextField(
        _("what the basis says"),
        blank=True,
        help_text=_("Public: the words of the terms, or who consented and when."),
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(_("requested at"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True, editable=False)
    approved = models.BooleanField(_("approved"), null=True, blank=True, editable=False)
    decision_note = models.TextField(_("note"), blank=True, editable=False)

    class Meta:
        verbose_name = _("transfer between pools")
        verbose_name_plural = _("transfers between pools")
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="pool_transfer_above_zero"),
            models.CheckConstraint(
                condition=~Q(from_pool=F("to_pool")), name="pool_transfer_to_another_pool"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True, approved__isnull=True)
                | Q(decided_by__isnull=False, decided_at__isnull=False, approved__isnull=False),
                name="pool_transfer_decided_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="pool_transfer_two_people",
            ),
        ]
        triggers = never_deleted("pool_transfer", "A transfer between pools is never deleted.")

    def __str__(self) -> str:
        return f"{self.money} {self.from_pool_id} → {self.to_pool_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
