"""Manual channels: mobile money, cheques, local transfers. Staff confirm what came by evidence."""

import datetime

from django.db.models import TextField, Value
from django.db.models.functions import Replace, Upper
from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from funding.ledger.entries import person
from funding.payments.banking import refusals, undoing
from funding.payments.banking.accounts import require_right
from funding.payments.banking.receiving import lock_expected, noon, receive
from funding.payments.models import Channel, ExpectedPayment, ManualChannel, Payment, Status
from funding.payments.outcomes import Settlement
from funding.payments.permissions import CONFIRM_PAYMENT


@inside_transaction
def confirm_payment(
    expected: ExpectedPayment,
    amount: Money,
    *,
    evidence: str,
    paid_on: datetime.date,
    by: User,
) -> Payment:
    """Money came by the manual channel of ``expected``, as ``evidence`` shows: booked like a bank
    line, but in transit until the operator's money is on our statement.

    Raises NotByChannel, EvidenceWanted, EvidenceUsed, PaidInFuture, PaidLongAgo, NotPermitted, and
    what `receiving.require_payable` refuses.
    """
    require_right(by, CONFIRM_PAYMENT)
    expected = lock_expected(expected)
    channel = expected.channel
    if channel is None:
        raise refusals.NotByChannel(number=str(expected))
    evidence = " ".join(evidence.split())
    if not evidence:
        raise refusals.EvidenceWanted(hint=channel.evidence_hint)
    if paid_on > timezone.localdate():
        raise refusals.PaidInFuture
    if paid_on.year < 2000:
        raise refusals.PaidLongAgo
    # One evidence stands for one payment of a channel, however many are confirmed at once.
    ManualChannel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
    _require_new_evidence(channel, evidence)
    payment = receive(
        expected,
        amount=amount,
        paid_at=noon(paid_on) if paid_on < timezone.localdate() else timezone.now(),
        settlement=Settlement(
            gross=amount.amount,
            fee=0,
            currency=amount.currency,
            date=paid_on,
            place="in-transit",
            prepared_by=person(by.pk),
        ),
        by=by,
        evidence=evidence,
    )
    audit.record(
        "payments.confirm_payment",
        payment,
        by=by,
        expected=str(expected),
        amount=str(amount),
        channel=channel.name,
        evidence=evidence,
    )
    return payment


@inside_transaction
def undo_confirmation(payment: Payment, *, by: User, reason: str) -> Payment:
    """It was confirmed by mistake. Raises as `undoing.take_back_payment`, ReasonWanted."""
    require_right(by, CONFIRM_PAYMENT)
    if not reason.strip():
        raise refusals.ReasonWanted
    payment = undoing.take_back_payment(payment, by=by, reason=reason.strip())
    audit.record("payments.undo_payment", payment, by=by, reason=reason.strip())
    return payment


def _require_new_evidence(channel: ManualChannel, evidence: str) -> None:
    """Spaces and case do not make another evidence."""
    other = (
        Payment.objects.annotate(
            compact=Upper(
                Replace("evidence", Value(" "), Value(""), output_field=TextField()),
                output_field=TextField(),
            )
        )
        .filter(
            compact=evidence.replace(" ", "").upper(),
            expected__channel=channel,
            channel=Channel.MANUAL,
            status=Status.SUCCEEDED,
        )
        .first()
    )
    if other is not None:
        raise refusals.EvidenceUsed(
            channel=channel.name, payment=f"{other.payer_name}, {other.money.format()}"
        )
