"""Reminders of instalments: on their days, once, and not where nobody is to do anything."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from funding.payments.models import Card, Customer, Mandate, Payment
from funding.pools import instalments, pledge_changes, pledges
from funding.pools.models import InstalmentReminder, Pledge
from funding.pools.pledge_reminders import REMINDER_DAYS, send_reminders
from funding.pools.schedules import Part
from tests.factories import pools as make
from tests.factories.banking import make_account
from tests.pools.test_pledges_owed import REASON, treasurer, usd

pytestmark = pytest.mark.django_db
DUE = datetime.date(2027, 6, 1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel("2027-03-01 09:00Z", tick=False) as moved:
        yield moved


def go(clock: Any, days: int) -> int:
    """Move to so many days from the due date and send what is due."""
    moment = datetime.datetime.combine(DUE, datetime.time(9), datetime.UTC)
    clock.move_to(moment + datetime.timedelta(days=days))
    return send_reminders()


def pledged(**changes: Any) -> Pledge:
    return make.confirmed_pledge(
        amount=30_000, parts=changes.pop("parts", [Part(DUE, 30_000)]), **changes
    )


def mails() -> int:
    return DBTaskResult.objects.filter(
        args_kwargs__kwargs__template="pools_instalment_reminder"
    ).count()


def test_one_mail_goes_out_on_each_day_of_the_schedule_and_no_other(clock: Any) -> None:
    pledged()
    sent = [days for days in range(-60, 90) if go(clock, days)]
    assert sent == list(REMINDER_DAYS)
    assert mails() == len(REMINDER_DAYS)


def test_the_same_day_twice_is_one_mail(clock: Any) -> None:
    pledged()
    assert [go(clock, 3), go(clock, 3), go(clock, 4)] == [1, 0, 0]


def test_after_an_outage_the_newest_alone_goes_out(clock: Any) -> None:
    pledged()
    go(clock, -30)
    assert go(clock, 20) == 1
    assert sorted(InstalmentReminder.objects.values_list("days", flat=True)) == [-30, 14]


def test_nobody_is_reminded_of_a_day_before_the_pledge(clock: Any) -> None:
    clock.move_to("2027-05-20 09:00Z")
    pledged()
    assert send_reminders() == 0
    assert go(clock, -7) == 1


def test_a_new_day_asks_anew(clock: Any) -> None:
    pledge = pledged()
    go(clock, -7)
    later = Part(DUE + datetime.timedelta(days=60), 30_000)
    pledge_changes.change_pledge(
        pledge, amount=usd(30_000), parts=[later], reason=REASON, by=treasurer()
    )
    assert [go(clock, 3), go(clock, 30)] == [0, 1]


@pytest.mark.parametrize(
    "why", ["received", "withdrawn", "written off", "condition", "milestone", "no address", "draft"]
)
def test_nobody_is_reminded_where_there_is_nothing_to_do(clock: Any, why: str) -> None:
    if why == "milestone":
        pledged(parts=[Part(DUE, 30_000, "Release")])
    elif why == "condition":
        pledged(condition="X.")
    elif why == "draft":
        make.draft_pledge(amount=30_000, parts=[Part(DUE, 30_000)])
    else:
        pledge = pledged(binding=False)
        if why == "received":
            make.received_instalment(pledge)
        elif why == "withdrawn":
            pledges.withdraw_pledge(pledge, by=None)
        elif why == "written off":
            pledge_changes.write_off_pledge(pledge, by=treasurer(), reason=REASON)
        else:
            type(pledge.donor).objects.update(email="")
    assert go(clock, 3) == 0


def test_what_a_card_or_an_own_transfer_will_pay_needs_no_reminder(clock: Any) -> None:
    make_account("USD")
    by_card, by_transfer = pledged(), pledged()
    part = by_card.parts[0]
    instalments.begin_instalment_payment(
        part, user=by_card.donor.user, language="en", charge_later=True, amount=usd(1_000)
    )
    assert go(clock, -30) == 2  # no card yet
    Mandate.objects.update(card=a_card())
    instalments.expect_instalment(by_transfer.parts[0], user=by_transfer.donor.user, language="en")
    assert go(clock, -7) == 0
    Payment.objects.filter(purpose_id=part.pk).update(status="failed")
    assert go(clock, 3) == 1


def a_card() -> Card:
    return Card.objects.create(
        customer=Customer.objects.get(),
        stripe_payment_method="pm_1",
        brand="visa",
        agreed_at=timezone.now(),
    )


def test_a_part_that_came_lowers_what_is_asked_for(clock: Any) -> None:
    pledge = pledged()
    make.pay(
        instalments.begin_instalment_payment(
            pledge.parts[0], user=pledge.donor.user, language="en", amount=usd(10_000)
        )
    )
    assert go(clock, 3) == 1
    told = DBTaskResult.objects.get(
        args_kwargs__kwargs__template="pools_instalment_reminder"
    ).args_kwargs["kwargs"]["context"]
    assert (told["part_paid"], told["overdue"]) == (True, True)
    assert "200.00" in told["part"]
    assert timezone.localdate() > DUE
