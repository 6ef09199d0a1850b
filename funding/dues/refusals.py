"""Every way in which dues say no."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class DuesRefusal(Refusal):
    """Base of this package's refusals."""


class InvoicePaid(DuesRefusal):
    message = _("Invoice %(number)s is paid. There is nothing left to pay.")


class InvoiceVoid(DuesRefusal):
    message = _("Credit note %(note)s made invoice %(number)s void. There is nothing to pay on it.")


class InvoiceStands(DuesRefusal):
    message = _("Invoice %(number)s stands for this term already, so there is nothing to bill.")


class NothingToPay(DuesRefusal):
    message = _("The dues of this term are waived. There is nothing to pay.")


class TermOver(DuesRefusal):
    message = _(
        "The term of invoice %(number)s ended on %(day)s, so paying it would not make you a "
        "member. Write to us and we open a new term."
    )


class TermCancelled(DuesRefusal):
    message = _("The term of invoice %(number)s was cancelled. There is nothing to pay.")


class TermEnded(DuesRefusal):
    message = _(
        "This term ended on %(day)s, so its dues are waived no more. A treasurer makes its invoice "
        "void under Dues invoices."
    )


class MayNotCredit(DuesRefusal):
    message = _("Only treasurers may make invoices void.")


class MoneyCame(DuesRefusal):
    message = _("Money came for invoice %(number)s. Refund it first, then make the invoice void.")


class PaymentUnderWay(DuesRefusal):
    message = _(
        "A payment for invoice %(number)s is under way or has come, so the invoice stays as it is. "
        "Write to us."
    )


class SamePurchaseOrder(DuesRefusal):
    message = _("Invoice %(number)s has this purchase order already.")


class PurchaseOrderMissing(DuesRefusal):
    message = _("Write the number of the purchase order.")


class NobodyToBill(DuesRefusal):
    message = _(
        "%(organisation)s has neither a billing contact nor a primary contact, so nobody can be "
        "billed. Give somebody one of these roles first."
    )


class MayNotRejoin(DuesRefusal):
    message = _("Only the primary contact or a billing contact may do this.")


class MembershipStands(DuesRefusal):
    message = _("%(organisation)s has a term that stands or awaits its payment.")


class ApplyAgain(DuesRefusal):
    message = _(
        "The last term of %(organisation)s ended more than a year ago, or was cancelled or never "
        "paid. Apply again."
    )


class MayNotChangeTier(DuesRefusal):
    message = _("Only the primary contact may ask for another tier.")


class NoTermToChange(DuesRefusal):
    message = _(
        "%(organisation)s has no membership whose tier could be changed now. Join again, or apply."
    )


class SameTier(DuesRefusal):
    message = _("The tier is “%(tier)s” already.")


class OtherCurrency(DuesRefusal):
    message = _("The fees of these tiers are in different currencies. Write to us.")


class ChangeOpen(DuesRefusal):
    message = _(
        "A change to “%(tier)s” was asked for and waits. Withdraw it first, or wait until it is "
        "made."
    )


class ChangedBefore(DuesRefusal):
    message = _(
        "The tier of this term was changed on %(day)s, and its difference was paid or goes back. "
        "A lower tier is possible again with the next term."
    )


class NextTermSettled(DuesRefusal):
    message = _(
        "The next term, from %(day)s, is settled already as “%(tier)s”. Ask for another tier once "
        "it has begun."
    )


class ChangeOver(DuesRefusal):
    message = _("This change of tier is “%(state)s” by now, so this step is not possible.")


class DayNotInTerm(DuesRefusal):
    message = _("Choose today or a later day of the term, which ends on %(last)s.")


class NothingOpen(DuesRefusal):
    message = _("No invoice asks for the dues of this term.")


class SentToday(DuesRefusal):
    message = _("Invoice %(number)s was sent again today already. Wait until tomorrow.")
