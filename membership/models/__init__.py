"""Who belongs: organisations, seats, tiers, agreements, applications and terms."""

from membership.models.agreements import (
    Acceptance,
    Agreement,
    AgreementNotice,
    AgreementVersion,
)
from membership.models.applications import Application, InformationRequest
from membership.models.attachments import Attachment
from membership.models.benefits import Benefit
from membership.models.changes import TierChange
from membership.models.history import OrganisationRecord, SeatRecord, TermRecord
from membership.models.imports import ImportedTerm
from membership.models.income import CountryIncomeGroup
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
from membership.models.tasks import OrganisationNote, Task, TaskProof
from membership.models.terms import Term
from membership.models.tiers import FeeRule, Tier
from membership.models.views import SavedView

__all__ = [
    "Acceptance",
    "Agreement",
    "AgreementNotice",
    "AgreementVersion",
    "Appeal",
    "Application",
    "Approval",
    "Attachment",
    "Benefit",
    "Constituency",
    "CountryIncomeGroup",
    "FeeRule",
    "ImportedTerm",
    "InformationRequest",
    "Invitation",
    "JoinRequest",
    "Organisation",
    "OrganisationKind",
    "OrganisationNote",
    "OrganisationRecord",
    "ReviewNote",
    "SavedView",
    "Seat",
    "SeatRecord",
    "SeatRole",
    "Share",
    "Task",
    "TaskProof",
    "Term",
    "TermNotice",
    "TermPolicy",
    "TermRecord",
    "Tier",
    "TierChange",
]
