"""The steps in which an application is written, and what a whole one has.

A draft may lack anything; `problems` names what stands between it and its submission, each with
the step and the field where it is put right. The form of a step says the same sentences.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import models
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from membership import agreements, fees
from membership.models import Application, Tier
from membership.models.organisations import AGENCY_FORM
from membership.refusals import NothingToAccept, TierClosed, TierNotOffered


class Step(models.TextChoices):
    ORGANISATION = "organisation", _("Organisation")
    CONTACTS = "contacts", _("Contact and representatives")
    TIER = "tier", _("Tier and constituency")
    AGREEMENTS = "agreements", _("Agreements")


FIELDS: dict[str, tuple[str, ...]] = {
    Step.ORGANISATION: (
        "legal_name",
        "public_name",
        "kind",
        "country",
        "registration_agency",
        "registration_number",
        "website",
        "description",
    ),
    Step.CONTACTS: (
        "contact_name",
        "contact_email",
        "voting_name",
        "voting_email",
        "billing_name",
        "billing_email",
    ),
    Step.TIER: ("constituency", "tier", "currency"),
    Step.AGREEMENTS: ("ticked_versions", "signatory_name", "signatory_function", "may_bind"),
}
STEP_OF: dict[str, str] = {field: step for step, fields in FIELDS.items() for field in fields}

# What is asked of everybody, and the sentence where it is missing.
MISSING: dict[str, str | Promise] = {
    "legal_name": _("Write the legal name of the organisation."),
    "public_name": _("Write the name to show in the directory."),
    "kind": _("Choose the type of organisation."),
    "country": _("Choose the country."),
    "contact_name": _("Write the name of the primary contact."),
    "contact_email": _("Write the e-mail address of the primary contact."),
    "constituency": _("Choose the constituency."),
    "tier": _("Choose a tier."),
    "signatory_name": _("Write the name of the person who accepts for the organisation."),
    "signatory_function": _("Write the function of the person who accepts."),
    "may_bind": _("Tick the box: only a person who may bind the organisation can accept."),
}
WRONG_WEBSITE = _("Write the website like https://www.example.org.")
WRONG_EMAIL = _("Write the e-mail address like name@example.org.")
WRONG_AGENCY = _("Write the code of the register as org-id.guide has it, such as GB-CHC.")
AGENCY_MISSING = _("Write the code of the register that gave the number.")
NUMBER_MISSING = _("Write the number that the register gave, or leave the register empty.")
EMAIL_MISSING = _("Write the e-mail address of this person.")
NAME_MISSING = _("Write the name of this person.")
PAIRS = (("voting_name", "voting_email"), ("billing_name", "billing_email"))


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands between a draft and its submission."""

    step: str
    field: str
    words: str


def problems(application: Application) -> list[Problem]:
    """Everything that is missing or wrong, in the order of the steps; empty for a whole draft."""
    found = {
        field: str(words) for field, words in MISSING.items() if not getattr(application, field)
    }
    found |= {field: str(words) for field, words in _wrong(application).items()}
    tier = application.tier
    if tier and (words := tier_problem(tier, application.kind, application.country)):
        found["tier"] = words
    listed = [Problem(STEP_OF[field], field, found[field]) for field in STEP_OF if field in found]
    return listed + _agreement_problems(application)


def together(values: dict[str, Any]) -> dict[str, str | Promise]:
    """What is wrong with answers that belong to each other, by field."""
    wrong: dict[str, str | Promise] = {}
    agency, number = values.get("registration_agency"), values.get("registration_number")
    if number and not agency:
        wrong["registration_agency"] = AGENCY_MISSING
    if agency and not number:
        wrong["registration_number"] = NUMBER_MISSING
    for name, email in PAIRS:
        if values.get(name) and not values.get(email):
            wrong[email] = EMAIL_MISSING
        if values.get(email) and not values.get(name):
            wrong[name] = NAME_MISSING
    return wrong


def _wrong(application: Application) -> dict[str, str | Promise]:
    """Typed, kept in the draft, and not of its form."""
    wrong = together(vars(application))
    if application.website and not _passes(URLValidator(["http", "https"]), application.website):
        wrong["website"] = WRONG_WEBSITE
    agency = application.registration_agency
    if agency and not re.fullmatch(AGENCY_FORM, agency):
        wrong["registration_agency"] = WRONG_AGENCY
    for field in ("contact_email", "voting_email", "billing_email"):
        typed = getattr(application, field)
        if typed and not _passes(EmailValidator(), typed):
            wrong[field] = WRONG_EMAIL
    return wrong


def _passes(validator: Any, value: str) -> bool:
    try:
        validator(value)
    except ValidationError:
        return False
    return True


def tier_problem(tier: Tier, kind: str, country: str) -> str:
    """Why an organisation of this type and country cannot choose ``tier``; "" where it can."""
    if not tier.open_to_new:
        return str(TierClosed(tier=tier))
    if not (kind and country):
        return ""
    try:
        fees.fee_for(tier, kind, country, timezone.localdate())
    except TierNotOffered as refusal:
        return str(refusal)
    return ""


def _agreement_problems(application: Application) -> list[Problem]:
    try:
        versions = agreements.required_versions(timezone.localdate())
    except NothingToAccept as refusal:
        return [Problem(Step.AGREEMENTS, "", str(refusal))]
    ticked = set(application.ticked_versions.values_list("pk", flat=True))
    return [
        Problem(Step.AGREEMENTS, f"accept_{version.pk}", str(words_to_tick(version)))
        for version in versions
        if version.pk not in ticked
    ]


def words_to_tick(version: Any) -> str:
    """What the box of a version says while it is empty."""
    words = _(
        "Tick the box to accept the %(agreement)s, version %(version)s. Nobody joins without it."
    )
    return str(words) % {"agreement": version.agreement, "version": version.label}
