"""What refuses a transfer between pools, with the form's field that it is about."""

from django.utils.translation import gettext_lazy as _

from funding.pools.refusals import GivingRefusal


class TransferRefusal(GivingRefusal):
    """Base of what refuses a transfer."""


class NotPermitted(TransferRefusal):
    message = _("You have no right to do this. Ask an administrator for it.")


class ReasonMissing(TransferRefusal):
    message = _("Write the reason. Everybody can read it.")
    field = "reason"


class SamePool(TransferRefusal):
    message = _("The money would stay in the same pool. Choose another one.")
    field = "to_pool"


class NotAPool(TransferRefusal):
    message = _(
        "The pool “%(pool)s” holds money that nobody could match yet. Match it; it is not moved."
    )
    field = "from_pool"


class OtherCurrency(TransferRefusal):
    message = _(
        "The pool “%(pool)s” is not kept in %(currency)s. Choose a pool that is kept in it."
    )
    field = "to_pool"


class AmountWanted(TransferRefusal):
    message = _("Enter an amount above zero.")
    field = "amount"


class MoreThanAvailable(TransferRefusal):
    message = _(
        "The pool “%(pool)s” has %(available)s available, and this would move %(wanted)s. "
        "Enter less, or wait for more money."
    )
    field = "amount"


class BasisWanted(TransferRefusal):
    message = _(
        "The money of the pool “%(pool)s” is restricted. Choose what allows the transfer: the terms "
        "that were shown when it was given, or the donors’ consent."
    )
    field = "basis"


class BasisNoteMissing(TransferRefusal):
    message = _("Write what the terms say, or who consented and when. Everybody can read it.")
    field = "basis_note"


class RateIsForOverhead(TransferRefusal):
    message = _("The overhead rate allows overhead alone. Choose another basis.")
    field = "basis"


class OverheadByRate(TransferRefusal):
    message = _("Overhead is taken by the pool’s published rate. Choose that as its basis.")
    field = "basis"


class OverheadToGeneral(TransferRefusal):
    message = _("Overhead goes to the pool “%(pool)s”, which pays the running costs. Choose it.")
    field = "to_pool"


class NoOverheadRate(TransferRefusal):
    message = _("The pool “%(pool)s” has no published overhead rate, so no overhead is taken.")
    field = "kind"


class MoreThanOverheadDue(TransferRefusal):
    message = _(
        "By the published rate %(due)s of overhead can still be taken from the pool “%(pool)s”, "
        "and this would take %(wanted)s. Enter %(due)s or less."
    )
    field = "amount"


class OwnRequest(TransferRefusal):
    message = _("You asked for this transfer, so somebody else must decide on it.")


class DecidedBefore(TransferRefusal):
    message = _("This transfer is decided already. Nothing changed.")


class NoteMissing(TransferRefusal):
    message = _("Write why you decline it. The person who asked reads it.")
    field = "note"
