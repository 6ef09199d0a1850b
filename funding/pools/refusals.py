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


class AnonymousTooLarge(GivingRefusal):
    message = _(
        "Up to %(limit)s a donor can stay anonymous, and this is %(amount)s. "
        "Choose a name to show, or give less."
    )
    field = "naming"


class NameHidden(GivingRefusal):
    message = _(
        "Staff hid the name that stood here, so this stays anonymous. "
        "What you give next can carry a name again."
    )
    field = "naming"


class TooManyGifts(GivingRefusal):
    message = _(
        "Many gifts were begun from here within an hour, so this page takes a break. "
        "Try again in an hour."
    )


class NotPermitted(GivingRefusal):
    message = _("You do not have the right to do this. Ask an administrator.")


class OwnGiving(GivingRefusal):
    message = _("This is your own giving. Somebody else has to look at it.")


class LookedAtMissing(GivingRefusal):
    message = _("Write what you looked at: the lists with their dates, or the papers.")
    field = "looked_at"


class ConcernWithoutNote(GivingRefusal):
    message = _("Write what the concern is, so that others can decide.")
    field = "note"


class WhyMissing(GivingRefusal):
    message = _("Write the reason. Staff and auditors read it.")
    field = "reason"


class GiftDeclined(GivingRefusal):
    message = _("This gift was declined. What came of it is given back.")


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


class PledgeWrittenOff(GivingRefusal):
    message = _("This pledge was written off. You can give to the pool or make a new pledge.")


class InstalmentTakenAway(GivingRefusal):
    message = _("This instalment was changed. See on your pledge’s page what is to be paid.")


class MoreThanOutstanding(GivingRefusal):
    message = _("%(outstanding)s of this instalment is still to come. Enter that or less.")
    field = "amount"


class PartTooSmall(GivingRefusal):
    message = _("Enter an amount above zero, %(outstanding)s at most.")
    field = "amount"


class AskedForAlready(GivingRefusal):
    message = _(
        "Others are asked for all that is still to come of this instalment. "
        "Withdraw one of their requests first."
    )


class AskedForMoreThanLeft(GivingRefusal):
    message = _(
        "Others are asked for the rest: %(left)s can still be asked for. "
        "Enter that or less, or withdraw one of their requests."
    )
    field = "amount"


class TooManyRequests(GivingRefusal):
    message = _("%(most)s requests went out for this pledge today. Make more of them tomorrow.")


class AmountBelowReceived(GivingRefusal):
    message = _("%(received)s of the pledge is received already. Enter that or more.")
    field = "amount"


class NothingChanged(GivingRefusal):
    message = _("This is what the pledge says already. Change the amount or the instalments.")


class PledgeHasNoCondition(GivingRefusal):
    message = _("This pledge has no condition that could be met.")


class NoMilestone(GivingRefusal):
    message = _("This instalment waits for no milestone.")


class MetInFuture(GivingRefusal):
    message = _("It cannot be met on a day to come. Enter today or an earlier day.")
    field = "on"


class MetBeforePledge(GivingRefusal):
    message = _("The pledge was confirmed on %(date)s. Enter that day or a later one.")
    field = "on"


class PledgeReasonWanted(GivingRefusal):
    message = _("Write the reason: it stays with the pledge.")
    field = "reason"


class NotForYou(GivingRefusal):
    message = _("Your account has no right to do this. Ask an administrator.")


class AgreementForBindingOnly(GivingRefusal):
    message = _("Only a binding pledge has a signed agreement.")


class SignedInFuture(GivingRefusal):
    message = _("It cannot be signed on a day to come. Enter the day that stands on the paper.")
    field = "signed_on"


class TooManyAgreements(GivingRefusal):
    message = _("A pledge can have %(most)s papers. Write to us to add another.")


class PaymentUnderWay(GivingRefusal):
    message = _("A payment for this pledge is under way. Wait until it is received or cancelled.")


class TermsOfGifts(GivingRefusal):
    message = _(
        "Donors gave to this pool under its present terms. Its restriction, its overhead rate and "
        "what happens to the money at the end can no longer become others for what they gave. "
        "A restriction can be added and the rate lowered. For other terms, open another pool."
    )


class OwnTerms(GivingRefusal):
    message = _(
        "You wrote these terms, or a draft of them since the last approved ones, or sent them for "
        "approval, so somebody else has to approve them: %(who)s."
    )


class NobodyElseApproves(OwnTerms):
    message = _(
        "Everybody who may approve terms of pools wrote a draft of these or sent them for approval, "
        "so somebody else has to approve them. Ask an administrator to give another person that "
        "right, such as a member of the board."
    )


class TermsChangedMeanwhile(GivingRefusal):
    message = _(
        "Somebody else saved these terms while you wrote. Nothing of yours is saved. "
        "Copy what you need, open the page again and enter it there."
    )


class StewardAlready(GivingRefusal):
    message = _("%(name)s is a steward of this pool on that day already.")


class StewardEnded(GivingRefusal):
    message = _("%(name)s was a steward until %(date)s. There is nothing to end.")


class StewardEndsTooEarly(GivingRefusal):
    message = _("The last day would be before the first, %(date)s. Choose that day or a later one.")


class PoolCodeTaken(GivingRefusal):
    message = _("Another pool has the code “%(code)s”. Choose a different one.")
    field = "code"


class NotAgainByChannel(GivingRefusal):
    message = _(
        "“%(channel)s” cannot be used for a gift that repeats. Choose card or bank transfer, "
        "or give once."
    )
    field = "how_to_pay"


class SameDonor(GivingRefusal):
    message = _("Choose two different donors.")


class DonorMerged(GivingRefusal):
    message = _("This donor was merged into another one. Look at that one instead.")


class TwoAccounts(GivingRefusal):
    message = _(
        "Both donors sign in with an account of their own, so they stay apart. "
        "One of them can ask us to close an account first."
    )


class DonorHasAccount(GivingRefusal):
    message = _("This donor signs in already, so there is nothing to claim.")


class ClaimUnknown(GivingRefusal):
    message = _("We do not know this code. Check it against the letter and type it again.")
    field = "code"


class ClaimExpired(GivingRefusal):
    message = _("This code is too old. Write to us, and we send you a new one.")
    field = "code"


class ClaimUsed(GivingRefusal):
    message = _(
        "Another person has used this code already. Write to us if it was sent to you alone."
    )
    field = "code"
