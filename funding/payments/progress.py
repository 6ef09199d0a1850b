"""How a payment moves: lock, rule, write, log, job, in that order.

Each function is a part of a use case (the inbox's, or a job's) and applies what Stripe says now,
so it may be called any number of times, in any order, with the same result.
"""

from django.utils import timezone

from core.mail import enqueue_mail
from core.transactions import inside_transaction
from funding.ledger.posting import post
from funding.payments import jobs, outcomes, problems
from funding.payments.models import NEXT_STATUS, Payment, ProcessorTransaction, Receipt, Status
from funding.payments.outcomes import Settlement
from funding.payments.present_state import PresentState
from funding.payments.receipts import issue_receipt
from funding.payments.stripe_units import to_stripe

NOT_IN_THE_BOOKS = "Not in the books:"


class WrongStep(RuntimeError):
    """A payment was about to move to a status that cannot follow its present one."""


@inside_transaction
def apply(payment_id: int, state: PresentState) -> str:
    """Bring the payment to what Stripe says now. Returns what is wrong, empty when all is well.

    Only the latest attempt can fail a payment, but money that arrived is never overlooked,
    whichever attempt brought it.
    """
    payment = lock(payment_id)
    if state.standing == "paid":
        problem = _disagreement(payment, state)
        if problem:
            problems.add(payment, problem)
            return problem
        if not payment.is_paid:
            _succeed(payment, state)
        elif state.session and payment.stripe_session is None:
            # The news of the charge came first, and a charge does not name its session.
            payment.stripe_session = state.session
            payment.save(update_fields=["stripe_session"])
        if payment.entry_id is None:
            # The ledger's entry follows in a transaction of its own: were it refused, the money
            # is received all the same.
            jobs.settle_payment.enqueue(payment_id=payment.pk)
    elif not payment.is_paid and state.attempt == payment.attempt:
        if state.standing == "processing" and payment.status != Status.PROCESSING:
            step(payment, Status.PROCESSING)
            payment.channel = state.channel
            payment.save()
        elif state.standing == "failed" and state.failure:
            _fail(payment, *state.failure)
    return ""


@inside_transaction
def lock(payment_id: int) -> Payment:
    """The payment with its row locked until the transaction ends (its pool is only read)."""
    return Payment.objects.select_related("pool").select_for_update(of=("self",)).get(pk=payment_id)


def _succeed(payment: Payment, state: PresentState) -> None:
    step(payment, Status.SUCCEEDED)
    payment.succeeded_at = state.paid_at or timezone.now()
    payment.stripe_session = state.session or payment.stripe_session
    payment.stripe_intent = state.intent
    payment.stripe_charge = state.charge
    payment.channel = state.channel
    payment.failure_code = payment.failure_message = ""
    payment.save()
    record_arrival(payment)


@inside_transaction
def record_arrival(payment: Payment) -> None:
    """What follows when money arrived, by whatever channel: receipt, outcome, mail.

    The payment is locked (or new), saved as succeeded, and this is called once for it. The books
    follow with `settle`.
    """
    receipt = issue_receipt(payment)
    outcomes.outcome_of(payment.purpose).succeeded(payment)
    send_receipt(payment, receipt)


@inside_transaction
def send_receipt(payment: Payment, receipt: Receipt) -> None:
    """Mail the receipt of a payment."""
    if not payment.payer_email:
        return  # A payer by transfer or by hand may have given none.
    enqueue_mail(
        "payments_receipt",
        payment.payer_email,
        payment.language,
        {
            "name": payment.payer_name,
            "description": payment.description,
            "amount": payment.money.format(payment.language),
            "pool": payment.pool.name,
            "number": receipt.number,
            "path": receipt.get_absolute_url(),
        },
        attachments=[("receipt", str(receipt.public_id))],
        about=f"receipt:{receipt.number}",
    )


def _fail(payment: Payment, code: str, message: str) -> None:
    code, message = code[:100], message[:1000]
    if (payment.status, payment.failure_code) == (Status.FAILED, code):
        return
    if payment.status != Status.FAILED:
        step(payment, Status.FAILED)
    payment.failure_code, payment.failure_message = code, message
    payment.save()
    outcomes.outcome_of(payment.purpose).failed(payment)


@inside_transaction
def settle(payment_id: int, settlement: Settlement) -> None:
    """Post the ledger entry of a paid payment, now that its balance transaction exists."""
    payment = lock(payment_id)
    if payment.entry_id is not None:
        return
    if not payment.is_paid:
        raise WrongStep(f"Payment {payment.public_id} settles before it is paid.")
    entry = outcomes.outcome_of(payment.purpose).entry(payment, settlement)
    if entry.key != settlement.key:
        raise ValueError(f"The entry of a settlement has the key {settlement.key!r}.")
    payment.entry_id = post(entry).entry_id
    payment.stripe_balance_transaction = settlement.balance_transaction or None
    payment.settled_gross = settlement.gross
    payment.settled_fee = settlement.fee
    payment.settled_currency = settlement.currency
    payment.settled_on = settlement.date
    payment.save()
    problems.remove(payment, NOT_IN_THE_BOOKS)
    if settlement.balance_transaction:
        ProcessorTransaction.objects.filter(
            balance_transaction=settlement.balance_transaction
        ).update(entry=payment.entry_id, problem="")


@inside_transaction
def note_unsettled(payment_id: int, reason: str) -> None:
    """Tell staff why the entry of a paid payment could not be posted; the next success clears it."""
    payment = lock(payment_id)
    sentence = " ".join(f"{NOT_IN_THE_BOOKS} {reason}".split())[:1000]
    if payment.entry_id is None and sentence not in payment.problem.splitlines():
        problems.remove(payment, NOT_IN_THE_BOOKS)
        problems.add(payment, sentence)


def step(payment: Payment, status: str) -> None:
    if status not in NEXT_STATUS[payment.status]:
        raise WrongStep(f"{status} cannot follow {payment.status} ({payment.public_id}).")
    payment.status = status


def _disagreement(payment: Payment, state: PresentState) -> str:
    """Why money that arrived is not what this payment agreed, in words for staff."""
    wanted = to_stripe(payment.money)
    if (state.amount, state.currency) != wanted:
        return (
            f"Stripe took {state.amount} {state.currency} (in its units) by {state.intent}, "
            f"agreed were {payment.money}: it is not marked paid."
        )
    if payment.is_paid and state.intent != payment.stripe_intent:
        return f"Paid twice: by {payment.stripe_intent} and again by {state.intent}."
    return ""
