"""The monthly reconciliation is signed off by somebody who posted none of it."""

import datetime
from collections import Counter

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError
from django.db.models import Q
from django.utils import formats, timezone
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _
from wagtail.models import ModelLogEntry

from core import audit
from core.models import User
from core.refusals import Refusal
from core.transactions import use_case
from funding.ledger.entries import person
from funding.ledger.models import Entry
from funding.ledger.refusals import month_in_words
from funding.payments.models import BankLine, Match, Payout, Reconciliation
from funding.payments.month_ends import (
    Account,
    Place,
    account_of,
    accounts,
    compare,
    last_day,
    months_of,
)
from funding.payments.permissions import SIGN_RECONCILIATION


class SignOffRefusal(Refusal):
    """Base of what the rules of signing off refuse."""


class MayNotSign(SignOffRefusal):
    message = _("You do not have the right to do this. Ask an administrator.")


class MonthNotOver(SignOffRefusal):
    message = _("%(month)s is not over yet. Sign it off once its last day is past.")


class StatementMissing(SignOffRefusal):
    message = _("The bank’s statement up to %(day)s is missing. Import it first.")


class SignedAlready(SignOffRefusal):
    message = _("%(month)s of this account is signed off already.")


class PostedYourself(SignOffRefusal):
    message = _(
        "You had a part in what was posted on this account in the month: %(what)s. "
        "Somebody who posted none of it signs."
    )


class DifferencesUnexplained(SignOffRefusal):
    message = _("The balances differ by %(amount)s. Write what explains it.")


class OpenItemsUnexplained(SignOffRefusal):
    message = _(
        "The balances are equal, but %(count)s things differ that cancel each other out. "
        "Write what explains them."
    )


def unsigned() -> list[tuple[Account, datetime.date]]:
    """The months that are over and not signed off."""
    signed = set(Reconciliation.objects.values_list("place", "currency", "month"))
    return [
        (account, month)
        for account in accounts()
        for month in months_of(account)
        if (account.place, account.currency, month) not in signed
    ]


def unsigned_count() -> int:
    return len(unsigned())


# --- Signing ----------------------------------------------------------------------------------------


def sign_off(
    place: str, currency: str, month: datetime.date, *, by: User, note: str = ""
) -> Reconciliation:
    """Sign that the two balances agree, or that the note explains why not.

    Raises MayNotSign, NoSuchAccount, MonthNotOver, SignedAlready, StatementMissing, PostedYourself,
    DifferencesUnexplained, OpenItemsUnexplained; an attempt that a rule refused is recorded.
    """
    try:
        return _sign_off(place, currency, month, by=by, note=note.strip())
    except IntegrityError as error:
        if _signed(place, currency, month):
            raise SignedAlready(month=month_in_words(month)) from error
        raise
    except SignOffRefusal as refusal:
        _record_refused(place, currency, month, refusal, by=by)
        raise


def _sign_off(
    place: str, currency: str, month: datetime.date, *, by: User, note: str
) -> Reconciliation:
    with use_case():
        why = why_not(place, currency, month, by)
        if why is not None:
            raise why
        found = compare(account_of(place, currency, month), month)
        if found.missing_from is not None:
            raise StatementMissing(day=formats.date_format(last_day(month)))
        if not found.agrees and not note:
            if found.difference.amount:
                raise DifferencesUnexplained(amount=found.difference.format())
            raise OpenItemsUnexplained(count=len(found.differences))
        signed = Reconciliation.objects.create(
            place=place,
            currency=currency,
            month=month,
            theirs=found.theirs,
            ours=found.ours,
            differences=[{"what": row.what, "amount": row.amount} for row in found.differences],
            note=note,
            signed_by=by,
        )
        audit.record(
            "payments.sign_off",
            signed,
            by=by,
            reason=note,
            theirs=found.theirs,
            ours=found.ours,
        )
    return signed


def why_not(place: str, currency: str, month: datetime.date, by: User) -> SignOffRefusal | None:
    """The refusal that ``by`` would meet, whatever the balances are; None when they may sign."""
    if not by.has_perm(SIGN_RECONCILIATION):
        return MayNotSign()
    account = account_of(place, currency, month)
    if last_day(month) >= timezone.localdate():
        return MonthNotOver(month=month_in_words(month))
    if _signed(place, currency, month):
        return SignedAlready(month=month_in_words(month))
    if part := part_of(by, account, month):
        return PostedYourself(what=", ".join(part))
    return None


def _signed(place: str, currency: str, month: datetime.date) -> bool:
    return Reconciliation.objects.filter(place=place, currency=currency, month=month).exists()


def part_of(by: User, account: Account, month: datetime.date) -> list[str]:
    """What ``by`` posted, approved, matched or asked for on the account in the month, in words.

    A month's entries are those that happened in it and those that were booked in it.
    """
    end = last_day(month)
    in_month = Q(effective_date__range=(month, end)) | Q(period__month=month)
    entries = Entry.objects.filter(
        in_month, postings__account__code=account.code, postings__account__currency=account.currency
    ).distinct()
    me = person(by.pk)
    mine = Counter(
        entries.filter(Q(prepared_by=me) | Q(approved_by__contains=[me])).values_list(
            "kind", flat=True
        )
    )
    found = [f"{kind} ({count})" for kind, count in sorted(mine.items())]

    payouts = Payout.objects.filter(Q(entry__in=entries) | Q(refund__entry__in=entries))
    ordered = ModelLogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Payout, for_concrete_model=False),
        action="payments.payout_paid",
        user=by,
        object_id__in=[str(pk) for pk in payouts.values_list("pk", flat=True)],
    ).count()
    if ordered:
        found.append(gettext("payouts marked paid (%(count)s)") % {"count": ordered})
    asked = payouts.filter(Q(requested_by=by) | Q(decisions__by=by)).distinct().count()
    if asked:
        found.append(gettext("payouts asked for or decided (%(count)s)") % {"count": asked})
    if account.place == Place.BANK:
        lines = BankLine.objects.filter(
            statement__account__currency=account.currency, booked_on__range=(month, end)
        )
        matches = Match.objects.filter(Q(line__in=lines) | Q(entry__in=entries))
        matched = matches.filter(Q(confirmed_by=by) | Q(undone_by=by)).distinct().count()
        if matched:
            found.append(gettext("matches confirmed or undone (%(count)s)") % {"count": matched})
    return found


def _record_refused(
    place: str, currency: str, month: datetime.date, refusal: Refusal, *, by: User
) -> None:
    """Keep the attempt, on the person's own record: there is no reconciliation to hang it on."""
    with use_case(), override("en"):
        audit.record(
            "payments.sign_off_refused",
            by,
            by=by,
            reason=str(refusal),
            rule=type(refusal).__name__,
            account=f"{place} {currency}",
            month=f"{month:%Y-%m}",
        )
