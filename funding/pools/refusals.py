"""What the rules of giving refuse: one class per rule, each with the form field it belongs to."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class GivingRefusal(Refusal):
    """Base of the refusals here. ``field`` names the form field that mends it, if one does."""

    field: str | None = None


class PoolNotYetOpen(GivingRefusal):
    message = _("This pool opens on %(date)s. It takes no gifts or pledges before that day.")


class PoolClosed(GivingRefusal):
    message = _("This pool closed on %(date)s. It takes no more gifts or pledges.")


class PoolPaused(GivingRefusal):
    message = _("This pool takes no gifts or pledges at the moment. You can give to another pool.")


class WrongCurrency(GivingRefusal):
    message = _("This pool is kept in %(currency)s. Give the amount in %(currency)s.")
    field = "amount"


class AmountTooSmall(GivingRefusal):
    message = _("The smallest amount this pool can take is %(minimum)s. Enter that or more.")
    field = "amount"


class AmountTooLarge(GivingRefusal):
    message = _("The largest amount this page can take is %(maximum)s. Enter that or less.")
    field = "amount"


class InstalmentTooSmall(GivingRefusal):
    message = _(
        "Each instalment must be %(minimum)s or more, and the smallest would be %(amount)s. "
        "Choose fewer instalments or a larger amount."
    )
    field = "count"


class InstalmentTooLarge(GivingRefusal):
    message = _(
        "Each instalment can be %(maximum)s at most, and the largest would be %(amount)s. "
        "Choose more instalments."
    )
    field = "count"


class NoInstalments(GivingRefusal):
    message = _("Enter a date for at least one instalment.")
    field = "own_dates"


class TooManyInstalments(GivingRefusal):
    message = _("A pledge has %(most)s instalments at most. Enter fewer.")
    field = "own_dates"


class InstalmentInThePast(GivingRefusal):
    message = _("%(date)s has passed. Choose today or a later day.")
    field = "first_on"


class InstalmentTooFarAhead(GivingRefusal):
    message = _(
        "%(date)s is too far ahead. The last instalment can be on %(latest)s at the latest."
    )
    field = "first_on"


class InstalmentAfterClosing(GivingRefusal):
    message = _(
        "The pool closes on %(closes)s, and the last instalment would be on %(date)s. "
        "Choose earlier dates or fewer instalments."
    )
    field = "first_on"


class SameDayTwice(GivingRefusal):
    message = _("%(date)s is there twice. Give each instalment a day of its own.")
    field = "own_dates"


class InstalmentsDoNotAddUp(GivingRefusal):
    message = _(
        "The instalments add up to %(sum)s, and the pledge is %(amount)s. "
        "Change one of them so that they agree."
    )
    field = "own_dates"


class PledgeNotDraft(GivingRefusal):
    message = _("This pledge is confirmed already and can no longer be changed here.")


class PledgeNotConfirmed(GivingRefusal):
    message = _("Confirm the pledge first. Its instalments can be paid after that.")


class PledgeCancelled(GivingRefusal):
    message = _("This pledge is cancelled. You can give to the pool or make a new pledge.")


class PledgeBinding(GivingRefusal):
    message = _("This pledge is binding, so it cannot be withdrawn here. Write to us about it.")


class PledgeFulfilled(GivingRefusal):
    message = _("Every instalment of this pledge is received, so there is nothing to withdraw.")


class InstalmentReceived(GivingRefusal):
    message = _("This instalment is received already. There is nothing more to pay for it.")


class PaymentUnderWay(GivingRefusal):
    message = _("A payment for this pledge is under way. Wait until it is received or cancelled.")


class PoolCodeTaken(GivingRefusal):
    message = _("Another pool has the code “%(code)s”. Choose a different one.")
    field = "code"


class NotAgainByChannel(GivingRefusal):
    message = _(
        "“%(channel)s” cannot be used for a gift that repeats. Choose card or bank transfer, "
        "or give once."
    )
    field = "how_to_pay"
