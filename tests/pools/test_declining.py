"""Declining a gift: before it is paid and after, what goes back, and that it counts nowhere."""

import datetime
import uuid
from typing import Any

import pytest
from django.core import mail
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.money import Money
from core.transactions import use_case
from funding.ledger import queries as ledger
from funding.payments import payouts, progress
from funding.payments.banking.receiving import receive
from funding.payments.models import ExpectedPayment, Payment, Payout
from funding.payments.outcomes import Settlement, outcome_of
from funding.pools import declining, gifts, queries, recurring, refusals, year_statements
from funding.pools.models import Gift
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account, make_staff
from tests.factories.payments import settlement, state

pytestmark = pytest.mark.django_db


def decline(gift: Gift, **changes: Any) -> Gift:
    by = changes.pop("by", None) or make_staff()
    return declining.decline_gift(gift, by=by, reason=changes.pop("reason", "On a list."))


def promised(**changes: Any) -> tuple[Gift, ExpectedPayment]:
    make_account("USD")
    values: dict[str, Any] = {
        "profile": make.open_pool(),
        "amount": Money(5_000, "USD"),
        "channel": None,
        "language": "en",
        "form_token": uuid.uuid4(),
    }
    expected = gifts.promise_gift(make.a_giver(), **{**values, **changes})
    return Gift.objects.get(pk=expected.purpose_id), expected


def arrives(expected: ExpectedPayment, amount: int = 5_000) -> Payment:
    by = make_staff()
    with use_case():
        return receive(
            expected,
            amount=Money(amount, "USD"),
            paid_at=datetime.datetime.now(datetime.UTC),
            settlement=Settlement(
                gross=amount,
                fee=0,
                currency="USD",
                date=datetime.date.today(),
                own_key=f"test:{uuid.uuid4()}",
                place="bank",
                prepared_by=f"user:{by.pk}",
            ),
            by=by,
        )


# --- Before it is paid ----------------------------------------------------------------------------


def test_a_gift_declined_before_it_is_paid_cannot_be_paid_any_more() -> None:
    gift, payment = make.begun_gift()
    assert outcome_of("gift").why_not_payable(payment) == ""
    staff = make_staff()
    declined = decline(gift, by=staff, reason="  On a list. ")
    assert declined.declined_at is not None
    assert (declined.declined_by, declined.decline_reason) == (staff, "On a list.")
    assert outcome_of("gift").why_not_payable(payment) == str(refusals.GiftDeclined())
    run_pending_jobs()
    assert not Payout.objects.exists()


def test_a_promised_transfer_is_expected_no_more() -> None:
    gift, expected = promised()
    decline(gift)
    expected.refresh_from_db()
    assert expected.withdrawn_at is not None


def test_the_donor_is_told_once_and_not_the_reason() -> None:
    gift, _payment = make.begun_gift()
    decline(gift)
    decline(gift)
    run_pending_jobs()
    (message,) = [each for each in mail.outbox if "cannot be accepted" in each.subject]
    assert message.to == ["grace@example.org"]
    assert "Do not send any money for it." in message.body
    assert "On a list." not in message.body


def test_a_donor_without_an_address_is_told_nothing() -> None:
    gift, _payment = make.begun_gift()
    gift.donor.email = ""
    gift.donor.save()
    decline(gift)
    run_pending_jobs()
    assert not [each for each in mail.outbox if "cannot be accepted" in each.subject]


# --- After it was paid ----------------------------------------------------------------------------


def test_a_gift_that_came_by_card_is_asked_back_whole_and_two_others_decide() -> None:
    gift, staff = make.received_gift(), make_staff()
    decline(gift, by=staff)
    run_pending_jobs()
    payout = Payout.objects.get()
    assert (payout.money, payout.place, payout.status) == (
        Money(5_000, "USD"),
        Payout.Place.CLEARING,
        Payout.Status.REQUESTED,
    )
    assert payout.requested_by == staff
    assert "On a list." in payout.reason
    with pytest.raises(payouts.refusals.OwnRequest):
        payouts.decide(payout, by=staff, approved=True)
    assert declining.still_here() == []
    (message,) = [each for each in mail.outbox if "cannot be accepted" in each.subject]
    assert "We give the whole amount back" in message.body


def test_declining_twice_is_once() -> None:
    gift = make.received_gift()
    first = decline(gift)
    again = decline(gift, reason="Another reason.")
    assert (again.declined_at, again.decline_reason) == (first.declined_at, "On a list.")
    run_pending_jobs()
    declining.return_declined()
    assert Payout.objects.count() == 1
    assert ModelLogEntry.objects.filter(action="pools.decline_gift").count() == 1


def test_a_part_that_went_back_before_is_not_asked_back_again() -> None:
    gift = make.received_gift()
    payment = declining.payments_of(gift).get()
    payment.refunds.create(
        amount=2_000,
        currency="USD",
        status="succeeded",
        stripe_refund="re_1",
        created_at=payment.succeeded_at,
    )
    decline(gift)
    run_pending_jobs()
    assert Payout.objects.get().amount == 3_000


def test_money_that_comes_for_a_declined_gift_goes_back_too() -> None:
    gift, payment = make.begun_gift()
    decline(gift)
    run_pending_jobs()
    make.pay(payment)
    gift.refresh_from_db()
    assert gift.received_at is not None
    run_pending_jobs()
    assert Payout.objects.get().payment == payment


def test_what_the_processor_has_not_settled_waits_and_is_asked_back_later() -> None:
    gift, payment = make.begun_gift()
    with use_case():
        progress.apply(payment.pk, state(payment, "paid"))
    decline(gift)
    with pytest.raises(payouts.refusals.NotInTheBooks):
        declining.ask_back_or_wait(gift.pk)
    assert declining.still_here() == [gift]
    with use_case():
        progress.settle(payment.pk, settlement(payment))
    declining.ask_back_or_wait(gift.pk)
    assert Payout.objects.count() == 1
    assert declining.still_here() == []


def test_a_transfer_from_an_account_nobody_knows_waits_for_staff() -> None:
    gift, expected = promised()
    arrives(expected)
    decline(gift)
    run_pending_jobs()
    assert not Payout.objects.exists()
    assert declining.still_here() == [gift]
    payment = declining.payments_of(gift).get()
    payouts.request_payout(
        purpose="refund",
        purpose_id=payment.pk,
        pool=payment.pool,
        payment=payment,
        amount=payment.money,
        place=Payout.Place.BANK,
        beneficiary="Grace Giver",
        beneficiary_account="DE89 3704 0044 0532 0130 00",
        reason="Declined.",
        by=make_staff(),
    )
    assert declining.still_here() == []


def test_a_refund_that_others_rejected_stays_in_the_list_and_is_not_asked_for_again() -> None:
    gift = make.received_gift()
    decline(gift)
    run_pending_jobs()
    payouts.decide(Payout.objects.get(), by=make_staff(), approved=False, note="Why?")
    assert declining.still_here() == [gift]
    declining.return_declined()
    assert Payout.objects.count() == 1


def test_a_declined_gift_is_shown_to_nobody_and_counts_as_received_until_it_is_given_back() -> None:
    profile, user = make.open_pool(), make.make_person()
    gift = make.received_gift(profile, make.a_giver(user, public_name="Grace"))
    decline(gift)
    giving = queries.giving_of(user)
    assert year_statements.received(year_statements.statements_of(user)) == [Money(5_000, "USD")]
    assert giving.gifts[0].declined
    assert not giving.gifts[0].can_be_paid
    assert queries.recent_gifts(profile.pool) == []
    assert ledger.figures(profile.pool, "USD")["received"] == 5_000
    payment = declining.payments_of(gift).get()
    payment.refunds.create(
        amount=5_000, currency="USD", status="succeeded", created_at=payment.succeeded_at
    )
    assert year_statements.received(year_statements.statements_of(user)) == []


def test_one_gift_of_a_recurring_one_is_declined_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    recurring.begin_recurring_gift(
        make.a_giver(),
        profile=make.open_pool(),
        amount=Money(2_500, "USD"),
        interval="month",
        language="en",
        form_token=uuid.uuid4(),
    )
    wish = recurring.RecurringGift.objects.get()
    _other, payment = make.begun_gift()
    make.pay(payment)
    gift = Gift.objects.create(
        donor=wish.donor,
        pool=wish.pool,
        amount=payment.amount,
        currency="USD",
        anonymous=True,
        language="en",
        form_token=uuid.uuid4(),
        recurring=wish,
        recurring_payment=payment,
        received_at=payment.succeeded_at,
    )
    decline(gift)
    run_pending_jobs()
    assert Payout.objects.get().payment == payment
    wish.refresh_from_db()
    assert wish.ended_at is None


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "reason", "refusal"),
    [
        (groups.AUDITORS, "On a list.", refusals.NotPermitted),
        (groups.TREASURERS, " ", refusals.WhyMissing),
    ],
)
def test_nothing_is_declined_without_the_right_or_without_a_reason(
    group: str, reason: str, refusal: type[Exception]
) -> None:
    gift = make.received_gift()
    with pytest.raises(refusal):
        decline(gift, by=make_staff(group), reason=reason)
    gift.refresh_from_db()
    assert gift.declined_at is None


def test_nobody_declines_their_own_gift() -> None:
    staff = make_staff()
    gift = make.received_gift(giver=make.a_giver(staff))
    with pytest.raises(refusals.OwnGiving):
        decline(gift, by=staff)


def test_a_gift_that_was_not_declined_is_never_asked_back() -> None:
    with pytest.raises(ValueError, match="not declined"):
        declining.ask_back(make.received_gift())
