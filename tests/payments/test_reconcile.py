"""The report: agree, or each difference in a sentence."""

import datetime
import io

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.posting import post
from funding.ledger.queries import figures
from funding.payments import inbox, report
from funding.payments.checkout import begin_checkout
from funding.payments.models import Payment, ProcessorTransaction, StripeEvent
from funding.payments.stripe_client import client
from tests.factories.payments import make_payment, received
from tests.payments.aftermath import all_events, assert_agree, news, paid
from tests.payments.stripe_sandbox import Sandbox

pytestmark = pytest.mark.django_db


def reconcile() -> tuple[str, int]:
    """What the command prints, and what it ends with."""
    out = io.StringIO()
    try:
        call_command("reconcile", stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_an_empty_portal_agrees_with_an_empty_account(own_sandbox: Sandbox) -> None:
    assert reconcile() == ("agree\n", 0)


def test_it_brings_in_what_no_webhook_told_and_then_agrees(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    assert reconcile() == ("agree\n", 0)
    payment.refresh_from_db()
    assert payment.is_paid
    own_sandbox.control("refund", charge=payment.stripe_charge, amount=500)
    own_sandbox.control("open_dispute", charge=payment.stripe_charge)
    assert reconcile()[1] == 0
    assert payment.refunds.get().amount == 500


def test_money_that_is_not_ours_is_named_with_its_amount(
    own_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid(own_sandbox)
    own_sandbox.control("take_fee", amount=725, currency="usd", description="Radar")
    text, code = reconcile()

    assert code == 1
    assert "agree" not in text
    line = ProcessorTransaction.objects.get(type="stripe_fee")
    assert line.balance_transaction in text
    assert "no pool “general”" in text
    assert str(Money(725, "USD")) in text
    assert "a difference of" in text
    assert "The processor and the ledger differ" in caplog.text
    assert payment.entry is not None


def test_an_entry_in_clearing_that_no_line_explains_is_named(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    with use_case():
        post(
            templates.card_gift(
                gross=100,
                fee=0,
                key="by-hand:1",
                pool=payment.pool.code,
                currency="USD",
                date=datetime.date(2026, 11, 27),
            )
        )
    text, code = reconcile()
    assert code == 1
    assert "The entry by-hand:1 moves" in text


def test_a_line_that_changed_after_it_was_booked_is_named(own_sandbox: Sandbox) -> None:
    paid(own_sandbox)
    assert_agree()
    ProcessorTransaction.objects.update(fee=F("fee") - 1, net=F("net") + 1)
    (difference,) = report.compare().differences
    assert "its entry moves" in difference


def test_money_of_another_amount_is_owed_back_and_its_payment_says_why(
    own_sandbox: Sandbox,
) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    other = make_payment(amount=7_000)
    # As if our row had been agreed otherwise: the session's metadata names the other payment.
    payment.refresh_from_db()
    session = client().v1.checkout.sessions.retrieve(payment.stripe_session or "")
    client().v1.payment_intents.update(
        str(session.payment_intent),
        {"metadata": {"payment": str(other.public_id)}},
        {"idempotency_key": "changed"},
    )
    Payment.objects.filter(pk=payment.pk).update(stripe_session=None)
    _text, code = reconcile()
    assert code == 0
    other.refresh_from_db()
    assert not other.is_paid
    assert "agreed were" in other.problem
    assert figures(other.pool, "USD")["owed_back"] == 5_000


def test_events_that_wait_or_fail_are_named(own_sandbox: Sandbox) -> None:
    inbox.receive(received("payment_intent.succeeded", {"id": "pi_x", "metadata": {}}), "webhook")
    assert report.compare().agrees  # it came this moment
    event = StripeEvent.objects.get()
    StripeEvent.objects.update(attempts=3, last_error="APIConnectionError: no")
    (difference,) = report.compare().differences
    assert event.event_id in difference
    assert "failed 3 times" in difference


def test_what_waits_long_is_named(own_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.receive(received("payment_intent.succeeded", {"id": "pi_x", "metadata": {}}), "webhook")
    later = timezone.now() + datetime.timedelta(hours=1)
    monkeypatch.setattr(report.timezone, "now", lambda: later)
    (difference,) = report.compare().differences
    assert "waits since" in difference


def test_stripe_down_is_a_difference_and_not_an_agreement(own_sandbox: Sandbox) -> None:
    paid(own_sandbox)
    own_sandbox.control("api_fault", calls="GET /v1/balance_transactions", answer="503", count=50)
    text, code = reconcile()
    assert code == 1
    assert "The step “read lines” failed" in text
    own_sandbox.control("end_faults")
    assert reconcile() == ("agree\n", 0)


def test_stripe_down_altogether_ends_with_a_sentence(own_sandbox: Sandbox) -> None:
    paid(own_sandbox)
    own_sandbox.control("api_down")
    text, code = reconcile()
    assert code == 1
    assert "balance" in text


def test_the_books_agree_in_several_currencies(own_sandbox: Sandbox) -> None:
    for currency, amount in (("USD", 5_000), ("EUR", 3_000), ("JPY", 900), ("KWD", 12_340)):
        paid(own_sandbox, amount=amount, currency=currency)
    news(own_sandbox)
    assert len(all_events()) > 4
    assert assert_agree().notes == []
