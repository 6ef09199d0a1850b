"""What kinds of member there are, and what each pays."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from core.money import CurrencyField, Money
from membership.models.fields import in_language
from membership.models.organisations import OrganisationKind

# The currency of the fee table: what an organisation pays in where it has not chosen another one.
MAIN_CURRENCY = "USD"


class IncomeGroup(models.TextChoices):
    """The World Bank's groups; which country is in which: `CountryIncomeGroup`."""

    LOW = "low", _("Low income")
    LOWER_MIDDLE = "lower middle", _("Lower middle income")
    UPPER_MIDDLE = "upper middle", _("Upper middle income")
    HIGH = "high", _("High income")


class Tier(models.Model):
    """A kind of member. Who may choose it follows from its fees: no fee, not offered."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_fr = models.CharField(_("name in French"), max_length=80, blank=True)
    name_pt = models.CharField(_("name in Portuguese"), max_length=80, blank=True)
    summary = models.TextField(_("who it is for"), max_length=400)
    summary_fr = models.TextField(_("who it is for, in French"), max_length=400, blank=True)
    summary_pt = models.TextField(_("who it is for, in Portuguese"), max_length=400, blank=True)
    position = models.PositiveSmallIntegerField(_("position in lists"), default=0)
    open_to_new = models.BooleanField(
        _("open to new members"),
        default=True,
        help_text=_("A closed tier keeps its members and takes no new applications."),
    )
    reviewers = models.PositiveSmallIntegerField(
        _("officers who approve"),
        default=1,
        choices=[(1, _("one officer")), (2, _("two different officers"))],
        help_text=_("How many must say yes before an organisation of this tier is admitted."),
    )

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ["position", "code"]
        constraints = [
            models.CheckConstraint(condition=Q(reviewers__in=[1, 2]), name="tier_one_or_two_review")
        ]

    def __str__(self) -> str:
        return in_language(self, "name")

    @property
    def local_summary(self) -> str:
        return in_language(self, "summary")


class FeeRule(models.Model):
    """One line of the fee table: what a year costs, from a day on.

    An empty ``kind`` or ``income_group`` means any. The narrowest rule wins, type before income
    group; among equals the newest that is valid on the day (`membership.fees.fee_for`). A change
    is a new line with a later ``valid_from``, so that the history stays. Lines in another currency
    than `MAIN_CURRENCY` are for organisations that pay in it.
    """

    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="fee_rules")
    kind = models.CharField(
        _("type of organisation"),
        max_length=20,
        choices=OrganisationKind.choices,
        blank=True,
        help_text=_("Empty: any type."),
    )
    income_group = models.CharField(
        _("income group of the country"),
        max_length=20,
        choices=IncomeGroup.choices,
        blank=True,
        help_text=_("Empty: any country."),
    )
    amount = models.BigIntegerField(
        _("fee for a year, in minor units"),
        help_text=_("In the currency's smallest unit: 25000 is 250.00 US dollars."),
    )
    currency = CurrencyField(default=MAIN_CURRENCY)
    valid_from = models.DateField(_("valid from"))
    source = models.CharField(
        _("decided by"),
        max_length=200,
        help_text=_("Where the amount comes from, such as a decision of the board."),
    )
    source_year = models.PositiveSmallIntegerField(_("year of the decision"))

    class Meta:
        verbose_name = _("fee")
        verbose_name_plural = _("fees")
        ordering = ["tier", "kind", "income_group", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["tier", "kind", "income_group", "currency", "valid_from"],
                name="fee_once_per_day",
                violation_error_message=_(
                    "There is a fee for this tier, type, income group and currency from this day "
                    "already."
                ),
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="fee_is_not_negative",
                violation_error_message=_("A fee is zero or more."),
            ),
            models.CheckConstraint(
                condition=Q(kind="") | Q(kind__in=OrganisationKind.values),
                name="fee_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(income_group="") | Q(income_group__in=countries.INCOME_GROUPS),
                name="fee_income_group_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier}: {self.money.format()}"

    def clean(self) -> None:
        """A person adds fees for days to come; what was billed until today does not change."""
        super().clean()
        if self.valid_from is not None and self.valid_from < timezone.localdate():
            raise ValidationError(
                {"valid_from": _("Choose today or a later day: the past keeps its fees.")}
            )

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
