"""Giving once: what is written, what is refused, and when a gift counts."""

import datetime
import threading
import uuid
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from core.money import Money
from core.transactions import use_case
from funding.ledger import queries as ledger
from funding.ledger.models import Entry
from funding.payments import progress
from funding.payments.models import Payment
from funding.payments.outcomes import outcome_of
from funding.pools import gifts, queries, refusals
from funding.pools.models import Donor, Gift, PoolProfile
from tests.factories import pools as make
from tests.factories.payments import state


def begin(profile: PoolProfile, amount: int | Money = 5_000, **changes: Any) -> Payment:
    values: dict[str, Any] = {
        "profile": profile,
        "amount": Money(amount, profile.currency) if isinstance(amount, int) else amount,
        "language": "en",
        "form_token": uuid.uuid4(),
    }
    return gifts.begin_gift(make.a_giver(), **{**values, **changes})


@pytest.mark.django_db
def test_a_gift_begun_has_a_payment_and_counts_for_nothing_yet() -> None:
    profile = make.open_pool()
    payment = begin(profile)
    gift = Gift.objects.get()
    assert (payment.purpose, payment.purpose_id) == ("gift", gift.pk)
    assert payment.money == gift.money == Money(5_000, "USD")
    assert gift.received_at is None
    assert ledger.figures(profile.pool, "USD")["received"] == 0


@pytest.mark.django_db
def test_a_paid_gift_is_received_and_booked_once_with_its_fee() -> None:
    profile = make.open_pool()
    gift, payment = make.begun_gift(profile)
    for _ in range(2):
        make.pay(payment, fee=175)
    gift.refresh_from_db()
    assert gift.received_at == payment.succeeded_at is not None
    figures = ledger.figures(profile.pool, "USD")
    assert (figures["received"], figures["fees"]) == (5_000, 175)
    assert ledger.balances(profile.pool, "USD")["contributions"] == -5_000


@pytest.mark.django_db
def test_the_ledger_names_the_gift_by_an_opaque_reference_alone() -> None:
    gift, payment = make.begun_gift(giver=make.a_giver(public_name="Grace"))
    make.pay(payment)
    entry = Entry.objects.get(payment=payment)
    assert entry.source == f"gift:{gift.reference}"
    written = f"{entry.memo} {entry.source} {entry.idempotency_key}"
    assert "Grace" not in written
    assert "@" not in written
    assert str(payment.public_id) not in written


@pytest.mark.django_db
def test_a_declined_card_leaves_nothing_received_and_a_later_success_counts() -> None:
    profile = make.open_pool()
    gift, payment = make.begun_gift(profile)
    with use_case():
        progress.apply(
            payment.pk,
            state(payment, "failed", failure=("card_declined", "Your card was declined.")),
        )
    gift.refresh_from_db()
    assert gift.received_at is None
    assert ledger.figures(profile.pool, "USD")["received"] == 0
    make.pay(payment)
    gift.refresh_from_db()
    assert gift.received_at is not None


@pytest.mark.django_db
def test_the_same_form_sent_twice_is_one_gift() -> None:
    profile = make.open_pool()
    token = uuid.uuid4()
    first = begin(profile, form_token=token)
    again = begin(profile, form_token=token)
    assert again == first
    assert Gift.objects.count() == Payment.objects.count() == Donor.objects.count() == 1


@pytest.mark.django_db
def test_going_back_and_changing_the_amount_is_another_gift() -> None:
    profile = make.open_pool()
    token = uuid.uuid4()
    first = begin(profile, 5_000, form_token=token)
    changed = begin(profile, 10_000, form_token=token)
    assert changed != first
    assert changed.amount == 10_000


def test_the_same_form_sent_twice_at_once_is_one_gift(committed_db: object) -> None:
    profile = make.open_pool()
    token = uuid.uuid4()
    start = threading.Barrier(4, timeout=60)
    found: list[int] = []
    problems: list[BaseException] = []

    def send() -> None:
        try:
            start.wait(10)
            found.append(begin(profile, form_token=token).pk)
        except BaseException as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    assert len(set(found)) == 1
    assert len(found) == 4
    assert Gift.objects.count() == Payment.objects.count() == Donor.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "refusal", "words"),
    [
        (Money(499, "USD"), refusals.AmountTooSmall, "$5.00"),
        (Money(100_001, "USD"), refusals.AmountTooLarge, "$1,000.00"),
        (Money(5_000, "EUR"), refusals.WrongCurrency, "USD"),
    ],
)
@pytest.mark.django_db
def test_an_amount_the_pool_cannot_take_is_refused_and_nothing_is_written(
    amount: Money, refusal: type[refusals.GivingRefusal], words: str
) -> None:
    profile = make.open_pool(maximum_gift=100_000)
    with pytest.raises(refusal) as caught:
        begin(profile, amount)
    assert words in str(caught.value)
    assert not Gift.objects.exists()
    assert not Donor.objects.exists()


@pytest.mark.parametrize("amount", [500, 100_000])
@pytest.mark.django_db
def test_the_limits_themselves_are_taken(amount: int) -> None:
    assert begin(make.open_pool(maximum_gift=100_000), amount).amount == amount


@pytest.mark.parametrize(
    ("today", "open_then"),
    [("2026-02-28", False), ("2026-03-01", True), ("2026-06-30", True), ("2026-07-01", False)],
)
@pytest.mark.django_db
def test_a_pool_is_open_from_its_first_day_to_its_last(today: str, open_then: bool) -> None:
    profile = make.open_pool(
        opens_on=datetime.date(2026, 3, 1), closes_on=datetime.date(2026, 6, 30)
    )
    with time_machine.travel(f"{today} 12:00Z", tick=False):
        assert profile.is_open(timezone.localdate()) is open_then
        if open_then:
            begin(profile)
        else:
            closed = refusals.PoolNotYetOpen if today < "2026-03" else refusals.PoolClosed
            with pytest.raises(closed):
                begin(profile)


@pytest.mark.django_db
def test_a_paused_pool_refuses_gifts() -> None:
    with pytest.raises(refusals.PoolPaused):
        begin(make.open_pool(paused=True))


@pytest.mark.django_db
def test_the_database_refuses_a_gift_in_another_currency_than_its_pools() -> None:
    gift, _payment = make.begun_gift()
    with pytest.raises(IntegrityError, match="gift_in_currency_of_its_pool"), transaction.atomic():
        Gift.objects.filter(pk=gift.pk).update(currency="EUR")


@pytest.mark.django_db
def test_the_database_refuses_a_gift_of_nothing() -> None:
    gift, _payment = make.begun_gift()
    with pytest.raises(IntegrityError, match="gift_above_zero"), transaction.atomic():
        Gift.objects.filter(pk=gift.pk).update(amount=0)


def _delete_past_the_model(donor_id: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM pools_donor WHERE id = %s", [donor_id])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_a_donor_with_gifts_cannot_be_deleted() -> None:
    gift, _payment = make.begun_gift()
    with pytest.raises(ProtectedError):
        gift.donor.delete()
    with pytest.raises(IntegrityError):
        _delete_past_the_model(gift.donor_id)


@pytest.mark.django_db
def test_what_a_donor_calls_themselves_later_renames_no_earlier_gift() -> None:
    profile, alice = make.open_pool(), make.make_person()
    gift, payment = make.begun_gift(profile, make.a_giver(alice, public_name="A quiet friend"))
    make.pay(payment)
    make.begun_gift(profile, make.a_giver(alice, public_name="Jane Realname"))

    assert [shown.name for shown in queries.recent_gifts(profile.pool)] == ["A quiet friend"]
    gift.refresh_from_db()
    assert gift.donor.public_name == "Jane Realname"


@pytest.mark.django_db
def test_a_gift_begun_before_its_pool_closed_is_no_longer_taken() -> None:
    profile = make.open_pool()
    _gift, payment = make.begun_gift(profile)
    assert outcome_of("gift").why_not_payable(payment) == ""
    PoolProfile.objects.update(closes_on=timezone.localdate() - datetime.timedelta(days=1))
    assert outcome_of("gift").why_not_payable(payment)
