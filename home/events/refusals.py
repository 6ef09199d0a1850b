"""What events refuse, in words that say what to do."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class NotOpen(Refusal):
    """Base of what keeps somebody from registering for an occurrence."""


class NoRegistration(NotOpen):
    message = _("Nobody has to register for this event. Just come.")


class OccurrenceCancelled(NotOpen):
    message = _("This event does not take place on that day.")


class OccurrenceBegun(NotOpen):
    message = _("This event has begun, so nobody can register any more.")


class TooManyRegistrations(Refusal):
    message = _("Too many registrations came from here within an hour. Try again later.")


class TooManyCodes(Refusal):
    message = _("Too many codes were tried. Try again in an hour.")


class CodeUnknown(Refusal):
    message = _("This code is not known, or it is used up. Look at the newest message.")


class NothingToConfirm(Refusal):
    message = _("This registration was withdrawn. Register again if you want to come.")


class ConfirmedTooLate(Refusal):
    message = _("This link is too old. Register again and use the new message.")


class NothingToWithdraw(Refusal):
    message = _("There is no registration to withdraw any more.")


class PublishedEvent(Refusal):
    message = _(
        "This event is on a published page. Somebody who may move and cancel occurrences has to "
        "change it."
    )


class ScheduleInUse(Refusal):
    message = _(
        "The occurrence of %(day)s would be another one then, and people know of it. Move or cancel "
        "single occurrences, or end this event and make a new one."
    )


class NoSuchOccurrence(Refusal):
    message = _("The event has no occurrence on this day.")


class OccurrenceOver(Refusal):
    message = _("This occurrence is over.")


class CancelledAlready(Refusal):
    message = _("This occurrence is cancelled already.")


class MovedIntoThePast(Refusal):
    message = _("This time is in the past. Write a later one.")


class MovedNowhere(Refusal):
    message = _("The occurrence takes place at this time already.")


class DecidedAlready(Refusal):
    message = _("This request is decided already.")


class NotConfirmed(Refusal):
    message = _("Who asked has not confirmed the registration, or has withdrawn it.")


class OwnRequest(Refusal):
    message = _("Nobody decides about their own request. Ask a colleague.")
