"""Bank debits: chosen on the hosted page, answered by the bank after a while."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.running import Running, heading, wait_for

SEPA, SEPA_FAILS = "DE89 3704 0044 0532 0130 00", "DE62370400440532013001"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Running]:
    """A sandbox whose banks answer only when they are told to, so that a test sees both states."""
    running = Running(tmp_path / "state.sqlite3", "", "--settle-after=0", "--debit-after=600")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A sandbox whose banks answer at once, each as its test account says."""
    state = tmp_path_factory.mktemp("debits") / "state.sqlite3"
    running = Running(state, "", "--settle-after=0", "--debit-after=0")
    yield running
    running.stop()


def debit_session(sandbox: Running, kind: str = "sepa_debit", **more: Any) -> Any:
    currency = {"sepa_debit": "eur", "us_bank_account": "usd", "bacs_debit": "gbp"}[kind]
    return sandbox.session(currency=currency, payment_method_types=["card", kind], **more)


def debit(sandbox: Running, session: Any, **typed: str) -> Any:
    typed = {"method": session.payment_method_types[-1]} | typed
    response, page = sandbox.pay(session, number="", expiry="", cvc="", **typed)
    assert response.status == 303, page
    return read(sandbox, session)


def read(sandbox: Running, session: Any) -> Any:
    return sandbox.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )


def answered(sandbox: Running, session: Any) -> Any:
    """The session once the bank has said something."""
    wait_for(lambda: read(sandbox, session).payment_intent.status != "processing")
    return read(sandbox, session)


def test_a_debit_is_on_its_way_and_then_succeeds(slow: Running) -> None:
    session = debit_session(slow, payment_intent_data={"metadata": {"payment": "7"}})

    sent = debit(slow, session, iban=SEPA)

    assert (sent.status, sent.payment_status) == ("complete", "unpaid")
    intent = sent.payment_intent
    assert (intent.status, intent.latest_charge.status) == ("processing", "pending")
    assert (intent.latest_charge.paid, intent.latest_charge.balance_transaction) == (False, None)
    assert slow.event_types() == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
    ]
    _, page = slow.request("GET", f"/c/pay/{session.id}")
    assert heading(page) == "Your bank has been asked"

    slow.control("finish_debit", charge=intent.latest_charge.id)

    done = read(slow, session)
    charge = done.payment_intent.latest_charge
    assert (done.payment_status, done.payment_intent.status) == ("paid", "succeeded")
    assert charge.id == intent.latest_charge.id
    assert (charge.status, charge.paid, charge.metadata["payment"]) == ("succeeded", True, "7")
    assert charge.payment_method_details.sepa_debit.last4 == "3000"
    transaction = charge.balance_transaction
    assert (transaction.type, transaction.reporting_category) == ("payment", "charge")
    assert slow.event_types()[4:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_a_debit_that_fails_leaves_the_session_complete_and_unpaid(slow: Running) -> None:
    session = debit_session(slow)
    sent = debit(slow, session, iban=SEPA)
    charge = sent.payment_intent.latest_charge.id

    slow.control("finish_debit", charge=charge, failed=True)

    done = read(slow, session)
    assert (done.status, done.payment_status) == ("complete", "unpaid")
    intent = done.payment_intent
    assert (intent.status, intent.latest_charge.status) == ("requires_payment_method", "failed")
    assert intent.last_payment_error.code == "debit_not_authorized"
    assert intent.latest_charge.failure_code == "debit_not_authorized"
    assert intent.latest_charge.balance_transaction is None
    assert slow.event_types()[4:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]
    # A bank answers once.
    assert slow.try_control("finish_debit", charge=charge)[0].status == 400
    assert read(slow, session).payment_intent.status == "requires_payment_method"


US, UK = "us_bank_account", "bacs_debit"


@pytest.mark.parametrize(
    ("kind", "typed", "code"),
    [
        ("sepa_debit", {"iban": SEPA}, None),
        ("sepa_debit", {"iban": SEPA_FAILS.lower()}, "debit_not_authorized"),
        (US, {"routing": "110000000", "account": "000123456789"}, None),
        (US, {"routing": "110000000", "account": "000111111116"}, "no_account"),
        (US, {"routing": "110000000", "account": "000222222227"}, "insufficient_funds"),
        (UK, {"sort_code": "10-88-00", "account": "00012345"}, None),
        (UK, {"sort_code": "108800", "account": "22222227"}, "insufficient_funds"),
        (UK, {"sort_code": "108800", "account": "33333335"}, "debit_not_authorized"),
    ],
)
def test_each_test_account_ends_as_stripes_documentation_says(
    quick: Running, kind: str, typed: dict[str, str], code: str | None
) -> None:
    session = debit_session(quick, kind)
    debit(quick, session, **typed)
    intent = answered(quick, session).payment_intent
    error = intent.last_payment_error
    assert (error.code if error else None) == code
    assert intent.latest_charge.payment_method_details.type == kind
    assert intent.latest_charge.id.startswith("py_")


def test_the_page_offers_both_ways_and_takes_the_chosen_one(quick: Running) -> None:
    session = debit_session(quick)
    _, page = quick.request("GET", f"/c/pay/{session.id}")
    assert 'id="method-card" name="method" value="card" checked' in page
    assert 'id="method-sepa_debit" name="method" value="sepa_debit">' in page
    assert '<label for="iban">' in page
    assert "<script" not in page
    assert quick.pay(session, method="card")[0].status == 303
    intent = read(quick, session).payment_intent
    assert intent.latest_charge.payment_method_details.type == "card"


def test_a_session_for_cards_alone_takes_no_debit(quick: Running) -> None:
    session = quick.session(currency="eur")
    response, page = quick.pay(session, method="sepa_debit", iban=SEPA, number="")
    assert response.status == 422
    assert "IBAN" not in page
    only = quick.session(currency="eur", payment_method_types=["sepa_debit"])
    assert quick.pay(only, method="card")[0].status == 422


def test_an_account_that_is_no_test_account_is_refused_and_not_shown_again(quick: Running) -> None:
    session = debit_session(quick)
    response, page = quick.pay(session, method="sepa_debit", iban="GB33BUKB20201555555555")
    assert response.status == 422
    assert "Enter one of the test accounts" in page
    assert "GB33BUKB" not in page
    assert 'value="sepa_debit" checked' in page
    assert read(quick, session).payment_intent is None


@pytest.mark.parametrize(
    ("types", "currency"),
    [(["sepa_debit"], "usd"), (["card", "bacs_debit"], "eur"), (["ideal"], "eur")],
)
def test_a_debit_has_its_own_currency(quick: Running, types: list[str], currency: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quick.session(currency=currency, payment_method_types=types)
    assert caught.value.param == "payment_method_types"


def test_an_answer_that_is_due_survives_a_kill(tmp_path: Path) -> None:
    running = Running(tmp_path / "state.sqlite3", "", "--settle-after=0", "--debit-after=1")
    session = debit_session(running)
    debit(running, session, iban=SEPA)
    running.kill()
    running.start()
    try:
        assert answered(running, session).payment_status == "paid"
    finally:
        running.stop()


def subscribe_by_debit(sandbox: Running, iban: str) -> Any:
    return sandbox.subscribe(
        currency="eur", payment_method_types=["sepa_debit"], typed={"iban": iban, "number": ""}
    )


def test_a_subscription_by_debit_is_active_while_its_invoice_waits(slow: Running) -> None:
    subscription = subscribe_by_debit(slow, SEPA)
    invoices = slow.client.v1.invoices
    invoice = invoices.retrieve(subscription.latest_invoice)
    assert (subscription.status, invoice.status) == ("active", "open")
    with pytest.raises(stripe.InvalidRequestError, match="processing"):
        invoices.pay(invoice.id)
    (charge,) = slow.client.v1.charges.list().data

    slow.control("finish_debit", charge=charge.id)

    assert invoices.retrieve(invoice.id).status == "paid"
    (session,) = slow.client.v1.checkout.sessions.list({"subscription": subscription.id}).data
    assert session.payment_status == "paid"


def test_a_renewal_by_debit_can_fail_days_later_and_be_tried_again(slow: Running) -> None:
    subscription = subscribe_by_debit(slow, SEPA)
    slow.control("finish_debit", charge=slow.client.v1.charges.list().data[0].id)
    slow.control("move_subscription", subscription=subscription.id)
    subscriptions, invoices = slow.client.v1.subscriptions, slow.client.v1.invoices
    renewed = subscriptions.retrieve(subscription.id)
    assert renewed.status == "active"
    invoice = str(renewed.latest_invoice)
    assert invoices.retrieve(invoice).status == "open"

    slow.control("finish_debit", charge=slow.client.v1.charges.list().data[0].id, failed=True)

    assert subscriptions.retrieve(subscription.id).status == "past_due"
    assert "invoice.payment_failed" in slow.event_types()
    assert "checkout.session.async_payment_failed" not in slow.event_types()
    assert invoices.pay(invoice).status == "open"  # asked again: the bank has not answered yet
    slow.control("finish_debit", charge=slow.client.v1.charges.list().data[0].id)
    assert invoices.retrieve(invoice).status == "paid"
    assert subscriptions.retrieve(subscription.id).status == "active"


def test_a_saved_account_is_debited_while_nobody_is_there(quick: Running) -> None:
    session = debit_session(
        quick,
        customer_creation="always",
        payment_intent_data={"setup_future_usage": "off_session"},
    )
    done = debit(quick, session, iban=SEPA_FAILS)
    (method,) = quick.client.v1.customers.payment_methods.list(done.customer).data
    intents = quick.client.v1.payment_intents
    sent = intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "customer": done.customer,
            "payment_method": method.id,
            "payment_method_types": ["sepa_debit"],
            "off_session": True,
            "confirm": True,
        }
    )
    assert sent.status == "processing"
    wait_for(lambda: intents.retrieve(sent.id).status == "requires_payment_method")


def test_no_account_number_is_kept(slow: Running, tmp_path: Path) -> None:
    debit(slow, debit_session(slow), iban=SEPA)
    held = (tmp_path / "state.sqlite3").read_bytes() + (tmp_path / "state.sqlite3-wal").read_bytes()
    assert b"sepa_debit" in held
    assert b"0532013000" not in held
