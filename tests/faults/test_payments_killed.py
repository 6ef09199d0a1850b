"""Payments under kill -9, between our commit and Stripe's call, and between its call and our commit.

Each act runs in a process of its own that dies at one exact place: as a request leaves for Stripe,
or as its answer is here and nothing of it is kept. Then the act is done again, as the payer's next
press or the job's next run does it. The sandbox is Stripe, over real HTTP.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from django.db import connections
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from core.jobs import recovery
from core.jobs.execution import claim_next, execute
from core.jobs.testing import run_pending_jobs
from core.money import Money
from funding.ledger.models import Entry
from funding.payments import inbox, mandates
from funding.payments.checkout import begin_checkout
from funding.payments.models import Payment, Receipt, Refund, StripeEvent
from funding.payments.stripe_client import HTTPClient, client
from funding.payments.webhooks import of_mapping
from funding.pools import charging
from tests.factories.payments import make_payment
from tests.factories.payouts import approved_refund
from tests.payments.aftermath import assert_agree, news, paid
from tests.payments.stripe_sandbox import Sandbox, running_sandbox
from tests.payments.test_mandates import agreed, on_day, second

When = Literal["as the call leaves", "as the answer is here"]
BOTH = pytest.mark.parametrize("when", ["as the call leaves", "as the answer is here"])

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("committed_db")]


@pytest.fixture
def sandbox(tmp_path: Path, settings: Any) -> Iterator[Sandbox]:
    flags = ("--settle-after", "0", "--step-after", "3600", "--debit-after", "3600")
    with running_sandbox(tmp_path / "sandbox.sqlite3", *flags) as sandbox:
        settings.STRIPE_API_BASE = sandbox.url
        yield sandbox


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(act: Callable[[], object], prepare: Callable[[], None]) -> None:
    """Run ``act`` in a process that ``prepare`` makes die in the middle of it."""
    connections.close_all()  # a connection must not be shared by two processes
    pid = os.fork()
    if pid == 0:
        try:
            prepare()
            act()
        finally:
            os._exit(0)  # it was to be killed before
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "It did not come that far."


def work() -> None:
    """A worker that takes what there is."""
    while (row := claim_next("the-dead")) is not None:
        execute(row)


def another_worker_takes_over() -> None:
    recovery.bury("the-dead")
    DBTaskResult.objects.update(run_after=Now())  # it would wait a moment before it tries again
    run_pending_jobs()


def killed_at_stripe(act: Callable[[], object], when: When, path: str) -> None:
    """Run ``act`` in a process that dies at its POST to ``path``, before or after Stripe did it."""

    def prepare() -> None:
        ask = HTTPClient.request

        def request(self: HTTPClient, method: str, url: str, *rest: Any, **named: Any) -> Any:
            doomed = method.lower() == "post" and path in url
            if doomed and when == "as the call leaves":
                die()
            answer = ask(self, method, url, *rest, **named)
            if doomed:
                die()
            return answer

        HTTPClient.request = request  # type: ignore[method-assign]

    killed(act, prepare)


# --- Going to pay ---------------------------------------------------------------------------------


def sessions_of(payment: Payment) -> list[Any]:
    listed = client().v1.checkout.sessions.list({"limit": 100})
    return [
        session for session in listed.data if session.client_reference_id == str(payment.public_id)
    ]


@BOTH
def test_a_payer_who_presses_again_is_led_to_the_one_page_there_is(
    sandbox: Sandbox, when: When
) -> None:
    payment = make_payment()
    killed_at_stripe(lambda: begin_checkout(payment), when, "/checkout/sessions")

    address = begin_checkout(payment)

    (session,) = sessions_of(payment)
    assert address == session.url
    sandbox.pay(address)
    news(sandbox)
    payment.refresh_from_db()
    assert payment.is_paid
    assert_agree()


# --- Giving back ----------------------------------------------------------------------------------


@BOTH
def test_a_refund_is_made_once_though_the_worker_died_over_it(sandbox: Sandbox, when: When) -> None:
    payment = paid(sandbox)
    approved_refund(payment, amount=Money(2_000, "USD"))

    killed_at_stripe(work, when, "/v1/refunds")
    another_worker_takes_over()
    news(sandbox)

    assert len(client().v1.refunds.list({"charge": payment.stripe_charge or ""}).data) == 1
    refund = Refund.objects.get()
    assert (refund.amount, refund.status) == (2_000, Refund.Status.SUCCEEDED)
    payment.refresh_from_db()
    assert payment.refunded.amount == 2_000
    assert_agree()


# --- Charging a card whose owner is away ------------------------------------------------------------


@BOTH
def test_a_card_is_charged_once_though_the_worker_died_over_it(
    sandbox: Sandbox, when: When
) -> None:
    pledge = agreed(sandbox)
    with on_day(7, pledge):
        charging.announce_charges()
    payment = second(pledge)
    assert payment is not None

    killed_at_stripe(lambda: mandates.charge(payment.pk), when, "/payment_intents")
    mandates.charge(payment.pk)
    news(sandbox)

    payment.refresh_from_db()
    assert payment.is_paid
    intents = client().v1.payment_intents.list({"limit": 100})
    ours = [one for one in intents.data if one.metadata["payment"] == str(payment.public_id)]
    assert [one.status for one in ours] == ["succeeded"]
    assert_agree()


# --- Hearing of it --------------------------------------------------------------------------------


def test_an_event_counts_once_though_the_worker_died_as_it_was_applied(sandbox: Sandbox) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    events = [of_mapping(event, json.dumps(event)) for event in sandbox.events(payment)]

    def hear() -> None:
        for event in events:
            inbox.receive(event, StripeEvent.Source.WEBHOOK)
        work()

    def prepare() -> None:
        # All is written, receipt and mail too, and nothing is committed.
        inbox._other_version = lambda _body: die()  # type: ignore[assignment, func-returns-value]

    killed(hear, prepare)
    assert not Receipt.objects.exists()
    another_worker_takes_over()

    payment.refresh_from_db()
    assert payment.is_paid
    assert Receipt.objects.count() == 1
    assert Entry.objects.count() == 1
    assert StripeEvent.objects.filter(processed_at=None).count() == 0
    assert_agree()
