"""What refuses a file of members, or a row of it. ``field``: the column."""

from django.utils.translation import gettext_lazy as _

from core.csv_cells import CellRefused
from core.csv_files import FileRefused
from membership.refusals import MembershipRefusal


class RowsHaveErrors(FileRefused):
    message = _("Rows of the file have errors by now, so nothing was imported. Look at it again.")


class RowNotImported(FileRefused):
    message = _("Nothing of the file was imported. Row %(row)s: %(words)s")


class CellWanted(CellRefused):
    message = _("This cell must not be empty.")


class NotOneOf(CellRefused):
    message = _("“%(text)s” is not known here. Write one of %(choices)s.")


class UnknownTier(CellRefused):
    message = _("There is no tier with the code “%(text)s”. Write one of %(choices)s.")


class UnknownRegister(CellRefused):
    message = _("“%(text)s” is not a register. Write its code at org-id.guide, such as GB-CHC.")


class HalfRegistration(CellRefused):
    message = _("Write the register and the number, or neither.")


class NotAWebsite(CellRefused):
    message = _("“%(text)s” is not a web address. Write it like https://www.example.org.")


class EndsBeforeItStarts(CellRefused):
    message = _("The term ends before it starts.")


class DayOutOfRange(CellRefused):
    message = _("Write a day between 2000 and 2299.")


class TermTooLong(CellRefused):
    message = _("The term is longer than 400 days. Write a row for each year.")


class PaidTooLate(CellRefused):
    message = _("It was paid after the term was over. Write the day on which it was paid.")


class PaidInFuture(CellRefused):
    message = _("This day is still to come. Write the day on which it was paid.")


class RowTwice(CellRefused):
    message = _("The same term of this organisation is in row %(row)s too. Remove one of them.")


class SaysOtherwise(CellRefused):
    message = _("Row %(row)s, of the same organisation, says otherwise. Write the same in both.")


class DaysOverlap(CellRefused):
    message = _("Its days overlap those of %(other)s. Write the days of each term as they were.")


class ContactUnproven(MembershipRefusal):
    message = _(
        "Somebody made an account with this address and never confirmed it. "
        "Ask the contact to sign in and confirm it first, or write another address."
    )
    field = "contact_email"
