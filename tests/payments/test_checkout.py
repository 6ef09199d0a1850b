"""To the checkout page and back, against the sandbox over HTTP."""

import datetime
import threading
import uuid
from typing import Any

import pytest
import stripe
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.transactions import TransactionMissing, use_case
from funding.payments import checkout
from funding.payments.checkout import (
    AlreadyPaid,
    BeingConfirmed,
    CheckoutUnavailable,
    NoLongerWanted,
    begin_checkout,
    open_payment,
)
from funding.payments.models import Payment, Receipt, Status
from funding.payments.stripe_client import CallInsideTransaction, client
from funding.payments.stripe_units import AmountNotByCard
from tests.factories.payments import PURPOSE, make_payment, outcome
from tests.payments.stripe_sandbox import DECLINED, Sandbox


def sessions_of(payment: Payment) -> list[stripe.checkout.Session]:
    listed = client().v1.checkout.sessions.list({"limit": 100})
    ours = str(payment.public_id)
    return [s for s in listed.auto_paging_iter() if s.client_reference_id == ours]


# --- Opening a payment ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_opening_is_a_part_of_a_use_case() -> None:
    with pytest.raises(TransactionMissing):
        open_payment(
            purpose=PURPOSE,
            purpose_id=1,
            pool=None,  # type: ignore[arg-type]
            amount=None,  # type: ignore[arg-type]
            payer_name="",
            payer_email="",
            language="en",
        )


@pytest.mark.django_db
def test_a_form_sent_twice_opens_one_payment() -> None:
    token = uuid.uuid4()
    first = make_payment(form_token=token)
    assert make_payment(form_token=token) == first
    assert Payment.objects.count() == 1


@pytest.mark.django_db
def test_a_purpose_that_nobody_handles_is_refused() -> None:
    with pytest.raises(LookupError, match="lottery"):
        make_payment(purpose="lottery")


@pytest.mark.django_db
def test_an_amount_that_a_card_cannot_pay_is_refused_before_anything_is_written() -> None:
    with pytest.raises(AmountNotByCard):
        make_payment(amount=12_345, currency="KWD")
    assert not Payment.objects.exists()


# --- The session ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_session_says_what_we_agreed_and_names_our_payment(sandbox: Sandbox) -> None:
    payment = make_payment(amount=5_000, language="pt")
    address = begin_checkout(payment)
    payment.refresh_from_db()

    session = client().v1.checkout.sessions.retrieve(
        payment.stripe_session or "", {"expand": ["line_items"]}
    )
    assert session.url == address
    assert (session.amount_total, session.currency, session.locale) == (5_000, "usd", "pt")
    assert session.metadata is not None
    assert session.metadata.to_dict() == {"payment": str(payment.public_id), "attempt": "1"}
    assert session.adaptive_pricing is not None
    assert session.adaptive_pricing.enabled is False
    assert session.customer_email == "ada@example.org"
    page = f"http://testserver/pt/payments/{payment.public_id}/"
    assert (session.success_url, session.cancel_url) == (f"{page}?returned=1", f"{page}?left=1")
    assert session.line_items is not None
    assert session.line_items.data[0].description == payment.description


@pytest.mark.django_db
def test_uganda_shillings_go_out_in_stripes_units(sandbox: Sandbox) -> None:
    payment = make_payment(amount=20_000, currency="UGX")
    begin_checkout(payment)
    (session,) = sessions_of(payment)
    assert (session.amount_total, session.currency) == (2_000_000, "ugx")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("currency", "switched_on", "methods"),
    [
        ("USD", {"USD", "EUR", "GBP"}, ["card", "us_bank_account"]),
        ("EUR", {"EUR"}, ["card", "sepa_debit"]),
        ("GBP", {"GBP"}, ["card", "bacs_debit"]),
        ("GBP", set(), ["card"]),
        ("KES", {"USD", "EUR", "GBP"}, ["card"]),
    ],
)
def test_bank_debit_is_offered_where_the_currency_has_one_and_it_is_switched_on(
    sandbox: Sandbox, settings: Any, currency: str, switched_on: set[str], methods: list[str]
) -> None:
    settings.STRIPE_BANK_DEBITS = frozenset(switched_on)
    payment = make_payment(currency=currency)
    begin_checkout(payment)
    (session,) = sessions_of(payment)
    assert session.payment_method_types == methods


@pytest.mark.django_db
def test_stripe_is_never_called_inside_a_transaction(sandbox: Sandbox) -> None:
    payment = make_payment()
    with pytest.raises(CallInsideTransaction), use_case():
        begin_checkout(payment)
    with pytest.raises(CallInsideTransaction), use_case():
        client()


@pytest.mark.django_db
def test_asking_again_leads_to_the_same_open_session(sandbox: Sandbox) -> None:
    payment = make_payment()
    assert begin_checkout(payment) == begin_checkout(payment)
    assert len(sessions_of(payment)) == 1


def test_a_double_click_makes_one_session(committed_db: Any, sandbox: Sandbox) -> None:
    payment = make_payment()
    addresses: list[str] = []
    barrier = threading.Barrier(4, timeout=60)

    def click() -> None:
        barrier.wait()
        addresses.append(begin_checkout(payment))
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(addresses) == 4
    assert len(set(addresses)) == len(sessions_of(payment)) == 1


@pytest.mark.django_db
def test_killed_between_stripes_answer_and_our_commit_the_session_is_found_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "_keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            begin_checkout(payment)
    payment.refresh_from_db()
    assert payment.stripe_session is None

    address = begin_checkout(payment)
    (session,) = sessions_of(payment)
    assert session.url == address


@pytest.mark.django_db
def test_killed_between_our_commit_and_stripes_call_nothing_is_lost(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    with monkeypatch.context() as patch:
        patch.setattr(
            checkout, "_create_session", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            begin_checkout(payment)
    begin_checkout(payment)
    payment.refresh_from_db()
    assert payment.attempt == 1
    assert len(sessions_of(payment)) == 1


@pytest.mark.django_db
def test_an_attempt_of_long_ago_whose_session_we_never_heard_of_is_given_up(
    sandbox: Sandbox,
) -> None:
    payment = make_payment()
    long_ago = timezone.now() - datetime.timedelta(hours=3)
    Payment.objects.filter(pk=payment.pk).update(attempt=1, attempt_started_at=long_ago)
    begin_checkout(payment)
    payment.refresh_from_db()
    assert payment.attempt == 2


@pytest.mark.django_db
def test_a_new_session_comes_only_after_the_old_one_has_expired(sandbox: Sandbox) -> None:
    payment = make_payment()
    first = begin_checkout(payment)
    payment.refresh_from_db()
    client().v1.checkout.sessions.expire(payment.stripe_session or "")
    second = begin_checkout(payment)

    assert second != first
    assert sorted(session.status or "" for session in sessions_of(payment)) == ["expired", "open"]
    sandbox.deliver(*sandbox.events(payment))  # the first session's end, told late
    payment.refresh_from_db()
    assert (payment.status, payment.attempt) == (Status.PENDING, 2)


@pytest.mark.django_db
def test_paid_but_not_yet_told_is_not_paid_again_and_is_looked_up_at_once(
    sandbox: Sandbox,
) -> None:
    payment = make_payment()
    status, location = sandbox.pay(begin_checkout(payment))
    assert (status, location) == (303, f"http://testserver{payment.get_absolute_url()}?returned=1")

    with pytest.raises(BeingConfirmed):
        begin_checkout(payment)
    sandbox.deliver()  # runs the jobs alone: the webhook is lost
    payment.refresh_from_db()
    assert payment.is_paid
    assert payment.entry is not None
    with pytest.raises(AlreadyPaid):
        begin_checkout(payment)
    assert Receipt.objects.count() == 1


@pytest.mark.django_db
def test_trying_again_after_a_decline_leads_to_the_same_open_page(sandbox: Sandbox) -> None:
    payment = make_payment()
    address = begin_checkout(payment)
    status, _ = sandbox.pay(address, DECLINED)
    assert status == 402
    sandbox.deliver(*sandbox.events(payment))
    payment.refresh_from_db()
    assert payment.status == Status.FAILED
    assert begin_checkout(payment) == address


# --- When Stripe does not answer ------------------------------------------------------------------


@pytest.mark.django_db
def test_stripe_down_is_said_and_the_next_try_works(sandbox: Sandbox, settings: Any) -> None:
    payment = make_payment()
    up = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    with pytest.raises(CheckoutUnavailable):
        begin_checkout(payment)
    payment.refresh_from_db()
    assert (payment.status, payment.stripe_session) == (Status.PENDING, None)

    settings.STRIPE_API_BASE = up
    assert begin_checkout(payment).startswith(up)


@pytest.mark.django_db
def test_stripe_down_for_hours_is_no_obstacle_either(sandbox: Sandbox, settings: Any) -> None:
    payment = make_payment()
    up = settings.STRIPE_API_BASE
    with time_machine.travel(timezone.now() - datetime.timedelta(hours=5)):
        settings.STRIPE_API_BASE = "http://127.0.0.1:1"
        with pytest.raises(CheckoutUnavailable):
            begin_checkout(payment)
    settings.STRIPE_API_BASE = up
    assert begin_checkout(payment).startswith(up)


@pytest.mark.django_db
@pytest.mark.parametrize("made", [True, False])
def test_an_error_that_stripe_saved_under_the_key_is_not_asked_for_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """Stripe replays a saved 500; the session may have been made all the same."""
    payment = make_payment()
    service = type(client().v1.checkout.sessions)
    create = service.create
    keys: list[str] = []

    def fails_once(self: Any, params: Any, options: Any) -> Any:
        keys.append(options["idempotency_key"])
        if len(keys) > 1:
            return create(self, params, options)
        if made:
            create(self, params, options)
        raise stripe.APIError("saved", http_status=500)

    monkeypatch.setattr(service, "create", fails_once)
    if made:
        address = begin_checkout(payment)
        assert len(keys) == 1
    else:
        with pytest.raises(CheckoutUnavailable):
            begin_checkout(payment)
        address = begin_checkout(payment)
        assert keys[0] != keys[1]
    (session,) = sessions_of(payment)
    assert session.url == address


@pytest.mark.django_db
def test_a_wrong_key_is_told_to_the_payer_as_unavailable(sandbox: Sandbox, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_wrong_wrong_wrong_wrong"
    with pytest.raises(CheckoutUnavailable):
        begin_checkout(make_payment())


@pytest.mark.django_db
def test_what_nobody_wants_any_more_is_not_paid_and_the_page_says_why(
    sandbox: Sandbox, client: Client
) -> None:
    payment = make_payment()
    outcome.unwanted = "The pledge was withdrawn."
    with pytest.raises(NoLongerWanted, match="The pledge was withdrawn"):
        begin_checkout(payment)

    page = client.get(payment.get_absolute_url()).content.decode()
    assert "The pledge was withdrawn." in page
    assert "Pay by card" not in page
    answer = client.post(f"{payment.get_absolute_url()}pay/")
    assert answer["Location"] == payment.get_absolute_url()
