"""What the rules of paying out and of signing off refuse: one class per rule."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class PayoutRefusal(Refusal):
    """Base of the refusals here. ``field`` names the form field that mends it, if one does."""

    field: str | None = None


class NotPermitted(PayoutRefusal):
    message = _("You do not have the right to do this. Ask an administrator.")


class ReasonMissing(PayoutRefusal):
    message = _("Write the reason.")
    field = "reason"


class NoProblem(PayoutRefusal):
    message = _("This payment has no problem by now. Somebody dealt with it before you.")


class NoteMissing(PayoutRefusal):
    message = _("Write why you reject it. The requester reads it.")
    field = "note"


class BeneficiaryMissing(PayoutRefusal):
    message = _("Write who is paid.")
    field = "beneficiary"


class AccountMissing(PayoutRefusal):
    message = _("Write the account of the beneficiary: an IBAN, or the number and the bank.")
    field = "beneficiary_account"


class AmountNotAboveZero(PayoutRefusal):
    message = _("Enter an amount above zero.")
    field = "amount"


class OtherCurrency(PayoutRefusal):
    message = _("This is paid in %(currency)s. Enter the amount in %(currency)s.")
    field = "amount"


class TooMuch(PayoutRefusal):
    message = _(
        "%(left)s can still be given back. %(came)s came, %(back)s went back or is on its way, "
        "%(held)s is held or lost in disputes, and %(asked)s is in other open requests."
    )
    field = "amount"


class NotInTheBooks(PayoutRefusal):
    message = _("This money is not in the books yet. Ask again once its entry is posted.")


class NotPaidByProcessor(PayoutRefusal):
    message = _("This money did not come through the card processor. Pay it from the bank.")
    field = "place"


class OnlyByBank(PayoutRefusal):
    message = _("This is paid from the bank alone.")
    field = "place"


class NoBankAccount(PayoutRefusal):
    message = _("There is no open bank account in %(currency)s to pay this from.")
    field = "place"


class SettledInAnotherCurrency(PayoutRefusal):
    message = _(
        "The payment was in %(currency)s and came into the books in %(settled)s. "
        "Give it back through the card processor."
    )
    field = "place"


class OwnRequest(PayoutRefusal):
    message = _("You asked for this payout yourself. Two others decide on it.")


class OwnBenefit(PayoutRefusal):
    message = _("This payout gives your own money back to you. Others decide on it.")


class DecidedBefore(PayoutRefusal):
    message = _("You have decided on this payout already. Each person decides once.")


class WrongStep(PayoutRefusal):
    message = _("This payout is %(status)s. That is not possible any more.")


class NotYours(PayoutRefusal):
    message = _("Only the person who asked for a payout can cancel it.")


class NotByBank(PayoutRefusal):
    message = _("This payout goes through the card processor, which says itself when it is paid.")


class BankReferenceMissing(PayoutRefusal):
    message = _("Enter the bank’s reference of the order.")
    field = "bank_reference"


class DayInFuture(PayoutRefusal):
    message = _("Enter a day that is not in the future.")
    field = "on"


class DayTooEarly(PayoutRefusal):
    message = _("Enter a day on or after %(day)s, when the payout was asked for.")
    field = "on"
