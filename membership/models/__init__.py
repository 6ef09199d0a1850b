"""Who belongs: organisations, seats, tiers, agreements, applications and terms."""

from membership.models.agreements import Acceptance, Agreement, AgreementVersion
from membership.models.applications import Application, InformationRequest
from membership.models.attachments import Attachment
from membership.models.organisations import (
    Constituency,
    Organisation,
    OrganisationKind,
    Seat,
    SeatRole,
)
from membership.models.renewals import TermNotice, TermPolicy
from membership.models.reviews import Appeal, Approval, ReviewNote
from membership.models.seats import Invitation, JoinRequest
from membership.models.shares import Share
from membership.models.terms import Term
from membership.models.tiers import FeeRule, Tier

__all__ = [
    "Acceptance",
    "Agreement",
    "AgreementVersion",
    "Appeal",
    "Application",
    "Approval",
    "Attachment",
    "Constituency",
    "FeeRule",
    "InformationRequest",
    "Invitation",
    "JoinRequest",
    "Organisation",
    "OrganisationKind",
    "ReviewNote",
    "Seat",
    "SeatRole",
    "Share",
    "Term",
    "TermNotice",
    "TermPolicy",
    "Tier",
]
