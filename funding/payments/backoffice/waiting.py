"""What waits for a person: the querysets behind the panel and the lists' filters."""

from django.db.models import F, QuerySet

from core.models import User
from funding.payments.backoffice.bank import with_state
from funding.payments.models import (
    BankLine,
    Dispute,
    Payment,
    Payout,
    ProcessorTransaction,
    StripeEvent,
)

# Statuses of a dispute in which Stripe waits for our answer.
ANSWERABLE = ("needs_response", "warning_needs_response")


def disputes() -> QuerySet[Dispute]:
    """Disputes and inquiries that are open and wait for our answer."""
    return Dispute.objects.filter(outcome=Dispute.Outcome.OPEN, status__in=ANSWERABLE)


def failing_events() -> QuerySet[StripeEvent]:
    return StripeEvent.objects.filter(processed_at=None).exclude(last_error="")


def payments_with_a_problem() -> QuerySet[Payment]:
    return Payment.objects.exclude(problem="")


def processor_lines_with_a_problem() -> QuerySet[ProcessorTransaction]:
    return ProcessorTransaction.objects.exclude(problem="")


def payouts_for(person: User) -> QuerySet[Payout]:
    """Payouts on which ``person`` can decide."""
    return (
        Payout.objects.filter(status=Payout.Status.REQUESTED)
        .exclude(requested_by=person)
        .exclude(payment__in=Payment.objects.filter(user=person))
        .exclude(decisions__by=person)
    )


def payouts_to_order() -> QuerySet[Payout]:
    """Approved, to be paid from the bank, and no reference of the bank yet."""
    return Payout.objects.filter(status=Payout.Status.APPROVED, place=Payout.Place.BANK)


def payouts_not_sent() -> QuerySet[Payout]:
    """Approved, and the card processor has not been asked, or did not answer so far."""
    return Payout.objects.filter(status=Payout.Status.APPROVED, place=Payout.Place.CLEARING)


def unmatched_lines() -> QuerySet[BankLine]:
    """Lines of statements whose matches do not add up to them; parked is matched for now."""
    found: QuerySet[BankLine] = with_state(BankLine.objects.all()).exclude(matched=F("amount"))
    return found


def parked_lines() -> QuerySet[BankLine]:
    """Lines with money that nobody could match yet."""
    found: QuerySet[BankLine] = with_state(BankLine.objects.all()).filter(waiting=True)
    return found
