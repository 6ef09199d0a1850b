"""The income group of each country, as it was from a day on."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from membership.models.fields import CountryField
from membership.models.tiers import IncomeGroup


class CountryIncomeGroup(models.Model):
    """A country's income group from ``valid_from`` on. A change is a new line with a later day, so
    that the history stays (`membership.income.group_of` reads it)."""

    country = CountryField(_("country"))
    income_group = models.CharField(
        _("income group"),
        max_length=20,
        choices=IncomeGroup.choices,
        blank=True,
        help_text=_("Empty: it has none, and the fees for any country hold."),
    )
    valid_from = models.DateField(_("valid from"))
    source = models.CharField(
        _("source"), max_length=200, help_text=_("The list that says so, and its edition.")
    )
    source_year = models.PositiveSmallIntegerField(_("year of the source"))

    class Meta:
        verbose_name = _("income group of a country")
        verbose_name_plural = _("income groups of countries")
        ordering = ["country", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["country", "valid_from"],
                name="income_group_once_per_day",
                violation_error_message=_(
                    "There is an income group for this country from this day already."
                ),
            ),
            models.CheckConstraint(
                condition=Q(income_group="") | Q(income_group__in=countries.INCOME_GROUPS),
                name="income_group_is_known",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"), name="income_group_country_is_iso2"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country_name}, {formats.date_format(self.valid_from)}"

    def clean(self) -> None:
        """A person adds lines for days to come; what was billed until today does not change."""
        super().clean()
        if self.valid_from is not None and self.valid_from < timezone.localdate():
            raise ValidationError(
                {"valid_from": _("Choose today or a later day: the past keeps its income groups.")}
            )

    @property
    def country_name(self) -> str:
        return countries.get(self.country).name()
