"""What donors are owed by e-mail: word of pledges, instalments and charges, of gifts that are not
taken, and of what matching asks of them. Receipts and payment requests are a matter of payments."""

import datetime
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from core import audit
from core.mailing.expectations import Expected, day_of
from funding.payments.models import ExpectedPayment, Payment, Status
from funding.pools import charging, declining, matching, pledge_mail, pledges, queries
from funding.pools.models import (
    Gift,
    Instalment,
    InstalmentReminder,
    MatchingSettlement,
    Pledge,
    PledgeChange,
)
from funding.pools.pledge_reminders import REMINDER_DAYS

# What happened to a pledge, as `pledge_mail.send_change` takes it.
_CHANGES = {
    "pools.change_pledge": "changed",
    "pools.meet_condition": "condition",
    "pools.meet_milestone": "milestone",
}


def confirmed(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Pledges that were confirmed, of donors with an account: nobody else is told by e-mail."""
    rows = _asked_of(timezone.localdate()).filter(
        confirmed_at__date__range=(first, last), donor__user__isnull=False
    )
    for pledge in rows:
        assert pledge.confirmed_at is not None
        about, send = "confirmed", partial(pledge_mail.send_confirmation, pledge)
        yield _of_pledge(pledge, about, "pools_pledge_confirmed", pledge.confirmed_at, send)


def changed(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """The last change of each pledge, whatever it was."""
    acts = audit.acts(Pledge, first, last, *_CHANGES)
    newest = {int(act.object_id): act for act in acts}
    for pledge in _asked_of(timezone.localdate()).filter(pk__in=newest):
        act = newest[pledge.pk]
        send = partial(
            pledge_mail.send_change,
            pledge,
            what=_CHANGES[act.action],
            milestone=act.data.get("milestone", ""),
        )
        yield _of_pledge(pledge, "changed", "pools_pledge_changed", act.timestamp, send)


def reminded(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """The newest reminder of what is still to come. Which are due the daily job finds, also those of
    days that it missed: the row that it writes is the fact."""
    today = timezone.localdate()
    under_way = Payment.objects.filter(
        purpose=pledges.PURPOSE, purpose_id=OuterRef("instalment"), status=Status.PROCESSING
    )
    rows = InstalmentReminder.objects.filter(
        sent_at__date__range=(first, last),
        due_on=F("instalment__due_on"),
        instalment__received_amount__lt=F("instalment__amount"),
        instalment__pledge__in=_asked_of(today),
    ).exclude(Exists(under_way))
    # What a change asked for, and a month's matching, their own mails tell of.
    changes = PledgeChange.objects.filter(
        pledge=OuterRef("instalment__pledge"), changed_at__date=OuterRef("sent_at__date")
    )
    by_matching = Q(instalment__pledge__matching__isnull=False)
    rows = rows.exclude(by_matching | Exists(changes), days=REMINDER_DAYS[0])
    newest = {each.instalment_id: each for each in rows.order_by("days")}
    parts = Instalment.objects.select_related("pledge__pool__profile", "pledge__donor")
    for part in parts.prefetch_related("pledge__instalments").filter(pk__in=newest):
        reminder = newest[part.pk]
        yield Expected(
            about=pledge_mail.about_reminder(part, reminder.days),
            template="pools_instalment_reminder",
            to=part.pledge.donor.email,
            language=part.pledge.language,
            due_on=day_of(reminder.sent_at),
            send=partial(pledge_mail.send_reminder, part, reminder.days, today),
        )


def charges(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Charges of a card that are announced and still to come, and those that the card declined."""
    rows = Payment.objects.filter(purpose=pledges.PURPOSE, mandate__isnull=False)
    announced = rows.filter(
        form_token__isnull=False, status=Status.PENDING, created_at__date__range=(first, last)
    )
    declined = {
        int(act.object_id): act.timestamp
        for act in audit.acts(Payment, first, last, "pools.charge_declined")
    }
    failed = rows.filter(pk__in=declined, status=Status.FAILED)
    found = [*announced.select_related("mandate__card"), *failed]
    parts = Instalment.objects.select_related("pledge__pool__profile").in_bulk(
        {payment.purpose_id for payment in found}
    )
    for payment in found:
        part = parts[payment.purpose_id]
        if payment.pk in declined:
            at, send = declined[payment.pk], partial(charging.tell_declined, payment, part)
            yield _of_charge(payment, "pools_charge_declined", at, send)
            continue
        day = max(part.due_on, day_of(payment.created_at) + charging.ANNOUNCED_AHEAD)
        send = partial(charging.tell_announced, payment, part, day)
        yield _of_charge(payment, "pools_charge_announced", payment.created_at, send)


def declined_gifts(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Gifts that were not taken, of donors who gave an address."""
    rows = Gift.objects.filter(declined_at__date__range=(first, last))
    for gift in rows.exclude(donor__email="").select_related("donor"):
        assert gift.declined_at is not None
        yield Expected(
            about=declining.about_decline(gift),
            template="pools_gift_declined",
            to=gift.donor.email,
            language=gift.language,
            due_on=day_of(gift.declined_at),
            send=partial(declining.tell, gift),
        )


def settlements(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """What a month's gifts asked of those who match them, unless the pledge of it is given up."""
    rows = MatchingSettlement.objects.filter(
        created_at__date__range=(first, last), pledge__in=_asked_of(timezone.localdate())
    )
    found = list(rows.select_related("pledge__donor", "pledge__pool"))
    instalments = Instalment.objects.filter(pledge__in=[each.pledge_id for each in found])
    requests = _requests_of(dict(instalments.values_list("pk", "pledge")))
    for each in found:
        yield Expected(
            about=matching.about_settlement(each),
            template="pools_matching_settled",
            to=each.pledge.donor.email,
            language=each.pledge.language,
            due_on=day_of(each.created_at),
            send=partial(matching.tell, each, requests.get(each.pledge_id)),
        )


def _requests_of(pledge_of: dict[int, int]) -> dict[int, ExpectedPayment]:
    """The payment request that stands for each pledge, by its one instalment."""
    rows = ExpectedPayment.objects.filter(
        purpose=pledges.PURPOSE, purpose_id__in=pledge_of, withdrawn_at=None
    )
    return {pledge_of[each.purpose_id]: each for each in rows.order_by("pk")}


def _asked_of(day: datetime.date) -> Any:
    """Pledges that stand, of donors with an address, with what a message about them says."""
    return (
        queries.standing_pledges(day)
        .exclude(donor__email="")
        .select_related("donor", "pool__profile")
        .prefetch_related("instalments")
    )


def _of_pledge(
    pledge: Pledge, word: str, template: str, at: datetime.datetime, send: Any
) -> Expected:
    return Expected(
        about=pledge_mail.about_pledge(pledge, word),
        template=template,
        to=pledge.donor.email,
        language=pledge.language,
        due_on=day_of(at),
        send=send,
    )


def _of_charge(payment: Payment, template: str, at: datetime.datetime, send: Any) -> Expected:
    return Expected(
        about=charging.about_charge(payment, template),
        template=template,
        to=payment.payer_email,
        language=payment.language,
        due_on=day_of(at),
        send=send,
    )
