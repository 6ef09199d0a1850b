"""What refuses a matching offer, with the form's field that it is about."""

from django.utils.translation import gettext_lazy as _

from funding.pools.refusals import GivingRefusal


class MatchingRefusal(GivingRefusal):
    """Base of what refuses a matching offer."""


class NotPermitted(MatchingRefusal):
    message = _("You have no right to do this. Ask an administrator for it.")


class OtherCurrency(MatchingRefusal):
    message = _("This pool is kept in %(currency)s. Give the amount in %(currency)s.")
    field = "most"


class AmountWanted(MatchingRefusal):
    message = _("Enter an amount above zero.")
    field = "most"


class ShareWanted(MatchingRefusal):
    message = _("Enter a share from 1 to 1000 per cent.")
    field = "rate"


class EndsBeforeItStarts(MatchingRefusal):
    message = _("The offer would end before it starts. Choose a later day.")
    field = "ends_on"


class ReasonMissing(MatchingRefusal):
    message = _("Write the reason.")
    field = "reason"
