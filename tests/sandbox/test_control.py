"""The control page and its JSON twin: who may use them, and what each button does."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.sandbox.running import SECRET_KEY, Running, heading

SECRET = {"Authorization": f"Bearer {SECRET_KEY}"}


def page(sandbox: Running) -> str:
    response, html = sandbox.request("GET", "/control")
    assert response.status == 200
    return html


def press(sandbox: Running, button: str, **typed: str) -> tuple[int, str]:
    """Press the first button of that name, as a browser would."""
    for action, inner in re.findall(
        r'<form method="post" action="([^"]+)">(.*?)</form>', page(sandbox)
    ):
        if not re.search(f"<button[^>]*>{button}</button>", inner):
            continue
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', inner))
        fields |= dict(re.findall(r'<select name="(\w+)"><option>([^<]*)</option>', inner))
        values = {name: unescape(value) for name, value in fields.items()} | typed
        headers = {"Origin": sandbox.url}
        response, html = sandbox.request("POST", action, urlencode(values), headers)
        if response.status == 303:
            assert response.headers["Location"] == "/control"
        return response.status, html
    raise AssertionError(f"There is no button {button!r}.")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.test"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://evil.test:80", "Host": "evil.test:80"},
    ],
)
def test_a_form_of_another_site_does_nothing(fresh: Running, headers: dict[str, str]) -> None:
    charge = fresh.charge()
    response, html = fresh.request(
        "POST", "/control/refund", urlencode({"charge": charge.id}), headers
    )
    assert response.status == 403
    assert "not sent from the sandbox" in html
    assert fresh.client.v1.refunds.list().data == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_page_may_be_reached_by_either_name_of_this_machine(fresh: Running, host: str) -> None:
    place = f"{host}:{fresh.port}"
    headers = {"Host": place, "Origin": f"http://{place}"}
    assert fresh.request("POST", "/control/end_faults", "", headers)[0].status == 303


def test_browsers_are_told_to_name_the_page_they_post_from(fresh: Running) -> None:
    response, html = fresh.request("GET", "/control")
    # With "no-referrer", as on the other pages, a browser would send Origin: null.
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert heading(html) == "Control"
    assert "<script" not in html
    assert 'href="/control"' in fresh.request("GET", "/")[1]
    assert fresh.request("GET", "/control/refund")[0].status == 404


@pytest.mark.parametrize("key", ["", "Bearer sk_test_wrong", "Bearer "])
def test_the_json_verbs_need_the_secret_key(fresh: Running, key: str) -> None:
    headers = {"Authorization": key} if key else {}
    response, _ = fresh.request("POST", "/control/api/api_down", "{}", headers)
    assert response.status == 401
    assert fresh.client.v1.events.list().data == []


@pytest.mark.parametrize(
    ("verb", "body", "status", "said"),
    [
        ("fly", "{}", 404, "No such verb"),
        ("open_dispute", "[]", 400, "JSON object"),
        ("open_dispute", "{", 400, "not JSON"),
        ("open_dispute", '{"charge": ["a"]}', 400, "JSON object"),
        ("open_dispute", '{"charge": 1.5}', 400, "JSON object"),
        ("open_dispute", "{}", 400, "Missing required param"),
        ("open_dispute", '{"charge": "ch_none"}', 404, "No such charge"),
        ("decide_dispute", '{"dispute": "du_none", "decision": "won"}', 404, "No such dispute"),
        ("send_payout", '{"currency": "usd"}', 400, "nothing to pay out"),
        ("make_available", '{"colour": "red"}', 400, "unknown parameter"),
        ("api_fault", '{"calls": "everything"}', 400, "start of a path"),
        ("api_fault", '{"calls": "/v1/", "answer": "418"}', 400, "must be one of"),
        ("webhooks", '{"mode": "sideways"}', 400, "must be one of"),
        ("deliver", '{"event": "evt_none"}', 404, "No such event"),
    ],
)
def test_what_is_wrong_with_a_verb_is_said(
    fresh: Running, verb: str, body: str, status: int, said: str
) -> None:
    response, text = fresh.request("POST", f"/control/api/{verb}", body, SECRET)
    assert response.status == status
    assert said in text


def test_a_verb_that_is_only_read_does_nothing(fresh: Running) -> None:
    assert fresh.request("GET", "/control/api/api_down", headers=SECRET)[0].status == 405
    assert fresh.client.v1.events.list().data == []


def test_a_field_that_no_verb_knows_undoes_what_the_verb_did(fresh: Running) -> None:
    charge = fresh.charge()
    response, text = fresh.try_control("open_dispute", charge=charge.id, colour="red")
    assert response.status == 400
    assert "colour" in text
    assert fresh.client.v1.disputes.list().data == []
    assert not fresh.client.v1.charges.retrieve(charge.id).disputed


def test_a_decision_that_does_not_follow_is_refused(fresh: Running) -> None:
    key = fresh.control("open_dispute", charge=fresh.charge().id, case_type="inquiry")["id"]
    for decision in ("won", "lost", "appeal", "appeal_won", "nonsense"):
        response, _ = fresh.try_control("decide_dispute", dispute=key, decision=decision)
        assert response.status == 400
    assert fresh.client.v1.disputes.retrieve(key).status == "warning_needs_response"


def test_a_person_refunds_and_disputes_by_buttons(fresh: Running) -> None:
    charge = fresh.charge(5000)
    assert press(fresh, "Refund", amount="2000")[0] == 303
    assert fresh.client.v1.charges.retrieve(charge.id).amount_refunded == 2000
    assert press(fresh, "Fail")[0] == 303  # the refund
    assert press(fresh, "Open inquiry")[0] == 303
    assert press(fresh, "Escalate to dispute")[0] == 303
    assert press(fresh, "Put under review")[0] == 303
    assert press(fresh, "Lost")[0] == 303
    assert press(fresh, "Appeal and win")[0] == 303
    (dispute,) = fresh.client.v1.disputes.list().data
    assert dispute.status == "won"
    assert "Escalate" not in page(fresh)


def test_what_cannot_be_done_is_said_on_the_page(fresh: Running) -> None:
    fresh.charge(5000)
    status, html = press(fresh, "Refund", amount="5001")
    assert status == 400
    assert 'role="alert"' in html
    assert "greater than unrefunded amount" in html
    status, html = press(fresh, "Refund", amount="<b>")
    assert status == 400
    assert "<b>;" not in html


def test_a_person_pays_out_by_buttons(fresh: Running) -> None:
    fresh.control("hold_settlement")
    fresh.charge(5000)
    assert press(fresh, "Settle now")[0] == 303
    assert press(fresh, "Stop holding settlement")[0] == 303
    assert press(fresh, "Make all pending money available")[0] == 303
    assert press(fresh, "Take a fee of the account", amount="100")[0] == 303
    assert press(fresh, "Send automatic payout")[0] == 303
    assert press(fresh, "Mark paid")[0] == 303
    (payout,) = fresh.client.v1.payouts.list().data
    assert (payout.status, payout.amount) == ("paid", 5000 - 175 - 100)
    assert press(fresh, "Fail", code="account_closed")[0] == 303
    assert fresh.client.v1.payouts.retrieve(payout.id).failure_code == "account_closed"


def test_a_person_moves_subscriptions_and_debits_on_by_buttons(fresh: Running) -> None:
    subscription = fresh.subscribe()
    assert press(fresh, "Move on one period")[0] == 303
    assert len(fresh.client.v1.invoices.list({"subscription": subscription.id}).data) == 2
    session = fresh.session(5000, "eur", payment_method_types=["sepa_debit"])
    fresh.pay(session, iban="DE89370400440532013000")
    assert press(fresh, "Debit fails")[0] == 303
    assert fresh.client.v1.charges.list().data[0].status == "failed"


def test_a_person_sets_faults_by_buttons(fresh: Running) -> None:
    assert press(fresh, "Switch off")[0] == 303
    assert "The API is down" in page(fresh) or "the API is down" in page(fresh)
    assert press(fresh, "Switch on")[0] == 303
    assert press(fresh, "Hold settlement of new charges")[0] == 303
    assert fresh.charge().balance_transaction is None
    assert press(fresh, "End all faults")[0] == 303
    assert "the API is up" in page(fresh)
    assert press(fresh, "Release backwards")[0] == 303
    assert press(fresh, "Deliver again")[0] == 400  # this sandbox sends no webhooks
