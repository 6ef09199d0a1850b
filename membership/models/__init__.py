"""Who belongs: organisations, seats, tiers, agreements, applications and terms."""

from membership.models.agreements import Acceptance, Agreement, AgreementVersion
from membership.models.applications import Application, InformationRequest
from membership.models.organisations import (
    Constituency,
    Organisation,
    OrganisationKind,
    Seat,
    SeatRole,
)
from membership.models.terms import Term
from membership.models.tiers import FeeRule, Tier

__all__ = [
    "Acceptance",
    "Agreement",
    "AgreementVersion",
    "Application",
    "Constituency",
    "FeeRule",
    "InformationRequest",
    "Organisation",
    "OrganisationKind",
    "Seat",
    "SeatRole",
    "Term",
    "Tier",
]
