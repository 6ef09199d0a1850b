"""Why an act around an evangelist's service is refused."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class NominationOver(Refusal):
    """Base of what ended a nomination before it was accepted."""


class NominationExpired(NominationOver):
    message = _("This nomination was to be answered by %(day)s. Ask for a new one.")


class NominationAnswered(NominationOver):
    message = _("This nomination was answered already.")


class NominationWithdrawn(NominationOver):
    message = _("This nomination was withdrawn.")


class OtherAddress(Refusal):
    message = _(
        "The nomination went to %(email)s. Sign in with that address, or type the code of the mail."
    )


class CodeUnknown(Refusal):
    message = _("There is no open nomination with this code. Compare it with the mail.")


class TermsNotAccepted(Refusal):
    message = _("Read the terms of service and tick that you accept them.")


class TermsChanged(Refusal):
    message = _("A newer version of the terms of service is in force. Read it and tick again.")


class NoTerms(Refusal):
    message = _("No version of the terms of service is in force. Write to staff.")


class NotToBeNominated(Refusal):
    """One wording for all its kinds: whose address is whose is nobody else's business."""

    message = _(
        "This person cannot be nominated at present: they are an evangelist or were one, "
        "are nominated already, or do not want to be."
    )


class AlreadyEvangelist(NotToBeNominated): ...


class AlreadyNominated(NotToBeNominated): ...


class TooManyNominations(Refusal):
    message = _("You nominated %(number)d people today. Go on tomorrow.")


class TooManyTries(Refusal):
    message = _("You tried many addresses today. Go on tomorrow.")


class AskedNotTo(NotToBeNominated): ...


class NotYourOrganisation(Refusal):
    message = _("Choose a member organisation in which you have a seat.")


class NotToDecide(Refusal):
    message = _("You may not decide about this.")


class OwnNomination(Refusal):
    message = _("Nobody decides about their own nomination, or about one that they made.")


class OwnReturn(Refusal):
    message = _("Nobody decides about their own return.")


class NothingToDecide(Refusal):
    message = _("Nothing is to be decided here any more.")


class ReasonMissing(Refusal):
    message = _("Write the reason. The person reads it.")


class NotYours(Refusal):
    message = _("Only the evangelist can do this.")


class AlreadyAsked(Refusal):
    message = _("You have asked to return. Staff will decide.")


class NotCurrent(Refusal):
    message = _("Your service has ended. Confirm it again first.")


class InTheFuture(Refusal):
    message = _("Enter what has happened; this day is still to come.")


class TooLongAgo(Refusal):
    message = _("Enter what happened since %(day)s.")


class EnteredAlready(Refusal):
    message = _("You entered this already: the same kind, day and title.")


class TooManyActivities(Refusal):
    message = _("You entered %(number)d activities today. Go on tomorrow.")


class HiddenAlready(Refusal):
    message = _("This activity is hidden already.")


class NotContactable(Refusal):
    message = _("This person takes no messages at present.")


class TooManyMessages(Refusal):
    message = _("Too many messages were sent today. Write again tomorrow.")


class MessageOver(Refusal):
    message = _("This message can no longer be sent on. Write it again.")


class MessageCodeUnknown(Refusal):
    message = _("There is no message that waits for this code. Compare it with the mail.")


class NotReported(Refusal):
    message = _("This message is not reported, or is closed already.")


class ErasedAlready(Refusal):
    message = _("This evangelist is erased already.")


class NotToErase(Refusal):
    message = _("Only the person and an administrator can erase a profile.")
