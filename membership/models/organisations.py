"""Organisations and the seats of people in them."""

import datetime
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import countries
from core.models import User
from membership.models.fields import CountryField

if TYPE_CHECKING:
    from membership.models.terms import Term


class OrganisationKind(models.TextChoices):
    MINISTRY = "ministry", _("Ministry or public body")
    NGO = "ngo", _("Non-governmental organisation")
    IMPLEMENTER = "implementer", _("Implementer")
    DONOR = "donor", _("Donor")
    ACADEMIC = "academic", _("University or research institute")
    COMPANY = "company", _("Company")


class Constituency(models.TextChoices):
    """Whose voice a member speaks with."""

    COUNTRY = "country", _("Country")
    IMPLEMENTER = "implementer", _("Implementer")
    DONOR = "donor", _("Donor")
    TECHNICAL = "technical", _("Technical")
    COMMUNITY = "community", _("Community")


def name_key(name: str) -> str:
    """What two spellings of one name share: no accents, no case, letters and digits alone."""
    return re.sub(r"[\W_]+", "", countries.sort_key(name))


def domain_of(website: str) -> str:
    """``https://www.health.example.org/en`` is at ``health.example.org``; "" for no website."""
    return (urlsplit(website).hostname or "").removeprefix("www.")


class Organisation(models.Model):
    """A legal body: what it is called, where it is and whose voice it speaks with."""

    legal_name = models.CharField(_("legal name"), max_length=200)
    public_name = models.CharField(_("public name"), max_length=120)
    slug = models.SlugField(_("address in the directory"), max_length=80, unique=True)
    kind = models.CharField(_("type"), max_length=20, choices=OrganisationKind.choices)
    constituency = models.CharField(_("constituency"), max_length=20, choices=Constituency.choices)
    country = CountryField(_("country"))
    website = models.URLField(
        _("website"), blank=True, validators=[URLValidator(schemes=["http", "https"])]
    )
    description = models.TextField(_("description"), max_length=2000, blank=True)
    # Derived from the columns above at each save: the database has no ICU to sort or compare by.
    sort_key = models.CharField(max_length=240, editable=False, db_index=True)
    legal_key = models.CharField(max_length=400, editable=False, db_index=True)
    public_key = models.CharField(max_length=240, editable=False, db_index=True)
    domain = models.CharField(max_length=253, editable=False, blank=True, db_index=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        ordering = ["sort_key", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(legal_name="") & ~Q(public_name="") & ~Q(sort_key=""),
                name="organisation_is_named",
                violation_error_message=_("An organisation needs a legal and a public name."),
            ),
            models.CheckConstraint(
                condition=Q(kind__in=OrganisationKind.values),
                name="organisation_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(constituency__in=Constituency.values),
                name="organisation_constituency_is_known",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"),
                name="organisation_country_is_iso2",
            ),
        ]
        indexes = [models.Index(fields=["constituency", "country"], name="organisation_by_voice")]

    def __str__(self) -> str:
        return self.public_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Without accents a name can grow: one sign may stand for a word of eighteen letters.
        self.sort_key = countries.sort_key(self.public_name)[:240]
        self.public_key = name_key(self.public_name)[:240]
        self.legal_key = name_key(self.legal_name)[:400]
        self.domain = domain_of(self.website)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("member", args=[self.slug])

    @property
    def country_name(self) -> str:
        """The country's name in the language in force."""
        return countries.get(self.country).name()

    def standing_term(self, on: datetime.date) -> "Term | None":
        """The term that makes it a member on ``on`` (current, else in grace), or None."""
        return self.terms.standing(on).order_by("-starts_on").first()


class SeatRole(models.TextChoices):
    PRIMARY_CONTACT = "primary_contact", _("Primary contact")
    VOTING_REPRESENTATIVE = "voting_representative", _("Voting representative")
    BILLING_CONTACT = "billing_contact", _("Billing contact")
    MEMBER = "member", _("Member")


class Seat(models.Model):
    """A person's place in an organisation, with what they do in it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="seats")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="seats")
    roles: "ArrayField[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=30, choices=SeatRole.choices), verbose_name=_("roles")
    )
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "person"],
                name="seat_once_per_person",
                violation_error_message=_("This person has a seat in this organisation already."),
            ),
            models.CheckConstraint(
                condition=Q(roles__len__gte=1) & Q(roles__contained_by=SeatRole.values),
                name="seat_roles_are_known",
                violation_error_message=_("A seat needs at least one role."),
            ),
            # An organisation speaks with one vote, and everybody knows whom to write to.
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(roles__contains=["primary_contact"]),
                name="seat_one_primary_contact",
                violation_error_message=_("This organisation has a primary contact already."),
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(roles__contains=["voting_representative"]),
                name="seat_one_voting_representative",
                violation_error_message=_("This organisation has a voting representative already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.organisation}"

    @property
    def role_names(self) -> list[str]:
        return [str(SeatRole(role).label) for role in self.roles]
