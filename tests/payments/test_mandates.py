"""Charging a card while its owner is not there: instalments to which a donor agreed, by HTTP."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from funding.payments import care, customers, mandates, progress
from funding.payments.checkout import NoLongerWanted, begin_checkout
from funding.payments.models import Card, Channel, Mandate, Payment, Status
from funding.payments.stripe_client import client as stripe_client
from funding.pools import charging, instalments, pledges
from funding.pools.models import Pledge
from tests.factories import pools as make
from tests.payments.recurring_at_stripe import ALWAYS_ASKS, FAILS_LATER
from tests.payments.stripe_sandbox import GOOD, Sandbox

pytestmark = pytest.mark.django_db


def agreed(sandbox: Sandbox, card: str = GOOD, **changes: Any) -> Pledge:
    """A pledge whose first instalment was paid with a card that may be charged again."""
    pledge = make.confirmed_pledge(make.make_person(), **changes)
    assert isinstance(pledge.donor.user, User)
    payment = instalments.begin_instalment_payment(
        pledge.instalments.get(number=1),
        user=pledge.donor.user,
        language="en",
        charge_later=True,
    )
    address = begin_checkout(payment)
    sandbox.pay(address, card)
    if card == ALWAYS_ASKS:
        sandbox.answer_bank(address)
    sandbox.deliver(*sandbox.events(payment))
    payment.refresh_from_db()
    assert payment.is_paid
    return pledge


def on_day(days_before: int, pledge: Pledge) -> time_machine.travel:
    """So many days before the second instalment."""
    due = pledge.instalments.get(number=2).due_on - datetime.timedelta(days=days_before)
    noon = datetime.time(12, tzinfo=datetime.UTC)
    return time_machine.travel(datetime.datetime.combine(due, noon))


def letters(words: str) -> list[str]:
    return [str(message.body) for message in mail.outbox if words in str(message.body)]


def second(pledge: Pledge) -> Payment | None:
    instalment = pledge.instalments.get(number=2)
    return Payment.objects.filter(purpose="instalment", purpose_id=instalment.pk).first()


# --- Agreeing -------------------------------------------------------------------------------------


def test_ticked_the_card_is_kept_for_this_pledge(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    mandate = Mandate.objects.get()
    assert (mandate.purpose, mandate.purpose_id) == ("pledge", pledge.pk)
    assert mandate.card is not None
    assert mandate.card.last4 == "4242"
    assert mandate.customer.key == f"user:{pledge.donor.user_id}"
    customer = stripe_client().v1.customers.retrieve(mandate.customer.stripe_customer or "")
    assert customer.email == pledge.donor.email


def test_not_ticked_nothing_is_kept(sandbox: Sandbox) -> None:
    pledge = make.confirmed_pledge(make.make_person())
    _instalment, payment = make.begun_instalment(pledge)
    sandbox.pay_and_deliver(payment)
    assert payment.is_paid
    assert not Mandate.objects.exists()
    assert not Card.objects.exists()


@pytest.mark.parametrize("later", [True, False])
def test_the_last_answer_counts_although_a_page_was_open(sandbox: Sandbox, later: bool) -> None:
    """Ticked after the page was made, or no longer ticked: the old page is closed."""
    pledge = make.confirmed_pledge(make.make_person())
    instalment, user = pledge.instalments.get(number=1), pledge.donor.user
    addresses = []
    for answer in (not later, later):
        payment = instalments.begin_instalment_payment(
            instalment, user=user, language="en", charge_later=answer
        )
        addresses.append(begin_checkout(payment))
    assert addresses[0] != addresses[1]
    assert Payment.objects.count() == 1
    status, _ = sandbox.pay(addresses[0])
    assert status not in (200, 303) or not Payment.objects.filter(status=Status.SUCCEEDED).exists()
    sandbox.pay(addresses[1])
    sandbox.deliver(*sandbox.events(payment))
    payment.refresh_from_db()
    assert payment.is_paid
    assert (mandates.standing("pledge", pledge.pk) is not None) is later


def test_the_pledges_page_asks_and_the_answer_goes_along(sandbox: Sandbox, client: Client) -> None:
    user = make.make_person()
    pledge = make.confirmed_pledge(user)
    client.force_login(user)
    page = f"/account/giving/pledges/{pledge.reference}/"
    assert (
        "Charge this card when the next instalments fall due" in client.get(page).content.decode()
    )
    client.post(f"{page}instalments/1/pay/", {"by": "card", "charge_later": "yes"})
    payment = Payment.objects.get()
    assert payment.asks_for_card
    session = stripe_client().v1.checkout.sessions.retrieve(payment.stripe_session or "")
    assert session.customer
    assert session.payment_method_types == ["card"]


# --- Charging -------------------------------------------------------------------------------------


def test_a_week_before_it_is_announced_once_and_on_the_day_charged_once(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    with on_day(8, pledge):
        assert charging.announce_charges() == 0
    with on_day(7, pledge):
        assert (charging.announce_charges(), charging.announce_charges()) == (1, 0)
        assert charging.charge_due_instalments() == 0
        run_pending_jobs()
    (letter,) = letters("will be charged")
    assert "visa 4242" in letter
    with on_day(0, pledge):
        assert charging.charge_due_instalments() == 1
        charging.charge_due_instalments()
        run_pending_jobs()
        assert charging.charge_due_instalments() == 0
    payment = second(pledge)
    assert payment is not None
    assert payment.is_paid
    assert payment.entry is not None
    intents = stripe_client().v1.payment_intents.list({"limit": 100})
    ours = [
        intent
        for intent in intents.auto_paging_iter()
        if intent.metadata.to_dict().get("payment") == str(payment.public_id)
    ]
    assert len(ours) == 1
    assert pledge.instalments.get(number=2).received_amount == 50_000
    sandbox.deliver(*sandbox.events(payment))  # the webhooks come after all
    payment.refresh_from_db()
    assert payment.problem == ""


def test_without_the_announcement_nothing_is_charged(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    with on_day(0, pledge):
        assert charging.charge_due_instalments() == 0
        assert charging.announce_charges() == 1  # the job had not run for days
        assert charging.charge_due_instalments() == 0
    with on_day(-7, pledge):
        assert charging.charge_due_instalments() == 1


def test_killed_between_stripes_call_and_our_commit_it_is_charged_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    payment = second(pledge)
    assert payment is not None
    with monkeypatch.context() as patch:
        patch.setattr(
            mandates.progress, "apply", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            mandates.charge(payment.pk)
    mandates.charge(payment.pk)
    payment.refresh_from_db()
    assert (payment.is_paid, payment.attempt) == (True, 1)
    charges = stripe_client().v1.charges.list({"payment_intent": payment.stripe_intent or ""})
    assert len(charges.data) == 1


def declined(sandbox: Sandbox, card: str = FAILS_LATER) -> Payment:
    pledge = agreed(sandbox, card)
    with on_day(7, pledge):
        charging.announce_charges()
    payment = second(pledge)
    assert payment is not None
    mandates.charge(payment.pk)
    run_pending_jobs()
    payment.refresh_from_db()
    assert payment.status == Status.FAILED
    return payment


def test_declined_the_donor_learns_why_and_how_to_pay_and_it_is_not_tried_again(
    sandbox: Sandbox,
) -> None:
    payment = declined(sandbox)
    sandbox.deliver(*sandbox.events(payment))
    (letter,) = letters("could not charge")
    assert "The card was declined." in letter
    assert payment.get_absolute_url() in letter
    mandates.charge(payment.pk)
    assert charging.charge_due_instalments() == 0
    payment.refresh_from_db()
    assert payment.status == Status.FAILED


def test_a_card_that_was_taken_away_at_stripe_is_told_like_a_decline(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    stripe_client().v1.payment_methods.detach(Card.objects.get().stripe_payment_method)
    payment = second(pledge)
    assert payment is not None
    mandates.charge(payment.pk)
    run_pending_jobs()
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == (Status.FAILED, "no_card")
    assert len(letters("could not charge")) == 1


def test_after_a_decline_it_is_paid_by_hand(sandbox: Sandbox) -> None:
    payment = declined(sandbox)
    sandbox.pay_and_deliver(payment)
    assert payment.is_paid
    assert payment.problem == ""
    assert len(letters("could not charge")) == 1


def test_a_bank_that_wants_its_owner_there_has_a_sentence_of_its_own(sandbox: Sandbox) -> None:
    payment = declined(sandbox, ALWAYS_ASKS)
    assert payment.failure_code == "authentication_required"
    (letter,) = letters("could not charge")
    assert "wanted to confirm that it is you" in letter


def test_paid_by_hand_before_its_day_it_is_not_charged(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
        _instalment, payment = make.begun_instalment(pledge, 2)
        assert payment == second(pledge)
    sandbox.pay_and_deliver(payment)
    with on_day(0, pledge):
        assert charging.charge_due_instalments() == 0
    mandates.charge(payment.pk)
    payment.refresh_from_db()
    assert payment.problem == ""


def test_a_page_left_open_is_closed_before_the_charge(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    _instalment, payment = make.begun_instalment(pledge, 2)
    address = begin_checkout(payment)
    mandates.charge(payment.pk)
    payment.refresh_from_db()
    assert payment.is_paid
    sandbox.pay(address)
    sandbox.deliver(*sandbox.events(payment))
    payment.refresh_from_db()
    assert payment.problem == ""


# --- A part that came another way -----------------------------------------------------------------


def arrives(pledge: Pledge, amount: int) -> None:
    """A part of the second instalment comes by bank transfer."""
    with use_case():
        payment = Payment(
            purpose="instalment",
            purpose_id=pledge.instalments.get(number=2).pk,
            pool=pledge.pool,
            description="By transfer",
            amount=amount,
            currency=pledge.currency,
            channel=Channel.TRANSFER,
            status=Status.SUCCEEDED,
            payer_name="Ada Payer",
            payer_email="ada@example.org",
            succeeded_at=timezone.now(),
        )
        payment.save(force_insert=True)
        progress.record_arrival(payment)


def cards_of_second(pledge: Pledge) -> list[tuple[int, str]]:
    """What was asked by card for the second instalment, and how it stands."""
    instalment = pledge.instalments.get(number=2)
    found = Payment.objects.filter(
        purpose="instalment", purpose_id=instalment.pk, channel=Channel.CARD
    )
    return sorted(found.values_list("amount", "status"))


def test_a_part_came_by_transfer_the_rest_is_announced_anew_and_alone_charged(
    sandbox: Sandbox,
) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        assert charging.announce_charges() == 1
        run_pending_jobs()
    payment = second(pledge)
    assert payment is not None
    arrives(pledge, 20_000)
    with pytest.raises(NoLongerWanted, match="A part of this instalment"):
        begin_checkout(payment)
    with on_day(5, pledge):
        assert (charging.announce_charges(), charging.announce_charges()) == (1, 0)
        run_pending_jobs()
    assert "300.00" in letters("will be charged")[-1]
    with on_day(0, pledge):
        charging.charge_due_instalments()
        run_pending_jobs()
    assert cards_of_second(pledge) == [(30_000, "pending"), (50_000, "pending")]
    with on_day(-2, pledge):
        assert charging.announce_charges() == 0
        charging.charge_due_instalments()
        run_pending_jobs()
    assert cards_of_second(pledge) == [(30_000, "succeeded"), (50_000, "pending")]
    assert not pledge.instalments.get(number=2).outstanding.amount


def test_what_was_charged_and_refunded_is_not_announced_anew(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    payment = second(pledge)
    assert payment is not None
    mandates.charge(payment.pk)
    run_pending_jobs()
    payment.refresh_from_db()
    with use_case():
        instalments.take_back(progress.lock(payment.pk), 20_000)
    assert pledge.instalments.get(number=2).outstanding.amount == 20_000
    with on_day(0, pledge):
        assert charging.announce_charges() == 0


def test_the_charge_is_announced_to_the_donors_present_address(sandbox: Sandbox) -> None:
    person = make.make_person("old@example.org")
    with use_case():
        customers.customer_for(
            customers.key_of(person, ""), email="old@example.org", name="Ada Payer"
        )
    person.email = "new@example.org"
    person.save()
    pledge = make.confirmed_pledge(person)
    payment = instalments.begin_instalment_payment(
        pledge.instalments.get(number=1), user=person, language="en", charge_later=True
    )
    sandbox.pay_and_deliver(payment)
    before = len(mail.outbox)
    with on_day(7, pledge):
        assert charging.announce_charges() == 1
        run_pending_jobs()
    assert [message.to for message in mail.outbox[before:]] == [["new@example.org"]]


# --- Revoking -------------------------------------------------------------------------------------


def test_revoked_nothing_is_charged(sandbox: Sandbox, client: Client) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    assert pledge.donor.user is not None
    client.force_login(pledge.donor.user)
    page = f"/account/giving/pledges/{pledge.reference}/"
    assert "is charged when an instalment falls due" in client.get(page).content.decode()
    for _ in range(2):
        assert client.post(f"{page}revoke/").status_code == 303
    assert "is charged when" not in client.get(page).content.decode()
    payment = second(pledge)
    assert payment is not None
    mandates.charge(payment.pk)
    payment.refresh_from_db()
    assert payment.status == Status.PENDING


def test_withdrawing_the_pledge_revokes_it(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox, binding=False)
    pledges.withdraw_pledge(pledge, by=pledge.donor.user)
    assert Mandate.objects.get().revoked_at is not None


def test_a_card_about_to_expire_is_told_for_a_pledge_too(sandbox: Sandbox) -> None:
    pledge = agreed(sandbox)
    Card.objects.update(expires=timezone.localdate().replace(day=1))
    assert care.warn_of_expiring_cards() == 1
    run_pending_jobs()
    (letter,) = letters("can be used until the end of")
    assert str(pledge.reference) in letter
