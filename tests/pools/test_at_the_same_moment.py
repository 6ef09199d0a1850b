"""The same form sent by several tabs at the same moment is one act."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from core.money import Money
from funding.payments.models import ExpectedPayment, Mandate, Payment, Subscription
from funding.pools import gifts, instalments, recurring
from funding.pools.models import Gift, RecurringGift
from tests.factories import pools as make
from tests.factories.banking import make_account


def at_once(act: Callable[[], Any], times: int = 3) -> list[Any]:
    """What several threads got that all began at the same moment."""
    barrier = threading.Barrier(times, timeout=60)
    found: list[Any] = []

    def one() -> None:
        barrier.wait()
        try:
            found.append(act().pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == times
    return found


@pytest.mark.parametrize("way", ["card", "standing order", "transfer"])
def test_a_form_sent_at_the_same_moment_is_one_act(committed_db: Any, way: str) -> None:
    make_account("USD")
    profile, token = make.open_pool(), uuid.uuid4()
    act: dict[str, Any] = {
        "profile": profile,
        "amount": Money(2_500, "USD"),
        "language": "en",
        "form_token": token,
    }
    verbs: dict[str, Callable[[], Any]] = {
        "card": lambda: recurring.begin_recurring_gift(make.a_giver(), interval="month", **act),
        "standing order": lambda: recurring.begin_standing_order(
            make.a_giver(), interval="month", **act
        ),
        "transfer": lambda: gifts.promise_gift(make.a_giver(), channel=None, **act),
    }
    assert len(set(at_once(verbs[way]))) == 1
    assert Subscription.objects.count() + ExpectedPayment.objects.count() == 1
    assert Gift.objects.count() + RecurringGift.objects.count() == 1


def test_two_tabs_at_one_instalment_share_payment_consent_and_transfer(committed_db: Any) -> None:
    make_account("USD")
    pledge = make.confirmed_pledge(make.make_person())
    instalment, user = pledge.instalments.get(number=1), pledge.donor.user
    at_once(
        lambda: instalments.begin_instalment_payment(
            instalment, user=user, language="en", charge_later=True
        )
    )
    at_once(lambda: instalments.expect_instalment(instalment, user=user, language="en"))
    assert (Payment.objects.count(), Mandate.objects.count()) == (1, 1)
    assert ExpectedPayment.objects.count() == 1
