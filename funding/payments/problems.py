"""What staff must look at, written on the payment: one sentence a line, none twice."""

import logging

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.payments.models import Payment
from funding.payments.payout_refusals import NoProblem, ReasonMissing

logger = logging.getLogger(__name__)

LONGEST = 4000


@inside_transaction
def add(payment: Payment, sentence: str) -> None:
    """Add a sentence to the problem of a locked payment and raise the alarm, once each."""
    lines = payment.problem.splitlines()
    if sentence in lines:
        return
    logger.error("Payment %s: %s", payment.public_id, sentence)
    payment.problem = "\n".join([*lines, sentence])[:LONGEST]
    payment.save(update_fields=["problem"])


@inside_transaction
def remove(payment: Payment, beginning: str) -> None:
    """Take away the sentences of a locked payment that begin so: what they told of is over."""
    lines = payment.problem.splitlines()
    kept = [line for line in lines if not line.startswith(beginning)]
    if kept == lines:
        return
    payment.problem = "\n".join(kept)
    payment.save(update_fields=["problem"])


def handled(payment: Payment, *, reason: str, by: User) -> None:
    """A person dealt with the problem of a payment, and says how. The audit log keeps both.

    Raises ReasonMissing, and NoProblem where somebody was quicker.
    """
    with use_case():
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
        if not payment.problem:
            raise NoProblem
        if not reason.strip():
            raise ReasonMissing
        audit.record(
            "payments.handle_problem",
            payment,
            by=by,
            reason=reason.strip(),
            problem=payment.problem,
        )
        payment.problem = ""
        payment.save(update_fields=["problem"])
