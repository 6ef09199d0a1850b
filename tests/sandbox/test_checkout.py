"""The hosted checkout page: what a person can do there, and what it leaves behind."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.running import GOOD, Running, heading, wait_for


def look(sandbox: Running, session: Any, **headers: str) -> tuple[int, str]:
    response, page = sandbox.request("GET", f"/c/pay/{session.id}", headers=headers)
    return response.status, page


def charges(sandbox: Running, session: Any) -> list[Any]:
    intent = sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent
    return sandbox.client.v1.charges.list({"payment_intent": intent}).data if intent else []


def test_a_good_card_pays_and_sends_the_person_on(fresh: Running) -> None:
    session = fresh.session(metadata={"payment": "7"}, payment_intent_data={"metadata": {"a": "b"}})

    response, _ = fresh.pay(session)

    assert response.status == 303
    assert response.headers["Location"] == f"http://portal.test/thanks?session={session.id}"
    done = fresh.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.metadata["payment"] == "7"
    assert done.customer_details.email == "amina@example.org"
    intent = done.payment_intent
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 5000, "usd")
    assert intent.metadata["a"] == intent.latest_charge.metadata["a"] == "b"
    assert intent.latest_charge.status == "succeeded"
    assert intent.latest_charge.payment_method_details.card.last4 == "4242"


def test_the_balance_transaction_appears_after_the_success(fresh: Running) -> None:
    session = fresh.session(amount=10_00)
    fresh.pay(session)
    (charge,) = charges(fresh, session)
    assert charge.balance_transaction is None
    assert "charge.updated" not in fresh.event_types()

    wait_for(lambda: charges(fresh, session)[0].balance_transaction)

    transaction = fresh.client.v1.charges.retrieve(
        charge.id, {"expand": ["balance_transaction"]}
    ).balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (1000, 59, 941)
    assert (transaction.source, transaction.type, transaction.status) == (
        charge.id,
        "charge",
        "pending",
    )
    assert fresh.event_types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.updated",
    ]
    (updated,) = fresh.client.v1.events.list({"type": "charge.updated"}).data
    assert updated.data.previous_attributes["balance_transaction"] is None
    assert fresh.json("/v1/balance")["pending"][0]["amount"] == 941


def test_the_money_of_one_card_is_available_at_once(fresh: Running) -> None:
    fresh.charge(1000, number="4000000000000077")
    wait_for(lambda: fresh.json("/v1/balance_transactions")["data"])
    (transaction,) = fresh.json("/v1/balance_transactions")["data"]
    assert transaction["status"] == "available"
    balance = fresh.json("/v1/balance")
    assert (balance["available"][0]["amount"], balance["pending"][0]["amount"]) == (941, 0)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        ("4000 0000 0000 0002", "generic_decline", "The bank declined this card."),
        ("4000-0000-0000-9995", "insufficient_funds", "There is not enough money on this card."),
        ("4000000000000069", "expired_card", "This card has expired."),
        ("4000000000000127", "incorrect_cvc", "The security code is wrong."),
        ("4000000000000119", "processing_error", "The bank could not answer."),
    ],
)
def test_a_declined_card_says_why_takes_nothing_and_can_be_tried_again(
    fresh: Running, number: str, code: str, said: str
) -> None:
    session = fresh.session()

    response, page = fresh.pay(session, number=number)

    assert response.status == 402
    assert said in page
    assert "Nothing was taken." in page
    assert "<title>Error:" in page
    for kept in ("amina@example.org", "Amina Banda", "12/40"):
        assert f'value="{kept}"' in page
    still = fresh.client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (still.status, still.payment_status) == ("open", "unpaid")
    assert still.payment_intent.status == "requires_payment_method"
    assert still.payment_intent.amount_received == 0
    assert still.payment_intent.last_payment_error.decline_code == code
    (failed,) = charges(fresh, session)
    assert (failed.status, failed.paid, failed.outcome.reason) == ("failed", False, code)
    assert failed.balance_transaction is None
    assert fresh.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]

    assert fresh.pay(session)[0].status == 303

    assert [charge.status for charge in charges(fresh, session)] == ["succeeded", "failed"]
    intent = fresh.client.v1.payment_intents.retrieve(still.payment_intent.id)
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)


def test_the_way_back_leads_to_the_cancel_address_and_leaves_the_session_open(
    sandbox: Running,
) -> None:
    session = sandbox.session()
    status, page = look(sandbox, session)
    assert status == 200
    assert '<a href="http://portal.test/back">' in page
    assert sandbox.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert charges(sandbox, session) == []


def test_a_form_sent_twice_charges_once(sandbox: Running) -> None:
    session = sandbox.session()
    first, _ = sandbox.pay(session)
    second, _ = sandbox.pay(session)
    assert first.status == second.status == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert len(charges(sandbox, session)) == 1


def test_a_form_sent_eight_times_at_once_charges_once(sandbox: Running) -> None:
    session = sandbox.session()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sandbox.pay(session)[0].status, range(8)))
    assert answers == [303] * 8
    assert len(charges(sandbox, session)) == 1


def test_two_people_pay_two_sessions_at_once(sandbox: Running) -> None:
    sessions = [sandbox.session(amount=100 * n) for n in (11, 12)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda session: sandbox.pay(session)[0].status, sessions))
    assert answers == [303, 303]
    paid = [[charge.amount for charge in charges(sandbox, session)] for session in sessions]
    assert paid == [[1100], [1200]]


def test_what_is_missing_is_named_by_field_and_nothing_is_charged(sandbox: Running) -> None:
    session = sandbox.session()
    response, page = sandbox.pay(
        session, email="amina", name=" ", number="4242", expiry="13/30", cvc="12"
    )
    assert response.status == 422
    for field in GOOD:
        assert f'<a href="#{field}">' in page
        assert f'id="{field}-error"' in page
    assert charges(sandbox, session) == []


@pytest.mark.parametrize("expiry", ["01/20", "00/40", "12/99", "1240x", "", "12/1940"])
def test_an_expiry_that_is_past_or_no_date_is_refused(sandbox: Running, expiry: str) -> None:
    response, page = sandbox.pay(sandbox.session(), expiry=expiry)
    assert response.status == 422
    assert page.count('class="error"') == 1


@pytest.mark.parametrize("expiry", ["1240", "12 / 40", "12/2040", "1/40"])
def test_an_expiry_may_be_written_in_several_ways(sandbox: Running, expiry: str) -> None:
    assert sandbox.pay(sandbox.session(), expiry=expiry)[0].status == 303


def test_american_express_has_a_security_code_of_four(sandbox: Running) -> None:
    session = sandbox.session()
    assert sandbox.pay(session, number="378282246310005")[0].status == 422
    assert sandbox.pay(session, number="378282246310005", cvc="1234")[0].status == 303


def test_a_card_that_is_no_test_card_is_refused_and_not_shown_again(sandbox: Running) -> None:
    response, page = sandbox.pay(sandbox.session(), number="4111111111111111", cvc="987")
    assert response.status == 422
    assert "4111111111111111" not in page
    assert 'value="987"' not in page
    assert 'value="12/40"' not in page
    assert 'value="Amina Banda"' in page


def test_an_address_given_by_the_portal_is_shown_and_cannot_be_changed(sandbox: Running) -> None:
    session = sandbox.session(customer_email="given@example.org")
    _, page = look(sandbox, session)
    assert "given@example.org" in page
    assert 'name="email"' not in page
    sandbox.pay(session, email="other@example.org")
    done = sandbox.client.v1.checkout.sessions.retrieve(session.id)
    assert done.customer_details.email == "given@example.org"


def test_a_paid_session_shows_that_it_is_paid_and_leads_on(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session)
    _, page = look(sandbox, session)
    assert heading(page) == "This payment is made"
    assert f'href="http://portal.test/thanks?session={session.id}"' in page
    assert "<form" not in page


def test_an_expired_session_cannot_be_paid(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.client.v1.checkout.sessions.expire(session.id)
    response, page = sandbox.pay(session)
    assert response.status == 200
    assert heading(page) == "This page has expired"
    assert "<form" not in page
    assert charges(sandbox, session) == []


def test_an_unknown_session_is_not_found(sandbox: Running) -> None:
    for method in ("GET", "POST"):
        response, page = sandbox.request(method, "/c/pay/cs_test_unknown", "a=b")
        assert response.status == 404
        assert heading(page) == "There is no such payment page"


@pytest.mark.parametrize(
    ("locale", "browser", "language", "title"),
    [
        ("fr", "pt", "fr", "Payer 1\u202f234,50 USD"),
        ("pt", "", "pt", "Pagar 1\u202f234,50 USD"),
        ("en", "fr", "en", "Pay USD 1,234.50"),
        ("auto", "de-DE,pt;q=0.8,fr;q=0.5", "pt", "Pagar 1\u202f234,50 USD"),
        (None, "sw", "en", "Pay USD 1,234.50"),
    ],
)
def test_the_page_speaks_the_sessions_language_or_the_browsers(
    sandbox: Running, locale: str | None, browser: str, language: str, title: str
) -> None:
    session = sandbox.session(amount=123_450, **({"locale": locale} if locale else {}))
    _, page = look(sandbox, session, **{"Accept-Language": browser})
    assert f'<html lang="{language}">' in page
    assert heading(page) == title


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [("jpy", 5000, "JPY 5,000"), ("kwd", 5120, "KWD 5.120"), ("ugx", 500_00, "UGX 500.00")],
)
def test_amounts_pass_through_in_the_minor_units_that_stripe_counts(
    sandbox: Running, currency: str, amount: int, shown: str
) -> None:
    session = sandbox.session(amount=amount, currency=currency)
    assert heading(look(sandbox, session)[1]) == f"Pay {shown}"
    sandbox.pay(session)
    (charge,) = charges(sandbox, session)
    assert (charge.amount, charge.currency) == (amount, currency)
    transaction = sandbox.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert transaction.fee == (amount * 29 + 500) // 1000 + 30
    assert transaction.net == amount - transaction.fee


def test_what_the_portal_sends_cannot_write_html(sandbox: Running) -> None:
    price = {"currency": "usd", "unit_amount": 900, "product_data": {"name": "<script>x</script>"}}
    session = sandbox.session(
        line_items=[{"price_data": price, "quantity": 2}], cancel_url='http://portal.test/"><b>'
    )
    _, page = look(sandbox, session)
    assert "<script" not in page
    assert '"><b>' not in page
    assert "2 × USD\u00a09.00" in page
    _, page = sandbox.pay(session, name='"><script>', expiry="x")
    assert "<script" not in page


def test_the_page_says_that_it_is_a_sandbox_and_needs_no_script(sandbox: Running) -> None:
    session = sandbox.session()
    response, page = sandbox.request("GET", f"/c/pay/{session.id}")
    assert "No money moves here." in page
    assert "<script" not in page
    assert "style=" not in page
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    for field in GOOD:
        assert re.search(rf'<label for="{field}">', page)
    style, _ = sandbox.request("GET", "/checkout.css")
    assert style.headers["Content-Type"].startswith("text/css")
