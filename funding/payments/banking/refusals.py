"""What the bank side of payments refuses, each with words that say what to do."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class BankRefusal(Refusal):
    """Base of them all. Nothing was written."""


# --- Files ----------------------------------------------------------------------------------------


class BadFile(BankRefusal):
    """A file that cannot be read as a statement."""


class FileTooLarge(BadFile):
    message = _("The file is larger than %(limit)s MB. Ask the bank for a shorter period.")


class FileEmpty(BadFile):
    message = _("The file is empty.")


class UnknownFormat(BadFile):
    message = _("This file is neither CAMT.053, MT940 nor CSV.")


class NotXml(BadFile):
    message = _("The file is not well-formed XML: line %(line)s. Export it from the bank again.")


class XmlWithDtd(BadFile):
    message = _("The file declares a document type or entities. A bank statement has none.")


class NotAStatement(BadFile):
    message = _(
        "The file holds no bank statement (CAMT.053). Choose the statement, not the report of the "
        "day (CAMT.052) or a single notice (CAMT.054)."
    )


class BalanceMissing(BadFile):
    message = _("Statement %(statement)s has no %(balance)s. Export it from the bank again.")


class BalanceWanted(BadFile):
    message = _("The file has no balances. Enter the opening and the closing balance.")


class NotReadable(BadFile):
    message = _("Line %(line)s: “%(text)s” cannot be read. %(why)s")


class TooManyDecimalsInLine(BadFile):
    message = _(
        "Line %(line)s: %(currency)s has %(exponent)s decimals; “%(text)s” has more. "
        "Check the decimal sign."
    )


class AmountTooLarge(BadFile):
    message = _("Line %(line)s: “%(text)s” is larger than the books take.")


class LineInOtherCurrency(BadFile):
    message = _("Line %(line)s is in %(found)s; the account is in %(wanted)s.")


class TooManyLines(BadFile):
    message = _("The file has more than %(limit)s lines. Ask the bank for a shorter period.")


class NotInEncoding(BadFile):
    message = _("The file is not written in %(encoding)s. Choose another encoding.")


class NoSuchColumn(BadFile):
    message = _("The file has no column “%(column)s”. It has: %(columns)s.")


class MappingIncomplete(BadFile):
    message = _("Choose the columns of the date and of the amount (or of debit and credit).")


class RunningBalanceDiffers(BadFile):
    message = _(
        "Line %(line)s: the balance should be %(wanted)s and is %(found)s. A line is missing, or "
        "was changed."
    )


# --- Statements -----------------------------------------------------------------------------------


class OtherAccount(BankRefusal):
    message = _("This is a statement of the account %(found)s, not of %(wanted)s.")


class OtherCurrency(BankRefusal):
    message = _("This is a statement in %(found)s; the account is in %(wanted)s.")


class AccountClosed(BankRefusal):
    message = _("The account %(account)s is closed. It takes no statements.")


class SumDiffers(BankRefusal):
    message = _(
        "Statement %(statement)s does not add up: %(opening)s at the start and %(lines)s in lines "
        "make %(sum)s, but it closes with %(closing)s. The difference is %(difference)s."
    )


class OpeningDiffers(BankRefusal):
    message = _(
        "Statement %(statement)s opens with %(opening)s, but the last one closed with %(last)s on "
        "%(day)s. The difference is %(difference)s. Import the statement that comes next; one that "
        "overlaps, or was changed, cannot be imported."
    )


class DaysOutOfOrder(BankRefusal):
    message = _(
        "Statement %(statement)s begins on %(first)s, before the last one ended (%(last)s). "
        "It overlaps."
    )


class ImportedBefore(BankRefusal):
    message = _(
        "Statement %(statement)s of %(day)s was imported before: the same days, the same balances, "
        "the same lines."
    )


class DayOutOfRange(BankRefusal):
    message = _(
        "Statement %(statement)s has a line or a balance of %(day)s. Days before 2000 or in the "
        "future are not taken: check the date format."
    )


class NotTheLastStatement(BankRefusal):
    message = _("Only the last statement of an account can be discarded: another one follows it.")


class StatementMatched(BankRefusal):
    message = _(
        "Lines of this statement were matched. It stays; a match that was a mistake is undone."
    )


class MonthSigned(BankRefusal):
    message = _("%(month)s is signed off on the word of this statement. It stays.")


class StatementDiscarded(BankRefusal):
    message = _("The statement of this line was discarded.")


# --- Matching -------------------------------------------------------------------------------------


class LineChanged(BankRefusal):
    message = _("This line changed meanwhile. Look at it again.")


class NothingLeft(BankRefusal):
    message = _("This line is matched whole already. Undo a match first.")


class MoreThanTheLine(BankRefusal):
    message = _("%(wanted)s is more than the %(left)s that are left of this line.")


class AmountWanted(BankRefusal):
    message = _("Enter an amount above zero.")


class NotMoneyIn(BankRefusal):
    message = _("This line is money that went out. It cannot pay anything.")


class NotMoneyOut(BankRefusal):
    message = _("This line is money that came in. It is neither a charge nor a payout.")


class InOtherCurrency(BankRefusal):
    message = _("The line is in %(line)s and this is in %(other)s. Only equal currencies match.")


class MoreThanOutstanding(BankRefusal):
    message = _(
        "%(wanted)s is more than the %(outstanding)s that are outstanding for %(number)s. Split "
        "the line: match %(outstanding)s, and note the other %(rest)s as owed back."
    )


class AlreadyPaid(BankRefusal):
    message = _(
        "%(number)s is paid in full: %(received)s came. What comes again is owed back to the payer."
    )


class Withdrawn(BankRefusal):
    message = _(
        "%(number)s was withdrawn on %(day)s. The money is owed back to the payer: note it so, or "
        "park it until you have talked to them."
    )


class InvoiceVoid(BankRefusal):
    message = _(
        "Invoice %(number)s was made void by %(note)s. The money is owed back to the payer: note "
        "it so, or park it until you have talked to them."
    )


class NotWantedAnyMore(BankRefusal):
    message = _(
        "%(number)s cannot be paid any more. %(why)s The money is owed back to the payer: note it "
        "so, or park it until you have talked to them."
    )


class NotParked(BankRefusal):
    message = _("This money is not parked any more.")


class ParkedMatched(BankRefusal):
    message = _("This parked money was matched since. Undo that match first.")


class NotInTransit(BankRefusal):
    message = _("%(what)s is not on its way to the bank: it arrived already, or is not booked.")


class MoreThanInTransit(BankRefusal):
    message = _(
        "%(arrived)s arrived, but only %(transit)s were on their way. Split the line: match "
        "%(transit)s, and match or park the rest."
    )


class ChargeTooLarge(BankRefusal):
    message = _(
        "%(arrived)s arrived of %(transit)s: the difference of %(charge)s is more than the largest "
        "payment among them. Check which payments this line is."
    )


class PayoutDiffers(BankRefusal):
    message = _("The payout is of %(payout)s, the line has %(line)s. Split the line.")


class PayoutNotReady(BankRefusal):
    message = _("This payout cannot be on the statement: it is “%(status)s”.")


class PayoutTaken(BankRefusal):
    message = _("Another bank line is this payout already.")


class HoldingOwesNobody(BankRefusal):
    message = _("The pool of unallocated receipts owes nobody. Choose another pool, or park it.")


class RefundRequested(BankRefusal):
    message = _(
        "A refund of this payment is requested: %(amount)s. Cancel it, or mark it failed, so that "
        "the money does not go back twice."
    )


class ReturnTooLarge(BankRefusal):
    message = _("%(wanted)s went back, but of this payment only %(left)s can have.")


# --- Undoing --------------------------------------------------------------------------------------


class UndoneAlready(BankRefusal):
    message = _("This match was undone before.")


class ReasonWanted(BankRefusal):
    message = _("Write the reason.")


class GivenBackSince(BankRefusal):
    message = _(
        "%(amount)s of this payment went back to the payer since, or is about to. What was given "
        "back cannot have been booked by mistake."
    )


class OwedBackPaid(BankRefusal):
    message = _("This money was given back to the payer since, or a payout for it was requested.")


class ArrivedSince(BankRefusal):
    message = _("This payment arrived at the bank since. Undo the match of that bank line first.")


# --- Channels -------------------------------------------------------------------------------------


class NotByChannel(BankRefusal):
    message = _(
        "%(number)s is expected by bank transfer. It is confirmed by matching the line of the "
        "statement."
    )


class EvidenceWanted(BankRefusal):
    message = _("Enter the evidence: %(hint)s")


class EvidenceUsed(BankRefusal):
    message = _("This evidence stands for another payment by %(channel)s already: %(payment)s.")


class PaidInFuture(BankRefusal):
    message = _("The day of the payment is not over. Check the date.")


class PaidLongAgo(BankRefusal):
    message = _("The day of the payment lies before 2000. Check the date.")


# --- Rights ---------------------------------------------------------------------------------------


class NotPermitted(BankRefusal):
    message = _("You do not have the right to do this. Ask an administrator.")


class PayoutFailedForGood(BankRefusal):
    message = _("The payout failed since, and its purpose knows. Ask for a new payout instead.")


class AskedForAgain(BankRefusal):
    message = _(
        "The money was asked for again since this payout failed. Cancel the newer request first."
    )
