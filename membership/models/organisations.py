"""Organisations and the seats of people in them."""

import datetime
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import countries
from core.models import User
from core.money import CurrencyField
from membership.models.fields import CountryField, in_language
from membership.models.history import keeps_history
from membership.registers import plain_number

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


# The code of a register at org-id.guide: a country (or XI, XM … for several), perhaps with its
# province, and the register.
AGENCY_FORM = r"^[A-Z]{2}(_[A-Z]{2})?-[A-Z0-9_]{1,14}$"
# IATI forbids these few signs and white space in an identifier.
IDENTIFIER_FORM = r"^[A-Z]{2}(_[A-Z]{2})?-[A-Z0-9_]+-[^\s/&|?]+$"


def name_key(name: str) -> str:
    """What two spellings of one name share: no accents, no case, letters and digits alone."""
    return re.sub(r"[\W_]+", "", countries.sort_key(name))


def domain_of(website: str) -> str:
    """``https://www.health.example.org/en`` is at ``health.example.org``; "" for no website."""
    return (urlsplit(website).hostname or "").removeprefix("www.")


class Hideable(models.TextChoices):
    """What an organisation may keep out of the directory. Its name, country, constituency, tier and
    days stay: they say who has a voice."""

    WEBSITE = "website", _("website")
    DESCRIPTION = "description", _("description")
    LOGO = "logo", _("logo")
    REGISTRATION = "registration", _("registration number and IATI identifier")


class Organisation(models.Model):
    """A legal body: what it is called, where it is and whose voice it speaks with."""

    legal_name = models.CharField(_("legal name"), max_length=200)
    public_name = models.CharField(_("public name"), max_length=120)
    slug = models.SlugField(_("address in the directory"), max_length=80, unique=True)
    kind = models.CharField(_("type"), max_length=20, choices=OrganisationKind.choices)
    constituency = models.CharField(_("constituency"), max_length=20, choices=Constituency.choices)
    country = CountryField(_("country"))
    # What its dues are billed in; empty: the main currency of the fee table.
    currency = CurrencyField(_("currency of the dues"), blank=True)
    website = models.URLField(
        _("website"), blank=True, validators=[URLValidator(schemes=["http", "https"])]
    )
    description = models.TextField(_("description"), max_length=2000, blank=True)
    description_fr = models.TextField(_("description in French"), max_length=2000, blank=True)
    description_pt = models.TextField(_("description in Portuguese"), max_length=2000, blank=True)
    # Where it is registered, by the code of org-id.guide ("GB-CHC"), and its number there.
    registration_agency = models.CharField(_("register"), max_length=20, blank=True)
    registration_number = models.CharField(_("registration number"), max_length=100, blank=True)
    # Where it is not the register's code and the number joined; see `identifier`.
    stated_identifier = models.CharField(_("IATI identifier"), max_length=120, blank=True)
    # Shown once staff have looked at it. Whoever deletes it among the images leaves an approval of
    # nothing behind, so readers ask for the logo first.
    logo = models.ForeignKey(
        "wagtailimages.Image", on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    logo_approved = models.BooleanField(_("logo approved"), default=False)
    hidden_fields: "ArrayField[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=20, choices=Hideable.choices),
        verbose_name=_("not shown in the directory"),
        default=list,
        blank=True,
    )
    # The address that a certificate names: nobody guesses it from another one.
    certificate_code = models.UUIDField(
        default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False
    )
    # A duplicate stays, empty, and points to the one that took over all that hung on it.
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged"
    )
    merged_at = models.DateTimeField(_("merged at"), null=True, blank=True)
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
            models.CheckConstraint(
                condition=Q(registration_agency="", registration_number="")
                | (Q(registration_agency__regex=AGENCY_FORM) & ~Q(registration_number="")),
                name="organisation_registration_is_whole",
                violation_error_message=_("A registration needs its register and its number."),
            ),
            models.CheckConstraint(
                condition=Q(stated_identifier="") | Q(stated_identifier__regex=IDENTIFIER_FORM),
                name="organisation_identifier_has_its_form",
                violation_error_message=_("An IATI identifier looks like GB-CHC-1234567."),
            ),
            models.CheckConstraint(
                condition=Q(hidden_fields__contained_by=Hideable.values),
                name="organisation_hidden_fields_are_known",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True, merged_at__isnull=True)
                | (
                    Q(merged_into__isnull=False, merged_at__isnull=False)
                    & ~Q(merged_into=models.F("id"))
                ),
                name="organisation_merge_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["constituency", "country"], name="organisation_by_voice"),
            models.Index(
                fields=["registration_agency", "registration_number"],
                name="organisation_by_registration",
                condition=~Q(registration_number=""),
            ),
        ]
        triggers = [
            keeps_history(
                "membership_organisationrecord",
                of={"id": "organisation_id"},
                facts=["public_name", "constituency", "country"],
            )
        ]

    def __str__(self) -> str:
        return self.public_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.set_keys()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("member", args=[self.slug])

    def set_keys(self) -> None:
        """Derive what rows are compared and sorted by."""
        # Without accents a name can grow: one sign may stand for a word of eighteen letters.
        self.sort_key = countries.sort_key(self.public_name)[:240]
        self.public_key = name_key(self.public_name)[:240]
        self.legal_key = name_key(self.legal_name)[:400]
        self.domain = domain_of(self.website)
        self.registration_number = plain_number(self.registration_number)

    @property
    def country_name(self) -> str:
        """The country's name in the language in force."""
        return countries.get(self.country).name()

    @property
    def identifier(self) -> str:
        """Its identifier at IATI: the one stated, else register and number joined; "" without."""
        if self.stated_identifier or not self.registration_number:
            return self.stated_identifier
        return f"{self.registration_agency}-{self.registration_number}"

    @property
    def local_description(self) -> str:
        """The description in the language in force, else the first there is."""
        return in_language(self, "description") or self.description_fr or self.description_pt

    def hides(self, field: str) -> bool:
        return field in self.hidden_fields

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
        permissions = [("appoint_seat", "Can make someone the primary contact")]
        triggers = [
            # "An organisation always has a primary contact", once it has people at all. Looked at
            # when the transaction commits, so that a hand-over may take the role away first. The
            # verbs lock the organisation (membership.seats); this is for whatever forgets to.
            pgtrigger.Trigger(
                name="primary_contact_stays",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (
                        SELECT FROM membership_seat
                        WHERE organisation_id IN (OLD.organisation_id, NEW.organisation_id)
                        GROUP BY organisation_id
                        HAVING NOT bool_or('primary_contact' = ANY(roles))
                    ) THEN
                        RAISE EXCEPTION 'seat_primary_contact_stays: nobody is primary contact'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
            keeps_history(
                "membership_seatrecord",
                of={"organisation_id": "organisation_id", "person_id": "person_id"},
                facts=["roles"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.organisation}"

    @property
    def role_names(self) -> list[str]:
        return [str(SeatRole(role).label) for role in self.roles]
