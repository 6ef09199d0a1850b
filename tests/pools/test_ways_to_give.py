"""The gift form: how often and how to pay; instalments by transfer and by a card agreed to."""

import datetime
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from funding.payments.models import (
    BankAccount,
    ExpectedPayment,
    ManualChannel,
    Payment,
    Subscription,
)
from funding.pools import instalments, pledges
from funding.pools.models import Gift, PoolProfile, RecurringGift
from funding.pools.refusals import InstalmentReceived
from tests.factories import pools as make
from tests.factories.banking import make_account
from tests.payments.stripe_sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile() -> PoolProfile:
    return make.open_pool()


@pytest.fixture
def channel() -> ManualChannel:
    return ManualChannel.objects.create(
        name="M-Pesa", kind="mobile_money", currency="USD", instructions="Dial.", evidence_hint="id"
    )


def answers(**changes: Any) -> dict[str, Any]:
    values = {
        "form_token": str(uuid.uuid4()),
        "amount": "2500",
        "own_amount": "",
        "how_often": "once",
        "how_to_pay": "card",
        "name": "Grace Giver",
        "email": "grace@example.org",
        "naming": "anonymous",
    }
    return {**values, **changes}


def address(profile: PoolProfile) -> str:
    return f"/give/{profile.code}/"


def test_only_ways_that_exist_in_the_currency_are_offered(
    client: Client, profile: PoolProfile, channel: ManualChannel
) -> None:
    ManualChannel.objects.create(
        name="Orange", kind="mobile_money", currency="XOF", instructions="-", evidence_hint="-"
    )
    ManualChannel.objects.create(
        name="Closed",
        kind="cheque",
        currency="USD",
        instructions="-",
        evidence_hint="-",
        is_open=False,
    )
    page = client.get(address(profile)).content.decode()
    assert "M-Pesa" in page
    assert "By bank transfer" not in page
    assert "Orange" not in page
    assert "Closed" not in page
    make_account("USD")
    assert "By bank transfer" in client.get(address(profile)).content.decode()


def test_where_there_is_one_way_nobody_is_asked(client: Client, profile: PoolProfile) -> None:
    page = client.get(address(profile)).content.decode()
    assert "How to pay" not in page
    assert "How often" in page


def test_once_by_transfer_leads_to_how_to_pay_and_counts_nothing(
    client: Client, profile: PoolProfile
) -> None:
    make_account("USD")
    typed = answers(how_to_pay="transfer")
    first = client.post(address(profile), typed)
    second = client.post(address(profile), typed)
    expected = ExpectedPayment.objects.get()
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"] == expected.get_absolute_url()
    assert Gift.objects.get().received_at is None
    assert (expected.amount, expected.channel, expected.repeats) == (2_500, None, "")
    assert client.get(first["Location"]).status_code == 200
    assert not Payment.objects.exists()


def test_once_by_a_channel_names_that_channel(
    client: Client, profile: PoolProfile, channel: ManualChannel
) -> None:
    client.post(address(profile), answers(how_to_pay=f"channel-{channel.pk}"))
    assert ExpectedPayment.objects.get().channel == channel


def test_again_and_again_by_card_leads_to_the_checkout_page(
    client: Client, profile: PoolProfile, sandbox: Sandbox
) -> None:
    typed = answers(how_often="quarter")
    first, second = (client.post(address(profile), typed) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert first["Location"].startswith(f"{sandbox.url}/c/pay/")
    assert Subscription.objects.get().interval == "quarter"


def test_again_and_again_by_transfer_is_a_standing_order(
    client: Client, profile: PoolProfile
) -> None:
    make_account("USD")
    client.post(address(profile), answers(how_often="month", how_to_pay="transfer"))
    assert ExpectedPayment.objects.get().repeats == "month"
    assert RecurringGift.objects.count() == 1


def test_again_and_again_by_a_channel_is_refused_with_what_to_choose(
    client: Client, profile: PoolProfile, channel: ManualChannel
) -> None:
    typed = answers(how_often="month", how_to_pay=f"channel-{channel.pk}", name="Grace O’Giver")
    page = client.post(address(profile), typed).content.decode()
    assert "cannot be used for a gift that repeats" in page
    assert "Grace O’Giver" in page
    assert not RecurringGift.objects.exists()
    assert not ExpectedPayment.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"how_to_pay": "transfer"}, {"how_to_pay": "channel-99"}, {"how_often": "hourly"}]
)
def test_what_is_not_offered_is_refused(
    client: Client, profile: PoolProfile, changes: dict[str, str]
) -> None:
    answer = client.post(address(profile), answers(**changes))
    assert answer.status_code == 200
    assert not Gift.objects.exists()
    assert not RecurringGift.objects.exists()


def test_an_account_closed_while_the_form_was_open_is_said(
    client: Client, profile: PoolProfile
) -> None:
    make_account("USD")
    client.get(address(profile))
    BankAccount.objects.update(closed_on=timezone.localdate())
    page = client.post(address(profile), answers(how_to_pay="transfer")).content.decode()
    assert "not offered" in page


# --- Instalments ----------------------------------------------------------------------------------


def test_an_instalment_by_transfer_is_expected_once(client: Client) -> None:
    make_account("USD")
    user = make.make_person()
    pledge = make.confirmed_pledge(user)
    client.force_login(user)
    page = f"/account/giving/pledges/{pledge.reference}/"
    for _ in range(2):
        answer = client.post(f"{page}instalments/1/pay/", {"by": "transfer"})
        expected = ExpectedPayment.objects.get()
        assert answer["Location"].endswith(f"/{expected.public_id}/")
    assert expected.amount == 50_000
    assert expected.reference in client.get(page).content.decode()


def test_a_transfer_of_another_persons_pledge_is_not_found(client: Client) -> None:
    make_account("USD")
    pledge = make.confirmed_pledge(make.make_person())
    client.force_login(make.make_person())
    for what in ("instalments/1/pay/", "revoke/"):
        address = f"/account/giving/pledges/{pledge.reference}/{what}"
        assert client.post(address, {"by": "transfer"}).status_code == 404


def test_without_a_bank_account_the_refusal_says_what_to_do(client: Client) -> None:
    user = make.make_person()
    pledge = make.confirmed_pledge(user)
    client.force_login(user)
    page = f"/account/giving/pledges/{pledge.reference}/"
    answer = client.post(f"{page}instalments/1/pay/", {"by": "transfer"}, follow=True)
    assert "We have no bank account in USD" in answer.content.decode()
    assert "By bank transfer" not in answer.content.decode()


def test_an_instalment_paid_by_card_is_no_longer_expected_by_transfer() -> None:
    make_account("USD")
    pledge = make.confirmed_pledge(make.make_person())
    instalment = pledge.instalments.get(number=1)
    instalments.expect_instalment(instalment, user=pledge.donor.user, language="en")
    make.received_instalment(pledge)
    assert ExpectedPayment.objects.get().withdrawn_at is not None
    with pytest.raises(InstalmentReceived):
        instalments.expect_instalment(instalment, user=pledge.donor.user, language="en")


def test_withdrawing_a_pledge_withdraws_what_is_expected_for_it() -> None:
    make_account("USD")
    pledge = make.confirmed_pledge(make.make_person(), binding=False)
    for number in (1, 2):
        instalments.expect_instalment(
            pledge.instalments.get(number=number), user=pledge.donor.user, language="en"
        )
    pledges.withdraw_pledge(pledge, by=pledge.donor.user)
    assert not ExpectedPayment.objects.filter(withdrawn_at=None).exists()


def test_a_transfer_asked_for_an_overdue_instalment_is_due_today() -> None:
    make_account("USD")
    pledge = make.confirmed_pledge(make.make_person())
    pledge.instalments.filter(number=1).update(
        due_on=timezone.localdate() - datetime.timedelta(days=5)
    )
    expected = instalments.expect_instalment(
        pledge.instalments.get(number=1), user=pledge.donor.user, language="en"
    )
    assert expected.due_on == timezone.localdate()
