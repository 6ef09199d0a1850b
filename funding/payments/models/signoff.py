"""The monthly reconciliation of an account, and the issuer's details."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

from core.money import CurrencyField, Money
from funding.payments.models.rules import immutable


class Reconciliation(models.Model):
    """A bank or processor account compared with the ledger at the end of a month, and signed off.

    By somebody who posted nothing on that account in that month. Immutable: a later finding is a
    note on the next month.
    """

    class Place(models.TextChoices):
        BANK = "bank", _("bank")
        CLEARING = "clearing", _("card processor")

    place = models.CharField(_("account"), max_length=10, choices=Place.choices)
    currency = CurrencyField()
    month = models.DateField(_("month"))
    theirs = models.BigIntegerField(_("their balance"))
    ours = models.BigIntegerField(_("ledger’s balance"))
    # What explains a difference, a line each: {"what": …, "amount": minor units}.
    differences = models.JSONField(default=list)
    note = models.TextField(_("note"), blank=True)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reconciliations"
    )
    signed_at = models.DateTimeField(_("signed"), auto_now_add=True)

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        permissions = [("sign_reconciliation", "Can sign off reconciliations")]
        ordering = ["-month", "place", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["place", "currency", "month"], name="reconciliation_once_a_month"
            ),
            models.CheckConstraint(
                condition=Q(month__day=1), name="reconciliation_month_is_a_first_day"
            ),
        ]
        triggers = immutable("reconciliation", "A reconciliation is immutable once signed.")

    def __str__(self) -> str:
        return f"{self.place} {self.currency} {self.month:%Y-%m}"

    @property
    def difference(self) -> Money:
        return Money(self.theirs - self.ours, self.currency)


NOT_DAYS = _("Write whole days with commas, at most twelve and within a year: -7, 3, 14, 30.")


@register_setting(icon="form")
class IssuerDetails(BaseGenericSetting):
    """What the foundation's papers say of it. Empty fields fall back to the site's name."""

    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    address = models.TextField(_("postal address"), blank=True)
    registration = models.CharField(
        _("registration"),
        max_length=200,
        blank=True,
        help_text=_("Register and number, as they stand on papers."),
    )
    gift_statement = models.TextField(
        _("statement on receipts for gifts"),
        blank=True,
        help_text=_("Empty: “No goods or services were given in return.”"),
    )
    dues_statement = models.TextField(
        _("statement on papers for dues"),
        blank=True,
        help_text=_("Empty: “Membership in return, as its tier says.”"),
    )
    reminder_days = models.CharField(
        _("days of reminders"),
        max_length=100,
        default="-7, 3, 14, 30",
        blank=True,
        help_text=_("Days from the due date, with commas: -7 is a week before. Empty: none."),
    )

    class Meta:
        verbose_name = _("details on papers")
        verbose_name_plural = _("details on papers")

    def clean(self) -> None:
        super().clean()
        try:
            self.days_of_reminders  # noqa: B018
        except ValueError:
            raise ValidationError({"reminder_days": NOT_DAYS}) from None

    @property
    def days_of_reminders(self) -> list[int]:
        """The days from the due date on which a reminder goes out, ascending; empty for none.

        Raises ValueError for what is no list of whole days within a year of the due date.
        """
        texts = self.reminder_days.replace("−", "-").split(",")
        days = {int(text) for text in texts if text.strip()}
        if any(abs(day) > 365 for day in days) or len(days) > 12:
            raise ValueError(self.reminder_days)
        return sorted(days)
