"""What happens after a payment, told by the sandbox; and what must hold after every bad day."""

from typing import Any

from core.jobs.testing import run_pending_jobs
from funding.ledger import verification
from funding.ledger.models import AccountBalance, Entry
from funding.payments import processor_books, report
from funding.payments.models import Payment, StripeEvent
from funding.payments.stripe_client import client
from tests.factories.payments import make_payment
from tests.payments.stripe_sandbox import GOOD, Sandbox


def paid(sandbox: Sandbox, card: str = GOOD, **changes: Any) -> Payment:
    """A payment of 50.00 USD by card, in the books."""
    payment = make_payment(**changes)
    sandbox.pay_and_deliver(payment, card)
    assert payment.entry_id is not None
    return payment


def all_events() -> list[dict[str, Any]]:
    """Every event of Stripe, oldest first."""
    listed = client().v1.events.list({"limit": 100})
    return [event.to_dict(for_json=True) for event in listed.auto_paging_iter()][::-1]


def news(sandbox: Sandbox) -> None:
    """Deliver what was not delivered yet, in order, and let the jobs run."""
    known = set(StripeEvent.objects.values_list("event_id", flat=True))
    sandbox.deliver(*[event for event in all_events() if event["id"] not in known])


def read_books() -> None:
    """What the scheduled job does, and the jobs that it leads to."""
    processor_books.read_lines()
    processor_books.book_open()
    run_pending_jobs()


def balance(payment: Payment, account: str) -> int:
    """What an account of the payment's pool stands at, over all currencies, debit positive."""
    rows = AccountBalance.objects.filter(account__pool=payment.pool, account__code=account)
    return sum(rows.values_list("amount", flat=True))


def kinds(payment: Payment) -> list[str]:
    """The kinds of the entries in the payment's pool, in the order in which they were posted."""
    entries = Entry.objects.filter(postings__pool=payment.pool).distinct().order_by("pk")
    return list(entries.values_list("kind", flat=True))


def assert_agree() -> report.Report:
    """The books verify, and the report finds no difference to the sandbox."""
    assert report.read_everything() == []
    run_pending_jobs()
    assert list(verification.problems()) == []
    found = report.compare()
    assert found.agrees, str(found)
    return found
