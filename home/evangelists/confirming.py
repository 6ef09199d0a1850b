"""The yearly word of an evangelist: "I still do this". Without it they become alumni.

Page and certificate of an alumnus stay; nobody can write to them any more. To return they confirm
again, and staff agree.
"""

import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import override

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from home.evangelists import service, terms
from home.evangelists.refusals import (
    AlreadyAsked,
    NothingToDecide,
    NotToDecide,
    NotYours,
    OwnReturn,
    ReasonMissing,
)
from home.evangelists.writing import about, tell
from home.models import Confirmation, ConfirmationNotice, Evangelist

DECIDE = "home.decide_nomination"
REMIND_BEFORE = datetime.timedelta(days=30)
# After a long time without jobs: who ended longer ago is not written to any more.
LOOKS_BACK = datetime.timedelta(days=31)
Kind = ConfirmationNotice.Kind


# --- The evangelist -------------------------------------------------------------------------------


def confirm(evangelist: Evangelist, *, by: User, version_id: int | None = None) -> Confirmation:
    """Serve for another year from today. Twice on a day it is one word.

    An alumnus asks staff by it. Raises NotYours, AlreadyAsked, and what `terms.accept` raises for a
    version of the terms that was not accepted yet.
    """
    with use_case():
        evangelist = lock(evangelist)
        if service.evangelist_of(by) != evangelist:
            raise NotYours
        terms.accept(by, version_id)
        today = timezone.localdate()
        if service.of(evangelist, today).is_current:
            confirmation, is_new = Confirmation.objects.get_or_create(
                evangelist=evangelist,
                counts_from=today,
                defaults={"made_by": by, "made_at": timezone.now()},
            )
            if is_new:
                audit.record("home.confirm_service", evangelist, by=by)
            return confirmation
        if waits(evangelist) is not None:
            raise AlreadyAsked
        confirmation = Confirmation.objects.create(
            evangelist=evangelist, made_by=by, asks_staff=True
        )
        audit.record("home.ask_to_return", evangelist, by=by)
    return confirmation


def waits(evangelist: Evangelist) -> Confirmation | None:
    """The return that staff have not decided about."""
    return evangelist.confirmations.filter(asks_staff=True, decided_at=None).first()


@inside_transaction
def lock(evangelist: Evangelist) -> Evangelist:
    """The row, locked, with nothing remembered of its days. Raises NotYours for an erased one."""
    found = Evangelist.objects.select_for_update().get(pk=evangelist.pk)
    if found.erased_at is not None:
        raise NotYours
    return found


# --- Staff ----------------------------------------------------------------------------------------


def returns() -> QuerySet[Confirmation]:
    """Those that wait for staff, the oldest first."""
    return Confirmation.objects.filter(asks_staff=True, decided_at=None).select_related(
        "evangelist", "made_by"
    )


def approve_return(confirmation: Confirmation, *, by: User) -> None:
    """The alumnus serves again, for a year from today. Raises NotToDecide, OwnReturn,
    NothingToDecide."""
    with use_case():
        confirmation = _to_decide(confirmation, by)
        confirmation.decided_at = timezone.now()
        confirmation.decided_by = by
        confirmation.counts_from = timezone.localdate()
        confirmation.save(update_fields=["decided_at", "decided_by", "counts_from"])
        evangelist = confirmation.evangelist
        audit.record("home.approve_return", evangelist, by=by)
        if confirmation.made_by is not None:
            tell(
                confirmation.made_by,
                "evangelist_approved",
                about=about(evangelist, f"returned/{confirmation.pk}"),
            )


def decline_return(confirmation: Confirmation, *, by: User, reason: str) -> None:
    """Say no, with a reason that the person reads. Raises as `approve_return`, and ReasonMissing."""
    with use_case():
        confirmation = _to_decide(confirmation, by)
        if not reason.strip():
            raise ReasonMissing
        confirmation.decided_at = timezone.now()
        confirmation.decided_by = by
        confirmation.reason = reason.strip()
        confirmation.save(update_fields=["decided_at", "decided_by", "reason"])
        evangelist = confirmation.evangelist
        audit.record("home.decline_return", evangelist, by=by, reason=reason.strip())
        if confirmation.made_by is not None:
            tell(
                confirmation.made_by,
                "evangelist_declined",
                about=about(evangelist, f"not-returned/{confirmation.pk}"),
                reason=reason.strip(),
            )


def _to_decide(confirmation: Confirmation, by: User) -> Confirmation:
    if not by.has_perm(DECIDE):
        raise NotToDecide
    lock(confirmation.evangelist)
    found = Confirmation.objects.select_related("evangelist", "made_by").get(pk=confirmation.pk)
    if found.made_by_id == by.pk:
        raise OwnReturn
    if not found.asks_staff or found.decided_at is not None:
        raise NothingToDecide
    return found


# --- The daily letters ----------------------------------------------------------------------------


def kind_on(until: datetime.date, on: datetime.date) -> Kind | None:
    """Which letter a year that ends on ``until`` asks for on a day; None for no letter."""
    if on > until + LOOKS_BACK:
        return None
    if on > until:
        return Kind.ENDED
    if on == until:
        return Kind.LAST_DAY
    return Kind.SOON if on >= until - REMIND_BEFORE else None


def remind(on: datetime.date | None = None) -> int:
    """Write to those whose year ends soon, today, or has ended; how many letters that were."""
    today = on or timezone.localdate()
    sent = 0
    for evangelist in ending(today):
        sent += _remind_one(evangelist, today)
    return sent


def ending(on: datetime.date) -> list[Evangelist]:
    """Whose last year asks for a letter on a day. One query; the days come with the rows."""
    # A year is 366 days at most; `kind_on` says the rest.
    first = on - LOOKS_BACK - datetime.timedelta(days=367)
    last = on + REMIND_BEFORE - datetime.timedelta(days=364)
    rows: Any = Evangelist.objects.filter(erased_at=None).with_days()
    return [
        each
        for each in rows.filter(last_confirmed_on__gte=first, last_confirmed_on__lte=last)
        if kind_on(service.last_day(each.last_confirmed_on), on)
    ]


def _remind_one(evangelist: Evangelist, today: datetime.date) -> bool:
    with use_case():
        # Whoever confirmed or was erased a moment ago gets no letter.
        evangelist = Evangelist.objects.select_for_update().get(pk=evangelist.pk)
        last = newest(evangelist)
        if evangelist.erased_at is not None or last is None or last.counts_from is None:
            return False
        until = service.last_day(last.counts_from)
        kind = kind_on(until, today)
        person = service.person_of(evangelist)
        if kind is None or person is None or not person.is_active:
            return False
        if kind == Kind.ENDED and waits(evangelist) is not None:
            return False
        __, is_new = ConfirmationNotice.objects.get_or_create(confirmation=last, kind=kind)
        if is_new:
            send_notice(evangelist, person, last, kind)
    return is_new


def newest(evangelist: Evangelist) -> Confirmation | None:
    """The confirmation that counts last."""
    counted = evangelist.confirmations.filter(~Q(counts_from=None))
    return counted.order_by("-counts_from").first()


@inside_transaction
def send_notice(
    evangelist: Evangelist, person: User, confirmation: Confirmation, kind: Kind
) -> None:
    """The letter itself, in the person's language."""
    assert confirmation.counts_from is not None
    template = "evangelist_alumni" if kind == Kind.ENDED else "evangelist_confirm"
    with override(person.preferred_language):
        day = formats.date_format(service.last_day(confirmation.counts_from))
    tell(
        person,
        template,
        about=about_notice(evangelist, confirmation, kind),
        page="evangelist_service",
        day=day,
    )


def about_notice(evangelist: Evangelist, confirmation: Confirmation, kind: Kind) -> str:
    return about(evangelist, f"{kind.value}/{confirmation.pk}")
