"""What the rules of paying again and again refuse, in words for the payer."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class ProcessorUnavailable(Refusal):
    message = _(
        "Our payment processor cannot be reached at the moment. Nothing was changed. "
        "Try again in a few minutes."
    )


class SubscriptionEnded(Refusal):
    message = _("This recurring payment has ended. Begin a new one to go on giving.")


class SubscriptionNotBegun(Refusal):
    message = _("This recurring payment has not begun yet. Pay its first payment to begin it.")


class SubscriptionNotPaused(Refusal):
    message = _("This recurring payment is not paused, so there is nothing to take up again.")


class NothingToTryAgain(Refusal):
    message = _("No payment is open, so there is nothing to try again.")


class CardHasExpired(Refusal):
    message = _("The card has expired. Give another card first, and then go on.")
