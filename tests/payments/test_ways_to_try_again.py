"""Ways back to the checkout page after something went wrong, and none that takes money twice."""

from typing import Any

import pytest

from core.transactions import use_case
from funding.payments import checkout, mandates, problems, progress
from funding.payments.checkout import BeingConfirmed, begin_checkout
from funding.payments.models import Payment, Status
from funding.payments.stripe_client import client
from funding.pools import charging, instalments
from membership import terms
from tests.factories import pools as make
from tests.factories.membership import admitted_term, dues_payment
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import make_payment, state
from tests.payments.aftermath import news
from tests.payments.recurring_at_stripe import make_subscription
from tests.payments.stripe_sandbox import Sandbox
from tests.payments.test_mandates import agreed, on_day, second

pytestmark = pytest.mark.django_db

GOOD_DEBIT = {"method": "us_bank_account", "routing": "110000000", "account": "000123456789"}


def under_way_by_debit(sandbox: Sandbox, payment: Payment) -> None:
    sandbox.pay(begin_checkout(payment), "", **GOOD_DEBIT)
    sandbox.deliver(*sandbox.events(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.channel) == (Status.PROCESSING, "bank_debit")


def test_after_a_bank_debit_failed_the_payer_can_pay_again(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    first = begin_checkout(payment)
    own_sandbox.pay(first, "", **GOOD_DEBIT)
    news(own_sandbox)
    (intent,) = client().v1.payment_intents.list({"limit": 5}).data
    own_sandbox.control("finish_debit", charge=str(intent.latest_charge), failed=True)
    news(own_sandbox)
    payment.refresh_from_db()
    assert payment.status == Status.FAILED
    address = begin_checkout(payment)
    assert address != first
    own_sandbox.pay(address)
    news(own_sandbox)
    payment.refresh_from_db()
    assert payment.is_paid


def test_a_page_paid_in_another_tab_while_it_is_closed_is_being_confirmed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pledge = make.confirmed_pledge(make.make_person())
    instalment, user = pledge.instalments.get(number=1), pledge.donor.user
    payment = instalments.begin_instalment_payment(instalment, user=user, language="en")
    address = begin_checkout(payment)
    # Ticked now: the page that does not ask for the card is closed.
    payment = instalments.begin_instalment_payment(
        instalment, user=user, language="en", charge_later=True
    )
    real = checkout._expire

    def expire(row: Any, session: Any) -> None:
        sandbox.pay(address)
        real(row, session)

    monkeypatch.setattr(checkout, "_expire", expire)
    with pytest.raises(BeingConfirmed):
        begin_checkout(payment)


def test_a_saved_fault_of_stripe_does_not_keep_a_payer_out_for_a_day(sandbox: Sandbox) -> None:
    subscription = make_subscription()
    sandbox.control("api_fault", calls="POST /v1/customers", answer="500", count=1)
    try:
        begin_checkout(subscription)
    except checkout.CheckoutUnavailable:
        pass
    finally:
        sandbox.control("end_faults")
    assert begin_checkout(subscription).startswith("http")


# --- A debit under way ----------------------------------------------------------------------------


def test_an_instalment_whose_debit_is_under_way_is_not_paid_again(sandbox: Sandbox) -> None:
    pledge = make.confirmed_pledge(make.make_person())
    instalment, user = pledge.instalments.get(number=1), pledge.donor.user
    payment = instalments.begin_instalment_payment(instalment, user=user, language="en")
    under_way_by_debit(sandbox, payment)
    again = instalments.begin_instalment_payment(instalment, user=user, language="en")
    assert again == payment
    with pytest.raises(BeingConfirmed):
        begin_checkout(again)


def test_dues_whose_debit_is_under_way_are_not_paid_again(sandbox: Sandbox) -> None:
    begin_foundation()
    term = admitted_term()
    payment = dues_payment(term)
    under_way_by_debit(sandbox, payment)
    assert dues_payment(term) == payment


def test_a_problem_of_dues_stands_beside_what_stood_there(sandbox: Sandbox) -> None:
    begin_foundation()
    term = admitted_term()
    payment = dues_payment(term)
    with use_case():
        problems.add(progress.lock(payment.pk), "Stripe took another amount.")
        terms.settle(term, on=term.starts_on, by=None)
    with use_case():
        progress.apply(payment.pk, state(payment))
    payment.refresh_from_db()
    assert len(payment.problem.splitlines()) == 2
    assert "Stripe took another amount." in payment.problem


# --- A charge without the payer whose answer never came -------------------------------------------


def charged_without_answer(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Payment:
    """Stripe charged the card; we died before we could write it down, and no event came yet."""
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    payment = second(pledge)
    assert payment is not None

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(mandates.progress, "apply", die)
        with pytest.raises(KeyboardInterrupt):
            mandates.charge(payment.pk)
    payment.refresh_from_db()
    assert payment.status == Status.PENDING
    return payment


def charges_of(payment: Payment) -> int:
    listed = client().v1.payment_intents.list({"limit": 100}).auto_paging_iter()
    return sum(
        intent.status == "succeeded"
        and intent.metadata.to_dict().get("payment") == str(payment.public_id)
        for intent in listed
    )


def test_the_donor_who_clicks_after_it_is_told_and_not_charged_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = charged_without_answer(sandbox, monkeypatch)
    with pytest.raises(BeingConfirmed):
        begin_checkout(payment)
    payment.refresh_from_db()
    assert payment.is_paid
    mandates.charge(payment.pk)
    assert charges_of(payment) == 1
    assert payment.problem == ""


def test_a_page_that_was_opened_all_the_same_leads_to_no_second_charge(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = charged_without_answer(sandbox, monkeypatch)
    with monkeypatch.context() as blind:
        blind.setattr(mandates, "find_charge", lambda _: None)
        begin_checkout(payment)
    mandates.charge(payment.pk)  # the job comes again
    payment.refresh_from_db()
    assert payment.is_paid
    assert charges_of(payment) == 1
    assert payment.problem == ""
