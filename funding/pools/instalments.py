"""Paying an instalment: by card, by transfer, by a manual channel, by somebody else, in part; and
what arrived of it."""

import datetime

from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.payments import expected, mandates
from funding.payments.checkout import open_payment
from funding.payments.invoices import BillTo
from funding.payments.models import (
    Channel,
    ExpectedPayment,
    Mandate,
    ManualChannel,
    Payment,
    Status,
)
from funding.pools import pledge_debt, pledges, refusals
from funding.pools.models import Instalment, InstalmentPayment, Pledge
from funding.pools.pledges import CONSENT, PURPOSE, expected_for, payments_of

# Requests to pay go to addresses that a donor typed: so many in a day are enough for anyone.
MOST_REQUESTS_A_DAY = 10

# --- Beginning ------------------------------------------------------------------------------------


def begin_instalment_payment(
    instalment: Instalment,
    *,
    user: User | None,
    language: str,
    charge_later: bool = False,
    amount: Money | None = None,
) -> Payment:
    """The payment by which ``user`` (or a donor without an account) pays an instalment, or
    ``amount`` of it, by card: the one begun before, or a new one.

    Two tabs that pay the same share one payment, and so one checkout. With ``charge_later`` the
    donor agrees that the card they pay with is charged when the next instalments fall due. Raises
    what `check_payable` and `check_part` raise.
    """
    with use_case():
        # Payments first, as news of one of them locks.
        list(payments_of([instalment.pk]).select_for_update(of=("self",)).order_by("pk"))
        instalment = lock_instalment(instalment.pk)
        check_payable(instalment)
        amount = amount or instalment.outstanding
        check_part(instalment, amount)
        pledge = instalment.pledge
        mandate = _consent(pledge, user) if charge_later else None
        begun = (
            payments_of([instalment.pk]).filter(status=Status.PROCESSING).first()
            or payments_of([instalment.pk])
            .filter(channel__in=[Channel.CARD, Channel.BANK_DEBIT], amount=amount.amount)
            .exclude(status__in=[Status.SUCCEEDED, Status.UNDONE])
            .first()
        )
        if begun is not None:
            # The last answer counts: ticked now, or no longer.
            if begun.mandate != mandate and (mandate is not None or begun.asks_for_card):
                begun.mandate = mandate
                begun.save(update_fields=["mandate"])
            return begun
        return open_payment(
            purpose=PURPOSE,
            purpose_id=instalment.pk,
            pool=pledge.pool,
            amount=amount,
            payer_name=pledge.donor.name,
            payer_email=user.email if user else pledge.donor.email,
            language=language,
            user=user,
            mandate=mandate,
        )


def _consent(pledge: Pledge, user: User | None) -> Mandate:
    return mandates.agree(
        purpose=CONSENT,
        purpose_id=pledge.pk,
        user=user,
        email=user.email if user else pledge.donor.email,
        name=pledge.donor.name,
    )


def expect_instalment(
    instalment: Instalment,
    *,
    user: User | None,
    language: str,
    amount: Money | None = None,
    channel: ManualChannel | None = None,
    payer: BillTo | None = None,
    purchase_order: str = "",
) -> ExpectedPayment:
    """An instalment, or ``amount`` of it, expected by bank transfer or by ``channel``, from the donor
    or from another ``payer``, who gets the payment request by e-mail and learns nothing else.

    The same payer's open request again, where it still fits; else it is withdrawn for a new one. All
    open requests together ask for no more than is outstanding. Raises what `check_payable` and
    `check_part` raise, AskedForAlready, TooManyRequests, and expected.NoAccount or ChannelClosed.
    """
    with use_case():
        # Requests first, as money that comes for one of them locks.
        list(expected_for([instalment.pk]).select_for_update(of=("self",)).order_by("pk"))
        instalment = lock_instalment(instalment.pk)
        check_payable(instalment)
        pledge = instalment.pledge
        own = BillTo(name=pledge.donor.name, email=user.email if user else pledge.donor.email)
        payer = payer or own
        known = list(expected_for([instalment.pk]).order_by("pk"))
        theirs = [each for each in known if _asks(each, payer)]
        left = instalment.outstanding.amount - sum(
            each.outstanding.amount for each in known if each not in theirs
        )
        if left <= 0:
            raise refusals.AskedForAlready
        amount = amount or Money(left, pledge.currency)
        check_part(instalment, amount)
        if amount.amount > left:
            raise refusals.AskedForMoreThanLeft(left=Money(left, pledge.currency).format())
        for each in theirs:
            same = (each.channel_id, each.purchase_order) == (
                channel.pk if channel else None,
                purchase_order,
            )
            if same and each.outstanding == amount:
                return each
        _require_few_requests(pledge)
        for each in theirs:
            expected.withdraw(each, by=user, reason="Another request takes its place.")
        return expected.open_expected(
            purpose=PURPOSE,
            purpose_id=instalment.pk,
            pool=pledge.pool,
            amount=amount,
            payer=payer,
            language=language,
            user=user if payer == own else None,
            channel=channel,
            due_on=None if instalment.waits else _day_or_today(instalment),
            purchase_order=purchase_order,
        )


def _asks(known: ExpectedPayment, payer: BillTo) -> bool:
    """Whether it is addressed to ``payer``."""
    return (known.payer_name, known.payer_email.lower()) == (payer.name, payer.email.lower())


def _day_or_today(instalment: Instalment) -> datetime.date:
    return max(instalment.due_on, timezone.localdate())


def _require_few_requests(pledge: Pledge) -> None:
    today = ExpectedPayment.objects.filter(
        purpose=PURPOSE,
        purpose_id__in=[part.pk for part in pledge.instalments.all()],
        created_at__gte=timezone.now() - datetime.timedelta(days=1),
    )
    if today.count() >= MOST_REQUESTS_A_DAY:
        raise refusals.TooManyRequests(most=MOST_REQUESTS_A_DAY)


def withdraw_request(request: ExpectedPayment, *, by: User | None) -> None:
    """The donor expects it no more of that payer; twice is once. What came stays received."""
    with use_case():
        expected.withdraw(request, by=by, reason="The donor withdrew the request.")


def revoke_consent(pledge: Pledge, *, by: User | None) -> None:
    """No card is charged for this pledge any more; twice is once."""
    with use_case():
        pledge = pledges.lock_pledge(pledge.pk)
        mandates.revoke(CONSENT, pledge.pk, by=by)


def check_payable(instalment: Instalment) -> None:
    """Raise PledgeNotConfirmed, PledgeCancelled, PledgeWrittenOff, InstalmentTakenAway or
    InstalmentReceived unless it is still to pay."""
    pledge = instalment.pledge
    if pledge.cancelled_at is not None:
        raise refusals.PledgeCancelled
    if pledge.written_off_at is not None:
        raise refusals.PledgeWrittenOff
    if pledge.confirmed_at is None:
        raise refusals.PledgeNotConfirmed
    if not instalment.amount:
        raise refusals.InstalmentTakenAway
    if instalment.received_amount >= instalment.amount:
        raise refusals.InstalmentReceived


def check_part(instalment: Instalment, amount: Money) -> None:
    """Raise MoreThanOutstanding or PartTooSmall unless ``amount`` is a part of what is to come."""
    outstanding = instalment.outstanding
    if amount.currency != outstanding.currency or outstanding < amount:
        raise refusals.MoreThanOutstanding(outstanding=outstanding.format())
    if amount.amount <= 0:
        raise refusals.PartTooSmall(outstanding=outstanding.format())


# --- Arriving -------------------------------------------------------------------------------------


@inside_transaction
def receive(payment: Payment) -> Instalment:
    """Note that the instalment's money, or a part of it, has arrived.

    It counts whenever it comes, early or late, after a withdrawal or a write-off too. Money beyond
    what is outstanding is a gift beside the pledge, and the log tells staff.
    """
    instalment = lock_instalment(payment.purpose_id)
    if pays(payment):
        return instalment
    pledge = instalment.pledge
    counted = min(payment.amount, instalment.outstanding.amount)
    beside = payment.amount - counted
    if beside:
        audit.record(
            "pools.instalment_paid_twice",
            pledge,
            by=None,
            number=instalment.number,
            beside=str(Money(beside, pledge.currency)),
        )
    if not counted:
        return instalment
    InstalmentPayment.objects.create(
        instalment=instalment,
        payment=payment,
        amount=counted,
        beside=beside,
        paid_debt=pledge.is_debt,
    )
    instalment.received_amount += counted
    instalment.received_at = payment.succeeded_at
    instalment.save(update_fields=["received_amount", "received_at"])
    if pledge.is_debt:
        # The payment's own entry will take the whole of it off the debt.
        pledge_debt.book(pledge, beside, memo="Paid beyond the instalment: a gift")
    if not instalment.outstanding.amount:
        # Nobody should be reminded of a transfer that is no longer wanted. Acts on a pledge lock its
        # requests first and then the pledge, which is locked here: a request that one of them holds
        # is left to it, for it looks at what is outstanding once it has the pledge.
        unwanted = expected_for([instalment.pk]).exclude(pk=payment.expected_id or 0)
        for each in unwanted.select_for_update(of=("self",), skip_locked=True).order_by("pk"):
            expected.withdraw(each, by=None, reason="The instalment is received.")
    return instalment


@inside_transaction
def take_back(payment: Payment, amount: int) -> None:
    """``amount`` of a payment went back, or never came: its instalment is open again by so much.

    What it paid as a gift beside the pledge goes back first, and reopens nothing.
    """
    paid = InstalmentPayment.objects.select_for_update().filter(payment=payment).first()
    if paid is None:
        return
    instalment = lock_instalment(paid.instalment_id)
    amount = min(amount, paid.amount + paid.beside)
    beside = min(amount, paid.beside)
    _change(paid, instalment, counted=beside - amount, beside=-beside)


@inside_transaction
def keep_after_all(payment: Payment, amount: int) -> None:
    """The opposite of `take_back`; what is no longer open by now is a gift beside the pledge."""
    paid = InstalmentPayment.objects.select_for_update().filter(payment=payment).first()
    if paid is None:
        return
    instalment = lock_instalment(paid.instalment_id)
    amount = min(amount, payment.amount - paid.amount - paid.beside)
    counted = min(amount, instalment.outstanding.amount)
    _change(paid, instalment, counted=counted, beside=amount - counted)


def _change(paid: InstalmentPayment, instalment: Instalment, *, counted: int, beside: int) -> None:
    """So much more counts of the payment (less: negative), in its rows and as a debt.

    The entry that moved the money moved the debt too, if the payment had paid one; what the pledge
    really owes now is less or more than that where the payment came before the debt stood, or went
    after it was given up, or was a gift in part.
    """
    paid.amount += counted
    paid.beside += beside
    paid.save(update_fields=["amount", "beside"])
    instalment.received_amount += counted
    if instalment.received_amount == 0:
        instalment.received_at = None
    elif instalment.received_at is None:
        instalment.received_at = timezone.now()
    instalment.save(update_fields=["received_amount", "received_at"])
    moved = -(counted + beside) if paid.paid_debt else 0
    owed = -counted if instalment.pledge.is_debt else 0
    pledge_debt.book(instalment.pledge, owed - moved, memo="Owed as the instalments stand now")


def pays(payment: Payment) -> bool:
    """Whether this payment paid (a part of) its instalment, or is a gift beside the pledge."""
    return InstalmentPayment.objects.filter(payment=payment).exists()


def paid_debt(payment: Payment) -> bool:
    """Whether it paid a debt in the books; else it is a gift there."""
    return InstalmentPayment.objects.filter(payment=payment, paid_debt=True).exists()


@inside_transaction
def lock_instalment(instalment_id: int) -> Instalment:
    """The instalment and its pledge with their rows locked until the transaction ends."""
    pledge_id = Instalment.objects.values_list("pledge_id", flat=True).get(pk=instalment_id)
    # The pledge first, as changes of it lock.
    pledge = pledges.lock_pledge(pledge_id)
    instalment = Instalment.objects.select_for_update(of=("self",)).get(pk=instalment_id)
    instalment.pledge = pledge
    return instalment
