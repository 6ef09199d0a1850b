"""Every way in which membership says no, each with the sentence people read."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class MembershipRefusal(Refusal):
    """Base of this package's refusals."""


class WrongStep(MembershipRefusal):
    message = _(
        "The application is “%(state)s” by now, so this step is not possible. "
        "Open it again to see what happened."
    )


class NotPermitted(MembershipRefusal):
    message = _("Only membership officers and administrators may do this.")


class OwnRequest(MembershipRefusal):
    message = _(
        "You applied yourself, or you have a seat in this organisation. "
        "Nobody decides on their own request: ask a colleague."
    )


class ReasonMissing(MembershipRefusal):
    message = _("Write the reason. The organisation reads it.")


class AgreementNotAccepted(MembershipRefusal):
    message = _(
        "“%(agreement)s” is not accepted in version %(version)s, which is in force. "
        "Read it and tick its box."
    )


class NothingToAccept(MembershipRefusal):
    message = _(
        "No version of “%(agreement)s” is in force, so nobody can accept it. "
        "Staff must put one in force first."
    )


class TierNotOffered(MembershipRefusal):
    message = _(
        "The tier “%(tier)s” has no fee for this type of organisation and country. "
        "Choose another tier."
    )


class TierClosed(TierNotOffered):
    message = _("The tier “%(tier)s” takes no new members. Choose another tier.")


class FeeInForce(MembershipRefusal):
    message = _(
        "This fee is in force since %(since)s, and people were shown it. "
        "Add a new line that is valid from a later day."
    )


class TermOverlaps(MembershipRefusal):
    message = _(
        "%(organisation)s already has a membership term in these days, until %(until)s. "
        "A new term begins after it."
    )


class AlreadyPaidFor(MembershipRefusal):
    message = _("This term is settled or waived already. There is nothing left to pay.")


class AlreadyCancelled(MembershipRefusal):
    message = _("This term was cancelled already, with effect from %(since)s.")


class DayTaken(MembershipRefusal):
    message = _(
        "Version %(other)s of this agreement is in force from the same day. "
        "Give this one another day first."
    )


class VersionInForce(MembershipRefusal):
    message = _(
        "Version %(version)s is published, and people accepted its words. "
        "Write a new version to change them."
    )
