"""What refuses a gift or a pledge that staff record. ``field``: the form's field and the column."""

from django.utils.translation import gettext_lazy as _

from core.csv_files import FileRefused
from funding.pools.refusals import GivingRefusal


class RecordingRefusal(GivingRefusal):
    """Base of what refuses to record."""


class NotPermitted(RecordingRefusal):
    message = _("You have no right to do this. Ask an administrator for it.")


class NoRightToConfirm(RecordingRefusal):
    message = _("You have no right to confirm payments. Record it as expected instead.")
    field = "kind"


class IdentifierWanted(RecordingRefusal):
    message = _("Give it an identifier of 100 characters at most, such as the letter’s number.")
    field = "external_id"


class RecordedDifferently(RecordingRefusal):
    message = _(
        "“%(external_id)s” is recorded already, with other content. Use another identifier, or "
        "leave it as it was."
    )
    field = "external_id"


class TwiceInTheFile(RecordingRefusal):
    message = _("“%(external_id)s” is in row %(row)s too. Each row has an identifier of its own.")
    field = "external_id"


class UnknownKind(RecordingRefusal):
    message = _("“%(text)s” is not a kind. Write expected, pledge or payment.")
    field = "kind"


class DonorWanted(RecordingRefusal):
    message = _("Write the donor’s name, or the number of a donor who is known.")
    field = "donor"


class UnknownDonor(RecordingRefusal):
    message = _("There is no donor number %(number)s.")
    field = "donor_id"


class SeveralDonors(RecordingRefusal):
    message = _(
        "Several donors are recorded with this name, kind, e-mail address and country. Write the "
        "number of the one you mean."
    )
    field = "donor_id"


class UnknownDonorKind(RecordingRefusal):
    message = _("“%(text)s” is not a kind of donor. Write person or organisation.")
    field = "donor_kind"


class UnknownPool(RecordingRefusal):
    message = _("There is no pool with the code “%(text)s”.")
    field = "pool"


class OtherCurrency(RecordingRefusal):
    message = _("The pool is kept in %(currency)s. Record the amount in %(currency)s.")
    field = "currency"


class AmountWanted(RecordingRefusal):
    message = _("Enter an amount above zero.")
    field = "amount"


class PublicNameWanted(RecordingRefusal):
    message = _(
        "Up to %(limit)s a donor can stay anonymous, and this is %(amount)s. Write the name to show."
    )
    field = "public_name"


class NoAddressToWriteTo(RecordingRefusal):
    message = _("There is no e-mail address to write to. Add it, or write no.")
    field = "tell_donor"


class NotYesOrNo(RecordingRefusal):
    message = _("Write yes or no, not “%(text)s”.")


class OnlyFor(RecordingRefusal):
    message = _("This is for “%(kinds)s” alone. Leave it empty.")


class DayWanted(RecordingRefusal):
    message = _("Write the day on which it is due, or the schedule of instalments.")
    field = "due_on"


class NotASchedule(RecordingRefusal):
    message = _(
        "“%(text)s” is not an instalment. Write each like 2026-03-31 2500 and part them by |."
    )
    field = "schedule"


class ScheduleDiffers(RecordingRefusal):
    message = _("The instalments add up to %(sum)s, and the pledge is %(amount)s.")
    field = "schedule"


class TooManyInstalments(RecordingRefusal):
    message = _("A pledge has %(most)s instalments at most.")
    field = "schedule"


class SameDayTwice(RecordingRefusal):
    message = _("%(date)s is there twice. Give each instalment a day of its own.")
    field = "schedule"


class TooFarAhead(RecordingRefusal):
    message = _("%(date)s is too far ahead: %(latest)s at the latest.")
    field = "schedule"


class UnknownChannel(RecordingRefusal):
    message = _("There is no open payment channel “%(text)s” in %(currency)s.")
    field = "channel"


class NoAccount(RecordingRefusal):
    message = _("We have no bank account in %(currency)s. Name a payment channel.")
    field = "channel"


class ProofWanted(RecordingRefusal):
    message = _(
        "Name what shows that the money came: a channel with its evidence and day, or a bank line."
    )
    field = "evidence"


class OneProof(RecordingRefusal):
    message = _("Money came by a channel or by a bank line. Leave one of them empty.")
    field = "bank_line"


class EvidenceUsed(RecordingRefusal):
    message = _("This evidence stands for another payment by “%(channel)s” already.")
    field = "evidence"


class PaidInFuture(RecordingRefusal):
    message = _("The day of the payment is not over. Check the date.")
    field = "paid_on"


class PaidLongAgo(RecordingRefusal):
    message = _("The day of the payment lies before 2000. Check the date.")
    field = "paid_on"


class UnknownLine(RecordingRefusal):
    message = _(
        "No parked bank line in %(currency)s has the reference “%(text)s”. Park the line first."
    )
    field = "bank_line"


class SeveralLines(RecordingRefusal):
    message = _(
        "Several parked bank lines have the reference “%(text)s”. Match it on its own page."
    )
    field = "bank_line"


class MoreThanParked(RecordingRefusal):
    message = _("Only %(left)s of this bank line is parked still.")
    field = "amount"


# --- The file ---------------------------------------------------------------------------------------


class TooManyPayments(FileRefused):
    message = _("The file has more than %(most)s payments, each with a receipt to write. Part it.")


class FileHasErrors(FileRefused):
    message = _("Rows of the file have errors, so nothing of it was recorded. Mend them first.")


class RowRefused(FileRefused):
    message = _("Nothing of the file was recorded. Row %(row)s: %(words)s")
