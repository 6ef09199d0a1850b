"""Cards whose bank asks the person to confirm: a second page, and what either answer leaves."""

from typing import Any

import pytest

from tests.sandbox.running import Running, heading

ONCE, ALWAYS, DECLINED_AFTER = "4000002500003155", "4000002760003184", "4000008400001629"


def intent_of(sandbox: Running, session: Any) -> Any:
    found = sandbox.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    return found.payment_intent


@pytest.mark.parametrize("number", [ONCE, ALWAYS])
def test_the_bank_asks_before_anything_is_charged(sandbox: Running, number: str) -> None:
    session = sandbox.session()

    response, _ = sandbox.pay(session, number=number)

    assert (response.status, response.headers["Location"]) == (303, f"/c/pay/{session.id}")
    _, page = sandbox.request("GET", f"/c/pay/{session.id}")
    assert heading(page) == "Confirm the payment"
    assert "this payment of USD\u00a050.00" in page
    assert page.count("<button") == 2
    assert "<script" not in page
    intent = intent_of(sandbox, session)
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action.type == "redirect_to_url"
    assert sandbox.client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_payment_that_is_confirmed_goes_on(fresh: Running) -> None:
    session = fresh.session()
    fresh.pay(session, number=ONCE)

    response, _ = fresh.answer_bank(session)

    assert response.headers["Location"] == f"http://portal.test/thanks?session={session.id}"
    intent = intent_of(fresh, session)
    assert (intent.status, intent.next_action) == ("succeeded", None)
    secure = intent.latest_charge.payment_method_details.card.three_d_secure
    assert (secure.authentication_flow, secure.result) == ("challenge", "authenticated")
    done = fresh.client.v1.checkout.sessions.retrieve(session.id)
    assert done.customer_details.email == "amina@example.org"
    assert fresh.event_types()[:5] == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_payment_that_is_refused_leads_back_and_charges_nothing(fresh: Running) -> None:
    session = fresh.session()
    fresh.pay(session, number=ONCE)

    response, page = fresh.answer_bank(session, "refuse")

    assert response.status == 402
    assert "The payment was not confirmed with the bank." in page
    assert "Nothing was taken." in page
    intent = intent_of(fresh, session)
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert fresh.client.v1.charges.list().data == []
    assert fresh.event_types()[-1] == "payment_intent.payment_failed"

    assert fresh.pay(session)[0].status == 303
    assert intent_of(fresh, session).status == "succeeded"


def test_a_card_that_is_declined_after_it_was_confirmed_says_so(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session, number=DECLINED_AFTER)
    response, page = sandbox.answer_bank(session)
    assert response.status == 402
    assert "The bank declined this card." in page
    intent = intent_of(sandbox, session)
    assert (intent.status, intent.latest_charge.status) == ("requires_payment_method", "failed")


def test_only_an_answer_answers_the_bank(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session, number=ONCE)
    for sent in ({}, {"answer": "perhaps"}):
        response, page = sandbox.pay(session, **sent)
        assert (response.status, heading(page)) == (200, "Confirm the payment")
    assert intent_of(sandbox, session).status == "requires_action"


def test_an_answer_sent_twice_charges_once(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session, number=ALWAYS)
    answers = [sandbox.answer_bank(session)[0].status for _ in range(2)]
    assert answers == [303, 303]
    intent = intent_of(sandbox, session)
    assert len(sandbox.client.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_an_answer_that_nobody_asked_for_is_a_form_that_is_not_filled_in(sandbox: Running) -> None:
    session = sandbox.session()
    assert sandbox.answer_bank(session)[0].status == 422
    assert intent_of(sandbox, session) is None


def test_a_session_that_expires_while_the_bank_asks_cancels_the_intent(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session, number=ONCE)
    sandbox.client.v1.checkout.sessions.expire(session.id)
    intent = intent_of(sandbox, session)
    assert (intent.status, intent.next_action) == ("canceled", None)
    response, page = sandbox.answer_bank(session)
    assert (response.status, heading(page)) == (200, "This page has expired")


@pytest.mark.parametrize(
    ("locale", "title"), [("fr", "Confirmer le paiement"), ("pt", "Confirmar o pagamento")]
)
def test_the_bank_asks_in_the_sessions_language(sandbox: Running, locale: str, title: str) -> None:
    session = sandbox.session(locale=locale)
    sandbox.pay(session, number=ONCE)
    assert heading(sandbox.request("GET", f"/c/pay/{session.id}")[1]) == title
