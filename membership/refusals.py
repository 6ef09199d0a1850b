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


class OwnLogo(OwnRequest):
    message = _("You uploaded this logo yourself. Somebody else looks at it: ask a colleague.")


class OthersAppeal(MembershipRefusal):
    message = _(
        "You declined this application, and the decline was set aside. "
        "Somebody else decides now: ask a colleague."
    )


class HadPart(MembershipRefusal):
    message = _(
        "You had a part in the review that led to this decline. "
        "An appeal is decided by somebody who had none: ask a colleague."
    )


class NoAppeal(MembershipRefusal):
    message = _("No appeal waits for a decision here. Open the application again.")


class AppealTooLate(MembershipRefusal):
    message = _("The time to appeal is over. You may apply again when the reason no longer holds.")


class AlreadyAppealed(MembershipRefusal):
    message = _("There was an appeal in this case already. Its outcome is final.")


class AnotherReviewer(MembershipRefusal):
    message = _(
        "This tier asks for two officers, and nobody else has approved yet. "
        "Your approval is recorded as the first one when you approve on this page."
    )


class AlreadyApproved(MembershipRefusal):
    message = _("You approved this already. A second officer decides now.")


class SecondApproval(MembershipRefusal):
    message = _(
        "A colleague approved in the meantime, so yours is the second and admits the organisation. "
        "Look again, then approve."
    )


class TooManyFiles(MembershipRefusal):
    message = _("An application takes %(most)s files. Remove one first.")


class ReasonMissing(MembershipRefusal):
    message = _("Write the reason. The organisation reads it.")


class ApplicationIncomplete(MembershipRefusal):
    """``words``: the first thing that is missing (`membership.drafts.problems`)."""

    message = _("The application is not complete. %(words)s")


class SavedMeanwhile(MembershipRefusal):
    message = _(
        "%(person)s saved this step while you were writing, so yours is not saved yet. What you "
        "typed still stands here: compare it with what is saved, then save again to keep yours."
    )


class SharedWithYourself(MembershipRefusal):
    message = _("This is your own address. Write the address of a colleague.")


class AlreadyShared(MembershipRefusal):
    message = _("The draft is shared with %(email)s already.")


class TooManyShares(MembershipRefusal):
    message = _("You shared drafts %(most)s times today. Wait a day before you share again.")


class NoSuchShare(MembershipRefusal):
    message = _(
        "This draft is not shared with a confirmed address of yours. Sign in with the address that "
        "got the message, or ask your colleague to share it again."
    )


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


class IncomeGroupInForce(MembershipRefusal):
    message = _(
        "This income group is in force since %(since)s, and fees were counted by it. "
        "Add a new line that is valid from a later day."
    )


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


class VersionSuperseded(MembershipRefusal):
    message = _(
        "A newer version of this agreement is in force: %(newer)s. Read that one and accept it."
    )


class NotInForceYet(MembershipRefusal):
    message = _("This version is not published. Accept one that is.")


class MayNotBind(MembershipRefusal):
    message = _(
        "Name the person who may bind the organisation and their function, and tick the box."
    )


class NotPrimaryContact(MembershipRefusal):
    message = _(
        "Only the primary contact of the organisation changes its profile. "
        "The list of its people names them."
    )


class NoLogoToDecide(MembershipRefusal):
    message = _(
        "There is no such logo any more. The organisation may have changed it: open its page again."
    )


class SameOrganisation(MembershipRefusal):
    message = _("Choose two different organisations.")


class OrganisationMerged(MembershipRefusal):
    message = _("%(organisation)s was merged into another organisation already.")


class TermsOverlap(MembershipRefusal):
    message = _(
        "Both organisations have a term in the same days: %(kept)s and %(gone)s. "
        "Cancel one of them first, so that nobody pays or votes twice."
    )


class RowsClash(MembershipRefusal):
    message = _(
        "Both organisations have the same entry under “%(what)s”, and it may be there once. "
        "Remove it from one of them first."
    )


class TaskClosed(MembershipRefusal):
    message = _("“%(task)s” is closed already: %(outcome)s. Open it to see by whom and how.")


class ProofMissing(MembershipRefusal):
    message = _("Say how it was done: write it, give a link or add a file.")


class LinkNotOfTheWeb(MembershipRefusal):
    message = _("A link begins with https:// or http:// and names a page. Copy it anew.")


class NotAnOfficer(MembershipRefusal):
    message = _("%(person)s may not do tasks. Choose an officer whose account is open.")


class NothingWritten(MembershipRefusal):
    message = _("Write something first.")


class ViewGone(MembershipRefusal):
    message = _("This view is not there any more, or it is a colleague’s.")


class ViewTooLong(MembershipRefusal):
    message = _("These filters are too long to be kept. Take some of them away.")
