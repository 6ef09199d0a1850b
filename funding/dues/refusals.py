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


class DayNotInTerm(DuesRefusal):
    message = _("Choose today or a later day of the term, which ends on %(last)s.")
