"""Refunds, disputes, payouts and fees, and the balance after all of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.running import Running, wait_for

AT_ONCE, REFUND_PENDS, REFUND_FAILS = "4000000000000077", "4000000000007726", "4000000000005126"
FRAUDULENT, NOT_RECEIVED, INQUIRY = "4000000000000259", "4000000000002685", "4000000000001976"


@pytest.fixture
def still(tmp_path: Path) -> Iterator[Running]:
    """A sandbox of the test's own, in which no refund, dispute or payout moves by itself."""
    running = Running(tmp_path / "state.sqlite3", "", "--settle-after=0", "--step-after=3600")
    yield running
    running.stop()


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Running]:
    """One in which they move soon."""
    running = Running(tmp_path / "state.sqlite3", "", "--settle-after=0", "--step-after=0.1")
    yield running
    running.stop()


def refund(sandbox: Running, **given: Any) -> Any:
    return sandbox.client.v1.refunds.create(given)


def transaction(sandbox: Running, key: Any) -> tuple[str, str, int, int, int]:
    found = sandbox.client.v1.balance_transactions.retrieve(str(key))
    return found.type, found.reporting_category, found.amount, found.fee, found.net


def balance(sandbox: Running, currency: str = "usd") -> tuple[int, int]:
    """Available and pending."""
    held = sandbox.client.v1.balance.retrieve()
    sums = [
        sum(part.amount for part in parts if part.currency == currency)
        for parts in (held.available, held.pending)
    ]
    return sums[0], sums[1]


def events_after(sandbox: Running, kind: str) -> list[str]:
    """The types of the events after the first of a type, oldest first."""
    types = sandbox.event_types()
    return types[types.index(kind) + 1 :]


# Refunds


def test_partial_refunds_add_up_and_the_balance_goes_below_zero(still: Running) -> None:
    charge = still.charge(5000)
    first = refund(
        still,
        payment_intent=charge.payment_intent,
        amount=2000,
        reason="requested_by_customer",
        metadata={"payment": "7"},
    )
    assert (first.status, first.amount, first.charge) == ("succeeded", 2000, charge.id)
    assert first.metadata["payment"] == "7"
    assert transaction(still, first.balance_transaction) == ("refund", "refund", -2000, 0, -2000)
    assert balance(still)[0] == -2000
    after = still.client.v1.charges.retrieve(charge.id)
    assert (after.amount_refunded, after.refunded) == (2000, False)

    second = refund(still, charge=charge.id)  # what is left

    assert second.amount == 3000
    after = still.client.v1.charges.retrieve(charge.id)
    assert (after.amount_refunded, after.refunded) == (5000, True)
    listed = still.client.v1.refunds.list({"charge": charge.id})
    assert [each.id for each in listed.data] == [second.id, first.id]
    assert still.client.v1.refunds.list({"payment_intent": "pi_other"}).data == []
    told = still.client.v1.events.list({"type": "charge.refunded"}).data
    assert [event.data.previous_attributes.to_dict() for event in told] == [
        {"amount_refunded": 2000, "refunded": False},
        {"amount_refunded": 0, "refunded": False},
    ]
    assert still.event_types()[-2:] == ["refund.created", "charge.refunded"]


def test_more_than_is_left_is_not_refunded(still: Running) -> None:
    charge = still.charge(5000)
    refund(still, charge=charge.id, amount=4000)
    with pytest.raises(stripe.InvalidRequestError, match=r"\(1001\).*\(1000\)") as caught:
        refund(still, charge=charge.id, amount=1001)
    assert caught.value.param == "amount"
    refund(still, charge=charge.id, amount=1000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        refund(still, charge=charge.id, amount=1)
    assert caught.value.code == "charge_already_refunded"
    assert len(still.client.v1.refunds.list().data) == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "parameter_missing"),
        ({"charge": "ch_none"}, "resource_missing"),
        ({"payment_intent": "pi_none"}, "resource_missing"),
        ({"charge": "ch_none", "amount": 0}, "resource_missing"),
    ],
)
def test_a_refund_names_its_charge(still: Running, given: dict[str, Any], code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        refund(still, **given)
    assert caught.value.code == code


@pytest.mark.parametrize("wrong", [{"amount": 0}, {"reason": "boredom"}, {"colour": "red"}])
def test_a_wrong_refund_changes_nothing(still: Running, wrong: dict[str, Any]) -> None:
    charge = still.charge()
    with pytest.raises(stripe.InvalidRequestError):
        refund(still, charge=charge.id, **wrong)
    assert still.client.v1.charges.retrieve(charge.id).amount_refunded == 0


def test_a_charge_that_failed_cannot_be_refunded_nor_disputed(still: Running) -> None:
    session = still.session()
    still.pay(session, number="4000000000000002")
    (charge,) = still.client.v1.charges.list().data
    with pytest.raises(stripe.InvalidRequestError, match="has not succeeded"):
        refund(still, charge=charge.id)
    with pytest.raises(stripe.InvalidRequestError, match="has not succeeded"):
        refund(still, payment_intent=charge.payment_intent)
    for verb in ("open_dispute", "settle", "finish_debit"):
        assert still.try_control(verb, charge=charge.id)[0].status == 400
    assert balance(still) == (0, 0)


def test_two_full_refunds_at_once_give_back_once(still: Running) -> None:
    charge = still.charge()

    def give_back(_: int) -> str:
        try:
            return refund(still, charge=charge.id).status
        except stripe.InvalidRequestError as error:
            return str(error.code)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(give_back, range(4)))
    assert answers == ["charge_already_refunded"] * 3 + ["succeeded"]


def test_the_same_key_refunds_once(still: Running) -> None:
    charge = still.charge()
    given = {"charge": charge.id, "amount": 100}
    key = {"idempotency_key": "refund-1"}
    keys = {still.client.v1.refunds.create(given, key).id for _ in range(2)}
    assert len(keys) == 1
    assert still.client.v1.charges.retrieve(charge.id).amount_refunded == 100


def test_a_refund_may_be_pending_and_succeed_later(quick: Running) -> None:
    charge = quick.charge(number=REFUND_PENDS)
    made = refund(quick, charge=charge.id)
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert quick.client.v1.charges.retrieve(charge.id).refunded
    wait_for(lambda: quick.client.v1.refunds.retrieve(made.id).status == "succeeded")
    assert events_after(quick, "charge.refunded") == ["refund.updated", "charge.refund.updated"]


def test_a_refund_may_fail_after_it_succeeded(quick: Running) -> None:
    charge = quick.charge(5000, number=REFUND_FAILS)
    made = refund(quick, charge=charge.id, amount=2000)
    assert made.status == "succeeded"
    wait_for(lambda: quick.client.v1.refunds.retrieve(made.id).status == "failed")
    failed = quick.client.v1.refunds.retrieve(made.id, {"expand": ["failure_balance_transaction"]})
    assert failed.failure_reason == "expired_or_canceled_card"
    back = failed.failure_balance_transaction
    assert (back.type, back.amount, back.net) == ("refund_failure", 2000, 2000)
    assert balance(quick)[0] == 0
    after = quick.client.v1.charges.retrieve(charge.id)
    assert (after.amount_refunded, after.refunded) == (0, False)
    assert events_after(quick, "charge.refunded") == [
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
    ]
    assert refund(quick, charge=charge.id, amount=5000).amount == 5000


def test_a_pending_refund_can_be_cancelled_and_another_cannot(still: Running) -> None:
    charge = still.charge(number=REFUND_PENDS)
    made = refund(still, charge=charge.id)
    gone = still.client.v1.refunds.cancel(made.id)
    assert (gone.status, gone.failure_reason) == ("canceled", "merchant_request")
    assert still.client.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert balance(still)[0] == 0
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        still.client.v1.refunds.cancel(made.id)


@pytest.mark.parametrize("failed", [False, True])
def test_a_bank_debit_is_refunded_slowly_and_as_a_payment(still: Running, failed: bool) -> None:
    session = still.session(5000, "eur", payment_method_types=["card", "sepa_debit"])
    still.pay(session, method="sepa_debit", iban="DE89370400440532013000")
    (debit,) = still.client.v1.charges.list().data
    assert debit.status == "pending"
    ended = still.control("finish_debit", payment_intent=debit.payment_intent, failed=failed)
    assert ended["status"] == ("failed" if failed else "succeeded")
    assert still.try_control("finish_debit", charge=debit.id)[0].status == 400
    if failed:
        with pytest.raises(stripe.InvalidRequestError, match="has not succeeded"):
            refund(still, charge=debit.id)
        return
    made = refund(still, charge=debit.id, amount=1000)
    assert (made.status, made.destination_details) == ("pending", None)
    assert transaction(still, made.balance_transaction)[:3] == ("payment_refund", "refund", -1000)
    assert still.control("finish_refund", refund=made.id)["status"] == "succeeded"
    dispute = still.control("open_dispute", charge=debit.id, reason="debit_not_authorized")
    assert (dispute["amount"], dispute["payment_method_details"]) == (4000, None)
    assert balance(still, "eur") == (-1000 - 4000 - 1500, 5000 - 175)


def test_a_change_of_a_refunds_metadata_is_told(still: Running) -> None:
    made = refund(still, charge=still.charge().id, metadata={"a": "1"})
    changed = still.client.v1.refunds.update(made.id, {"metadata": {"b": "2"}})
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    (told,) = still.client.v1.events.list({"type": "refund.updated"}).data
    assert told.data.previous_attributes.to_dict() == {"metadata": {"a": "1"}}


# Disputes


@pytest.mark.parametrize(
    ("card", "reason"), [(FRAUDULENT, "fraudulent"), (NOT_RECEIVED, "product_not_received")]
)
def test_a_card_may_bring_a_dispute_that_takes_amount_and_fee(
    quick: Running, card: str, reason: str
) -> None:
    charge = quick.charge(5000, number=card)
    (dispute,) = wait_for(lambda: quick.client.v1.disputes.list({"charge": charge.id}).data)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 5000)
    (taken,) = dispute.balance_transactions
    assert (taken.type, taken.reporting_category) == ("adjustment", "dispute")
    assert (taken.amount, taken.fee, taken.net) == (-5000, 1500, -6500)
    assert balance(quick)[0] == -6500
    assert quick.client.v1.charges.retrieve(charge.id).disputed
    assert quick.event_types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        refund(quick, charge=charge.id)
    assert caught.value.code == "charge_disputed"


def test_an_inquiry_moves_no_money_and_closes(quick: Running) -> None:
    charge = quick.charge(number=INQUIRY)
    (inquiry,) = wait_for(lambda: quick.client.v1.disputes.list({"charge": charge.id}).data)
    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert inquiry.is_charge_refundable
    closed = quick.control("decide_dispute", dispute=inquiry.id, decision="warning_closed")
    assert (closed["status"], closed["balance_transactions"]) == ("warning_closed", [])
    assert balance(quick)[0] == 0
    assert quick.event_types()[-2:] == ["charge.dispute.created", "charge.dispute.closed"]
    assert refund(quick, charge=charge.id).status == "succeeded"


def test_an_inquiry_may_become_a_dispute(still: Running) -> None:
    charge = still.charge(5000)
    key = still.control("open_dispute", charge=charge.id, case_type="inquiry")["id"]
    still.control("decide_dispute", dispute=key, decision="escalate")
    dispute = still.client.v1.disputes.retrieve(key)
    assert (dispute.status, len(dispute.balance_transactions)) == ("needs_response", 1)
    assert not dispute.is_charge_refundable
    assert events_after(still, "charge.dispute.created") == [
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
    ]


def test_a_dispute_that_is_won_brings_the_amount_back_but_not_the_fee(still: Running) -> None:
    charge = still.charge(5000)
    refund(still, charge=charge.id, amount=2000)
    key = still.control("open_dispute", payment_intent=charge.payment_intent)["id"]
    assert still.client.v1.disputes.retrieve(key).amount == 3000  # what was not refunded
    still.control("decide_dispute", dispute=key, decision="under_review")
    still.control("decide_dispute", dispute=key, decision="won")
    dispute = still.client.v1.disputes.retrieve(key)
    assert dispute.status == "won"
    taken, back = dispute.balance_transactions
    assert (taken.net, back.amount, back.fee, back.net) == (-4500, 3000, 0, 3000)
    assert back.reporting_category == "dispute_reversal"
    assert transaction(still, back.id)[2] == 3000
    assert balance(still)[0] == -2000 - 1500
    assert events_after(still, "charge.dispute.created") == [
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_a_lost_dispute_may_be_appealed_and_won(still: Running) -> None:
    charge = still.charge(5000)
    key = still.control("open_dispute", charge=charge.id)["id"]
    lost = still.client.v1.disputes.close(key)
    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    with pytest.raises(stripe.InvalidRequestError, match="lost does not follow"):
        still.client.v1.disputes.close(key)
    still.control("decide_dispute", dispute=key, decision="appeal_won")
    won = still.client.v1.disputes.retrieve(key)
    assert (won.status, len(won.balance_transactions)) == ("won", 2)
    assert events_after(still, "charge.dispute.funds_withdrawn") == [
        "charge.dispute.closed",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_a_prevented_dispute_is_closed_from_the_start(still: Running) -> None:
    made = still.control("open_dispute", charge=still.charge().id, case_type="block")
    assert (made["status"], made["balance_transactions"]) == ("prevented", [])
    assert still.event_types()[-2:] == ["charge.dispute.created", "charge.dispute.closed"]


def test_a_charge_has_one_open_dispute_at_most(still: Running) -> None:
    charge = still.charge()
    key = still.control("open_dispute", charge=charge.id)["id"]
    assert still.try_control("open_dispute", charge=charge.id)[0].status == 400
    still.control("decide_dispute", dispute=key, decision="won")
    still.control("open_dispute", charge=charge.id, amount=100)
    assert len(still.client.v1.disputes.list({"charge": charge.id}).data) == 2


def test_evidence_is_staged_then_handed_in(still: Running) -> None:
    key = still.control("open_dispute", charge=still.charge().id)["id"]
    disputes = still.client.v1.disputes
    staged = disputes.update(key, {"evidence": {"customer_name": "Amina"}, "submit": False})
    assert (staged.status, staged.evidence.customer_name) == ("needs_response", "Amina")
    assert (staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (
        True,
        0,
    )
    noted = disputes.update(key, {"metadata": {"case": "9"}})
    assert (noted.status, noted.metadata["case"]) == ("needs_response", "9")
    handed_in = disputes.update(key, {"submit": True})
    assert handed_in.status == "under_review"
    assert handed_in.evidence_details.submission_count == 1
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        disputes.update(key, {"evidence": {"colour": "red"}})


@pytest.mark.parametrize(
    ("text", "end"), [("winning_evidence", "won"), ("losing_evidence", "lost")]
)
def test_stripes_test_evidence_decides(still: Running, text: str, end: str) -> None:
    key = still.control("open_dispute", charge=still.charge().id)["id"]
    disputes = still.client.v1.disputes
    assert disputes.update(key, {"evidence": {"uncategorized_text": text}}).status == end
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        disputes.update(key, {"evidence": {"uncategorized_text": "more"}})
    assert disputes.update(key, {"metadata": {"a": "b"}}).metadata["a"] == "b"


# Payouts and fees


def pieces(sandbox: Running, payout: str) -> list[Any]:
    return sandbox.client.v1.balance_transactions.list({"payout": payout, "limit": 100}).data


def test_an_automatic_payout_takes_all_that_is_available(still: Running) -> None:
    for _ in range(2):
        still.charge(5000, number=AT_ONCE)
    still.charge(7000)  # pending for two days
    still.charge(3000, "eur", number=AT_ONCE)
    refunded = refund(still, charge=still.charge(1000, number=AT_ONCE).id)
    fee = still.control("take_fee", amount=200, currency="usd", description="Radar")
    each = 5000 - 175
    whole = 2 * each + (1000 - 59) - 1000 - 200
    assert balance(still) == (whole, 7000 - 233)

    made = still.control("send_payout", currency="usd")

    key = made["id"]
    assert (made["amount"], made["status"], made["automatic"]) == (whole, "pending", True)
    assert balance(still) == (0, 7000 - 233)
    assert transaction(still, made["balance_transaction"]) == (
        "payout",
        "payout",
        -whole,
        0,
        -whole,
    )
    assert pieces(still, key) == []  # not before it is reconciled
    still.control("arrive_payout", payout=key)
    payout = still.client.v1.payouts.retrieve(key)
    assert (payout.status, payout.reconciliation_status) == ("paid", "completed")
    parts = pieces(still, key)
    assert sum(part.net for part in parts) == 0  # the payout itself is among them
    assert {refunded.balance_transaction, fee["id"], made["balance_transaction"]} < {
        part.id for part in parts
    }
    assert len(parts) == 6
    assert events_after(still, "refund.created")[1:] == [
        "payout.created",
        "payout.updated",
        "payout.paid",
        "payout.reconciliation_completed",
    ]
    assert [each.id for each in still.client.v1.payouts.list({"status": "paid"}).data] == [key]
    assert still.client.v1.payouts.list({"status": "failed"}).data == []
    # Nothing is paid out twice.
    assert still.try_control("send_payout", currency="usd")[0].status == 400


def test_a_payout_goes_its_way_by_itself(quick: Running) -> None:
    quick.charge(number=AT_ONCE)
    key = quick.control("send_payout", currency="usd")["id"]
    wait_for(lambda: quick.client.v1.payouts.retrieve(key).reconciliation_status == "completed")
    assert len(pieces(quick, key)) == 2


def test_a_payout_can_be_moved_step_by_step(still: Running) -> None:
    still.charge(number=AT_ONCE)
    made = still.control("send_payout", currency="usd")
    seen = [still.control("move_payout", payout=made["id"]) for _ in range(3)]
    assert [(each["status"], each["reconciliation_status"]) for each in seen] == [
        ("in_transit", "in_progress"),
        ("paid", "in_progress"),
        ("paid", "completed"),
    ]
    assert still.try_control("move_payout", payout=made["id"])[0].status == 400
    assert still.try_control("arrive_payout", payout=made["id"])[0].status == 400


def test_a_payout_that_fails_after_it_was_paid_goes_out_again_with_the_next(
    still: Running,
) -> None:
    still.charge(5000, number=AT_ONCE)
    key = still.control("send_payout", currency="usd")["id"]
    still.control("arrive_payout", payout=key)
    failed = still.control("fail_payout", payout=key, code="no_account")
    assert (failed["status"], failed["failure_code"]) == ("failed", "no_account")
    assert transaction(still, failed["failure_balance_transaction"]) == (
        "payout_failure",
        "payout_reversal",
        4825,
        0,
        4825,
    )
    assert still.event_types()[-1] == "payout.failed"
    assert balance(still)[0] == 4825
    assert still.control("send_payout", currency="usd")["amount"] == 4825
    assert still.try_control("fail_payout", payout=key)[0].status == 400


def test_a_payout_asked_for_takes_no_more_than_is_available(still: Running) -> None:
    still.charge(5000)
    payouts = still.client.v1.payouts
    with pytest.raises(stripe.InvalidRequestError) as caught:
        payouts.create({"amount": 100, "currency": "usd"})
    assert caught.value.code == "balance_insufficient"
    assert still.control("make_available")["made_available"] == 1
    made = payouts.create({"amount": 4000, "currency": "usd", "metadata": {"a": "b"}})
    assert (made.status, made.automatic, made.reconciliation_status) == (
        "pending",
        False,
        "not_applicable",
    )
    assert balance(still) == (825, 0)
    with pytest.raises(stripe.InvalidRequestError, match="not manual"):
        pieces(still, made.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        pieces(still, "po_none")
    gone = payouts.cancel(made.id)
    assert gone.status == "canceled"
    assert transaction(still, gone.failure_balance_transaction)[0] == "payout_cancel"
    assert balance(still) == (4825, 0)
    with pytest.raises(stripe.InvalidRequestError, match="only pending payouts"):
        payouts.cancel(made.id)
    assert still.event_types()[-2:] == ["payout.created", "payout.canceled"]


def test_a_dispute_after_the_payout_leaves_the_balance_below_zero(still: Running) -> None:
    charge = still.charge(5000, number=AT_ONCE)
    still.control("send_payout", currency="usd")
    still.control("open_dispute", charge=charge.id)
    assert balance(still) == (-6500, 0)
    response, text = still.try_control("send_payout", currency="usd")
    assert response.status == 400
    assert "-6500" in text


def test_settlement_can_be_held_back(still: Running) -> None:
    still.control("hold_settlement")
    first, second = still.charge(), still.charge()
    assert first.balance_transaction is None
    settled = still.control("settle", charge=first.id)
    assert settled["balance_transaction"]
    assert still.client.v1.charges.retrieve(second.id).balance_transaction is None
    still.control("hold_settlement", held=False)
    wait_for(lambda: still.client.v1.charges.retrieve(second.id).balance_transaction)
    assert still.event_types().count("charge.updated") == 2
    assert still.charge().balance_transaction
