"""Invented organisations for the demo, and their applications. `funding.dues.demo` admits them."""

import uuid
from dataclasses import dataclass

from django.utils import timezone

from core import countries
from core.models import User
from core.transactions import use_case
from membership import agreements, applications, seeds
from membership.applications import Answers
from membership.models import Application, Constituency, OrganisationKind, Tier

# Every row of the demo is named from here, so that a second load finds the first one's rows.
NAMESPACE = uuid.UUID("0b0f6c52-7d1c-4b86-9d77-6f4d3a1c9e02")

Kind = OrganisationKind
Voice = Constituency


@dataclass(frozen=True, slots=True)
class DemoOrganisation:
    """An organisation that does not exist; its name says so. ``person`` applies for it."""

    key: str
    name: str
    legal_name: str
    kind: str
    country: str
    constituency: str
    tier: str
    person: str
    description: str
    # How long ago it was admitted; None for one that is not admitted.
    admitted_days_ago: int | None = None

    @property
    def email(self) -> str:
        return (
            f"{self.person.replace('(example)', '').strip().replace(' ', '.').lower()}@example.org"
        )


# The organisation of the demo's member account: admitted, its invoice waits to be paid.
OF_THE_CONTACT = DemoOrganisation(
    key="contact",
    name="Lakeside Health Logistics (example)",
    legal_name="Lakeside Health Logistics Ltd (example)",
    kind=Kind.IMPLEMENTER,
    country="MW",
    constituency=Voice.IMPLEMENTER,
    tier="implementer",
    person="",
    description=(
        "Installs OpenLMIS in district stores, trains storekeepers and answers the telephone when "
        "the stock does not match. An invented organisation."
    ),
    admitted_days_ago=0,
)

MEMBERS = (
    DemoOrganisation(
        key="lakeshore",
        name="Lakeshore Health Authority (example)",
        legal_name="Lakeshore Regional Health Authority (example)",
        kind=Kind.MINISTRY,
        country="MW",
        constituency=Voice.COUNTRY,
        tier="country",
        person="Thandiwe Phiri (example)",
        description=(
            "Runs the medical stores of a region, with 212 health facilities that order each month. "
            "An invented organisation."
        ),
        admitted_days_ago=203,
    ),
    DemoOrganisation(
        key="vila-serena",
        name="Autoridade de Saúde de Vila Serena (example)",
        legal_name="Autoridade Provincial de Saúde de Vila Serena (example)",
        kind=Kind.MINISTRY,
        country="MZ",
        constituency=Voice.COUNTRY,
        tier="country",
        person="Celeste Machava (example)",
        description=(
            "Counts vaccines at every health centre of a province, on paper where the network "
            "ends. An invented organisation."
        ),
        admitted_days_ago=180,
    ),
    DemoOrganisation(
        key="plateau",
        name="Direction de la Santé du Plateau (example)",
        legal_name="Direction régionale de la Santé du Plateau (example)",
        kind=Kind.MINISTRY,
        country="CI",
        constituency=Voice.COUNTRY,
        tier="country",
        person="Aya Kouamé (example)",
        description=(
            "Supplies 340 health centres from one regional pharmacy. An invented organisation."
        ),
        admitted_days_ago=151,
    ),
    DemoOrganisation(
        key="open-shelves",
        name="Open Shelves Software (example)",
        legal_name="Open Shelves Software Cooperative (example)",
        kind=Kind.IMPLEMENTER,
        country="TZ",
        constituency=Voice.IMPLEMENTER,
        tier="implementer",
        person="Neema Mushi (example)",
        description=(
            "A cooperative of eleven engineers who keep two national installations running. "
            "An invented organisation."
        ),
        admitted_days_ago=126,
    ),
    DemoOrganisation(
        key="northern-light",
        name="Northern Light Trust (example)",
        legal_name="Stiftelsen Northern Light (example)",
        kind=Kind.DONOR,
        country="NO",
        constituency=Voice.DONOR,
        tier="sustaining",
        person="Sigrid Dahl (example)",
        description=(
            "Pays for upkeep, which others find dull: releases, tests, security fixes. "
            "An invented organisation."
        ),
        admitted_days_ago=149,
    ),
    DemoOrganisation(
        key="stockwise",
        name="Stockwise Instruments (example)",
        legal_name="Stockwise Instruments GmbH (example)",
        kind=Kind.COMPANY,
        country="DE",
        constituency=Voice.TECHNICAL,
        tier="implementer",
        person="Jonas Weber (example)",
        description=(
            "Makes temperature loggers for refrigerators and gave their protocol an open licence. "
            "An invented organisation."
        ),
        admitted_days_ago=88,
    ),
    DemoOrganisation(
        key="riverside",
        name="Riverside Institute of Supply Studies (example)",
        legal_name="Riverside Institute of Supply Studies (example)",
        kind=Kind.ACADEMIC,
        country="ZA",
        constituency=Voice.TECHNICAL,
        tier="community",
        person="Lindiwe Nkosi (example)",
        description=(
            "Teaches forecasting to pharmacists and publishes what it measures. "
            "An invented organisation."
        ),
        admitted_days_ago=61,
    ),
    DemoOrganisation(
        key="cold-chain-friends",
        name="Cold Chain Friends (example)",
        legal_name="Cold Chain Friends Association (example)",
        kind=Kind.NGO,
        country="KE",
        constituency=Voice.COMMUNITY,
        tier="community",
        person="Wanjiru Kamau (example)",
        description=(
            "Volunteers who repair refrigerators in rural clinics and write down how. "
            "An invented organisation."
        ),
        admitted_days_ago=34,
    ),
)

WAITING = (
    DemoOrganisation(
        key="island-stores",
        name="Island Medical Stores (example)",
        legal_name="Island Medical Stores Agency (example)",
        kind=Kind.MINISTRY,
        country="FJ",
        constituency=Voice.COUNTRY,
        tier="country",
        person="Mere Tuilagi (example)",
        description=(
            "Ships medicines to 70 islands by boat and wants to see what is on board. "
            "An invented organisation."
        ),
    ),
    DemoOrganisation(
        key="open-shelves-again",
        name="Open Shelves (example)",
        legal_name="Open Shelves Software Cooperative (example)",
        kind=Kind.IMPLEMENTER,
        country="TZ",
        constituency=Voice.TECHNICAL,
        tier="implementer",
        person="Baraka Mrema (example)",
        description=(
            "A second application of a member, so that the queue shows how a duplicate looks. "
            "An invented organisation."
        ),
    ),
)


def load_tiers_and_agreements() -> None:
    """The tiers, fees and agreements that a production site begins with, too."""
    seeds.load()


def apply_for(organisation: DemoOrganisation, *, by: User) -> Application:
    """The submitted application of an invented organisation; made and submitted once."""
    application = applications.start(
        Answers(
            legal_name=organisation.legal_name,
            public_name=organisation.name,
            kind=organisation.kind,
            country=organisation.country,
            website="",
            description=organisation.description,
            tier=Tier.objects.get(code=organisation.tier),
            constituency=organisation.constituency,
            ticked_versions=tuple(agreements.required_versions(timezone.localdate())),
            contact_name=str(by),
            contact_email=countries.sort_key(by.email),  # without accents, as forms want it
            signatory_name=str(by),
            signatory_function="Director (example)",
            may_bind=True,
        ),
        by=by,
        form_token=uuid.uuid5(NAMESPACE, organisation.key),
    )
    if application.state == Application.State.DRAFT:
        application = applications.submit(application, by=by)
    return application


def applicant(organisation: DemoOrganisation) -> User:
    """The invented person who applies for it; nobody can sign in as them."""
    with use_case():
        person = User.objects.filter(email=organisation.email).first()
        if person is None:
            given, __, family = organisation.person.partition(" ")
            person = User.objects.create_user(
                organisation.email, None, first_name=given, last_name=family
            )
    return person
