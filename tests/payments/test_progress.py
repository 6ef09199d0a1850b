"""How a payment moves, whatever order Stripe's news come in."""

from typing import Any

import pytest
from django.core import mail
from django_tasks_db.models import DBTaskResult

from core.jobs.testing import run_pending_jobs
from core.transactions import TransactionMissing, use_case
from funding.ledger.models import Entry
from funding.ledger.queries import figures
from funding.payments import progress
from funding.payments.models import NEXT_STATUS, Payment, Receipt, Status
from funding.payments.outcomes import Settlement
from tests.factories.payments import make_payment, outcome, settlement, state

pytestmark = pytest.mark.django_db


def apply(payment: Payment, standing: str = "paid", **changes: Any) -> str:
    with use_case():
        problem = progress.apply(payment.pk, state(payment, standing, **changes))
    payment.refresh_from_db()
    return problem


def settle(payment: Payment, what: Settlement | None = None) -> None:
    with use_case():
        progress.settle(payment.pk, what or settlement(payment))
    payment.refresh_from_db()


DECLINED = {"failure": ("insufficient_funds", "Your card has insufficient funds.")}


def test_money_that_arrived_makes_payment_receipt_outcome_and_mail_in_one() -> None:
    payment = make_payment(language="fr", payer_name="Ada d'Or")

    assert apply(payment) == ""

    assert payment.status == Status.SUCCEEDED
    assert payment.stripe_intent == f"pi_{payment.pk}"
    assert outcome.told == [("succeeded", payment.purpose_id)]
    receipt = Receipt.objects.get(payment=payment)
    assert receipt.language == "fr"
    DBTaskResult.objects.exclude(task_path="core.mail.send_template").delete()
    run_pending_jobs()
    (message,) = mail.outbox
    assert message.to == ["ada@example.org"]
    assert f"/fr/receipts/{receipt.public_id}/" in message.body
    assert "Ada d'Or" in message.body
    assert receipt.number in message.subject


def test_the_same_news_twice_changes_nothing_more() -> None:
    payment = make_payment()
    for _ in range(3):
        assert apply(payment) == ""

    assert outcome.told == [("succeeded", payment.purpose_id)]
    assert Receipt.objects.count() == 1
    assert DBTaskResult.objects.filter(task_path="core.mail.send_template").count() == 1


def test_when_the_outcome_fails_nothing_of_the_success_stands() -> None:
    payment = make_payment()
    outcome.refuses = RuntimeError("the term cannot be settled")

    with pytest.raises(RuntimeError):
        apply(payment)

    payment.refresh_from_db()
    assert payment.status == Status.PENDING
    assert not Receipt.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_a_declined_card_records_why_and_nothing_received() -> None:
    payment = make_payment()

    apply(payment, "failed", **DECLINED)
    apply(payment, "failed", **DECLINED)

    assert (payment.status, payment.failure_code) == (Status.FAILED, "insufficient_funds")
    assert outcome.told == [("failed", payment.purpose_id)]
    assert not Receipt.objects.exists()
    assert not Entry.objects.exists()


def test_success_after_a_failure_on_the_same_intent() -> None:
    payment = make_payment()
    apply(payment, "failed", **DECLINED)
    apply(payment)

    assert (payment.status, payment.failure_code) == (Status.SUCCEEDED, "")


def test_a_failure_told_after_the_success_changes_nothing() -> None:
    payment = make_payment()
    apply(payment)
    apply(payment, "failed", **DECLINED)

    assert payment.status == Status.SUCCEEDED
    assert outcome.told == [("succeeded", payment.purpose_id)]


def test_the_end_of_an_older_attempt_does_not_fail_the_present_one() -> None:
    payment = make_payment()
    Payment.objects.filter(pk=payment.pk).update(attempt=2)
    apply(payment, "failed", attempt=1, failure=("expired", "The session expired."))

    assert payment.status == Status.PENDING


def test_money_of_an_older_attempt_is_money_all_the_same() -> None:
    payment = make_payment()
    Payment.objects.filter(pk=payment.pk).update(attempt=2)
    apply(payment, attempt=1)

    assert payment.status == Status.SUCCEEDED


def test_an_amount_that_differs_is_not_marked_paid_and_staff_see_why() -> None:
    payment = make_payment(amount=5_000)
    problem = apply(payment, amount=4_000)

    assert "4000" in problem
    assert "50.00 USD" in problem
    assert (payment.status, payment.problem) == (Status.PENDING, problem)
    assert not Receipt.objects.exists()


def test_a_currency_that_differs_is_not_marked_paid() -> None:
    payment = make_payment()

    assert "eur" in apply(payment, currency="eur")
    assert payment.status == Status.PENDING


def test_a_second_payment_of_the_same_is_an_alarm_not_a_second_receipt() -> None:
    payment = make_payment()
    apply(payment)
    problem = apply(payment, intent="pi_other", charge="ch_other")

    assert problem.startswith("Paid twice")
    assert payment.stripe_intent == f"pi_{payment.pk}"
    assert Receipt.objects.count() == 1


def test_settling_posts_once_with_the_key_of_the_balance_transaction() -> None:
    payment = make_payment(amount=10_000)
    apply(payment)
    for _ in range(2):
        settle(payment, settlement(payment, fee=320))

    entry = Entry.objects.get()
    assert entry.idempotency_key == f"stripe:txn_{payment.pk}"
    assert payment.entry == entry
    assert (payment.settled_gross, str(payment.fee)) == (10_000, "3.20 USD")
    told = figures(payment.pool, "USD")
    assert (told["received"], told["fees"]) == (10_000, 320)


def test_what_is_not_paid_is_not_settled() -> None:
    payment = make_payment()
    with pytest.raises(progress.WrongStep):
        settle(payment)
    assert not Entry.objects.exists()


def test_a_payment_is_processing_until_the_bank_has_paid() -> None:
    payment = make_payment()
    apply(payment, "processing")
    assert payment.status == Status.PROCESSING
    assert not payment.can_be_tried
    apply(payment)
    assert payment.is_paid


def test_progress_is_a_part_of_a_use_case() -> None:
    payment = make_payment()
    with pytest.raises(TransactionMissing):
        progress.apply(payment.pk, state(payment))


def test_success_can_only_be_undone_and_every_status_has_its_row() -> None:
    assert set(NEXT_STATUS) == set(Status)
    assert NEXT_STATUS[Status.SUCCEEDED] == {Status.UNDONE}
    assert NEXT_STATUS[Status.UNDONE] == frozenset()


@pytest.mark.parametrize(
    ("before", "after"),
    [(before, after) for before in Status for after in Status if after not in NEXT_STATUS[before]],
)
def test_a_step_that_is_not_on_the_map_is_a_named_error(before: Status, after: Status) -> None:
    with pytest.raises(progress.WrongStep, match=after):
        progress.step(Payment(status=before), after)


def test_why_it_is_not_in_the_books_stands_beside_another_problem_and_once() -> None:
    payment = make_payment()
    apply(payment)
    apply(payment, intent="pi_other", charge="ch_other")
    for reason in ("The pool is closed.", "The pool is closed.", "The month is closed."):
        with use_case():
            progress.note_unsettled(payment.pk, reason)
    payment.refresh_from_db()
    paid_twice, why = payment.problem.splitlines()
    assert paid_twice.startswith("Paid twice")
    assert why == "Not in the books: The month is closed."

    settle(payment)
    assert payment.problem == paid_twice
