"""Every way in which the verbs about people and their seats say no."""

from django.utils.translation import gettext_lazy as _

from membership.refusals import MembershipRefusal


class NotPrimaryContact(MembershipRefusal):
    message = _(
        "Only the primary contact of %(organisation)s may do this. "
        "Its page of people says who that is."
    )


class SeatGone(MembershipRefusal):
    message = _("This person has no seat in %(organisation)s any more.")


class HandOverFirst(MembershipRefusal):
    message = _(
        "%(organisation)s always has a primary contact. Hand the role over to somebody else "
        "first; where nobody else has a seat yet, invite them."
    )


class IsPrimaryContact(MembershipRefusal):
    message = _("%(person)s is the primary contact already.")


class AccountClosed(MembershipRefusal):
    message = _("The account of %(person)s is closed. Choose somebody else.")


class AlreadySeated(MembershipRefusal):
    message = _("%(person)s has a seat in %(organisation)s already. Change the roles of that seat.")


class YouAreSeated(MembershipRefusal):
    message = _("You have a seat in %(organisation)s already. There is nothing to accept.")


class TooManyInvitations(MembershipRefusal):
    message = _(
        "%(organisation)s has sent %(number)s invitations within a day. "
        "Wait until tomorrow with the next one."
    )


class InvitationOver(MembershipRefusal):
    """The invitation is used, withdrawn or too old."""


class InvitationUsed(InvitationOver):
    message = _("This invitation was used already. Ask the primary contact for another one.")


class InvitationWithdrawn(InvitationOver):
    message = _(
        "This invitation was withdrawn, or a newer one took its place. "
        "Look for a newer mail, or ask the primary contact."
    )


class InvitationExpired(InvitationOver):
    message = _(
        "This invitation was good until %(day)s. Ask the primary contact to invite you again."
    )


class OtherAddress(MembershipRefusal):
    message = _(
        "This invitation went to %(email)s, which is not a confirmed address of your account. "
        "Type the code of the mail instead, or add and confirm the address."
    )


class CodeUnknown(MembershipRefusal):
    message = _("No invitation has this code. Compare it with the mail, sign by sign.")


class NoSuchDomain(MembershipRefusal):
    message = _(
        "None of your confirmed addresses is at the domain of %(organisation)s. "
        "Ask its primary contact for an invitation, or add your address there and confirm it."
    )


class AskedBefore(MembershipRefusal):
    message = _(
        "Your request was declined on %(day)s. You can ask again %(days)s days after that day."
    )


class RequestDecided(MembershipRefusal):
    message = _("The request is “%(state)s” by now. Nothing was changed.")


class AddressGone(MembershipRefusal):
    message = _(
        "%(email)s is no longer a confirmed address of the person who asked. "
        "Decline the request, or invite them by their new address."
    )


class NoPlaceThere(MembershipRefusal):
    message = _(
        "%(person)s has neither a seat nor an open request for one in %(organisation)s. "
        "Choose somebody who has."
    )
