"""Giving again and again: the donor's wish, and one gift for each time that money came.

A card (or bank debit) is charged by a `payments.Subscription`; a standing order is expected by a
`payments.ExpectedPayment` that repeats, and counts when its line on the statement is matched.
"""

import uuid

from django.db import IntegrityError
from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.payments import expected
from funding.payments.invoices import BillTo
from funding.payments.models import ExpectedPayment, Payment, Subscription
from funding.payments.subscriptions import open_subscription
from funding.pools import policy, rules
from funding.pools.donors import Giver, donor_for
from funding.pools.gifts import once_token
from funding.pools.models import Gift, PoolProfile, RecurringGift

PURPOSE = "recurring"

CARD, TRANSFER = "card", "transfer"


def begin_recurring_gift(
    giver: Giver,
    *,
    profile: PoolProfile,
    amount: Money,
    interval: str,
    language: str,
    form_token: uuid.UUID,
    cover_fee: bool = False,
) -> Subscription:
    """Write a recurring gift and the agreement that will bring it; the donor goes on to checkout.

    With ``cover_fee`` the donor pays the card's fee on top of ``amount``, each time. The same form
    sent twice is one. Nothing counts as received before a payment says so. Raises the refusals of
    `funding.pools.rules`, AnonymousTooLarge, and those of stripe_units.to_stripe.
    """
    way = f"{CARD}, fee covered" if cover_fee else CARD
    token = _token(form_token, profile, amount, interval, giver, way)
    earlier = _subscription_of(token)
    if earlier is not None:
        return earlier
    try:
        with use_case():
            recurring = _write(
                giver, profile, amount, interval, language, token, cover_fee=cover_fee
            )
            return open_subscription(
                purpose=PURPOSE,
                purpose_id=recurring.pk,
                pool=recurring.pool,
                amount=recurring.money,
                interval=interval,
                payer_name=giver.name,
                payer_email=giver.email,
                language=language,
                user=giver.user,
            )
    except IntegrityError:
        # The same form came twice at the same moment, and the other one was first.
        earlier = _subscription_of(token)
        if earlier is None:
            raise
        return earlier


def begin_standing_order(
    giver: Giver,
    *,
    profile: PoolProfile,
    amount: Money,
    interval: str,
    language: str,
    form_token: uuid.UUID,
) -> ExpectedPayment:
    """Write a recurring gift that the donor's own bank will send, under the reference given here.

    The same form sent twice is one. Raises the refusals of `funding.pools.rules`,
    AnonymousTooLarge, and expected.NoAccount where we have no bank account in the pool's currency.
    """
    token = _token(form_token, profile, amount, interval, giver, TRANSFER)
    earlier = _expected_of(token)
    if earlier is not None:
        return earlier
    try:
        with use_case():
            recurring = _write(giver, profile, amount, interval, language, token)
            return expected.open_expected(
                purpose=PURPOSE,
                purpose_id=recurring.pk,
                pool=recurring.pool,
                amount=amount,
                payer=BillTo(name=giver.name, email=giver.email),
                language=language,
                user=giver.user,
                repeats=interval,
            )
    except IntegrityError:
        earlier = _expected_of(token)
        if earlier is None:
            raise
        return earlier


def _token(
    form_token: uuid.UUID,
    profile: PoolProfile,
    amount: Money,
    interval: str,
    giver: Giver,
    way: str,
) -> uuid.UUID:
    who = (giver.name, giver.email, giver.public_name)
    return once_token(form_token, profile.code, amount, interval, *who, way)


@inside_transaction
def _write(
    giver: Giver,
    profile: PoolProfile,
    amount: Money,
    interval: str,
    language: str,
    token: uuid.UUID,
    *,
    cover_fee: bool = False,
) -> RecurringGift:
    profile = PoolProfile.objects.select_related("pool").get(pk=profile.pk)
    rules.check_open(profile, timezone.localdate())
    rules.check_gift(profile, amount)
    added = policy.fee_cover(amount) if cover_fee else Money(0, amount.currency)
    whole = amount + added
    if giver.anonymous:
        policy.check_anonymity(whole)
    return RecurringGift.objects.create(
        donor=donor_for(giver),
        pool=profile.pool,
        amount=whole.amount,
        currency=whole.currency,
        fee_cover=added.amount,
        interval=interval,
        anonymous=giver.anonymous,
        public_name=giver.public_name,
        language=language,
        form_token=token,
    )


def _subscription_of(token: uuid.UUID) -> Subscription | None:
    ids = RecurringGift.objects.filter(form_token=token).values("pk")
    return Subscription.objects.filter(purpose=PURPOSE, purpose_id__in=ids).first()


def _expected_of(token: uuid.UUID) -> ExpectedPayment | None:
    ids = RecurringGift.objects.filter(form_token=token).values("pk")
    return ExpectedPayment.objects.filter(purpose=PURPOSE, purpose_id__in=ids).first()


@inside_transaction
def receive(payment: Payment) -> Gift:
    """One payment of the wish has arrived: it is one gift, named as the wish agreed to it."""
    known = Gift.objects.filter(recurring_payment=payment).first()
    if known is not None:
        return known
    recurring = RecurringGift.objects.select_related("donor").get(pk=payment.purpose_id)
    return Gift.objects.create(
        donor=recurring.donor,
        pool=payment.pool,
        amount=payment.amount,
        currency=payment.currency,
        # By standing order less may come; by card it is always the agreed amount.
        fee_cover=recurring.fee_cover if payment.amount == recurring.amount else 0,
        anonymous=recurring.anonymous,
        public_name=recurring.public_name,
        language=recurring.language,
        recurring=recurring,
        recurring_payment=payment,
        form_token=payment.public_id,
        received_at=payment.succeeded_at,
    )


@inside_transaction
def unreceive(payment: Payment) -> None:
    """The payment was booked by mistake: its gift did not come."""
    Gift.objects.filter(recurring_payment=payment).update(received_at=None)


@inside_transaction
def note_end(recurring_id: int) -> None:
    """The agreement that brought the wish's money has ended."""
    RecurringGift.objects.filter(pk=recurring_id, ended_at=None).update(ended_at=timezone.now())


def stop_standing_order(recurring: RecurringGift, *, by: User | None) -> None:
    """Expect no more of a standing order; twice is once. The donor ends it at their own bank too.

    What still comes is matched by hand.
    """
    with use_case():
        locked = RecurringGift.objects.select_for_update().get(pk=recurring.pk)
        if locked.ended_at is not None:
            return
        locked.ended_at = timezone.now()
        locked.save(update_fields=["ended_at"])
        for each in ExpectedPayment.objects.filter(
            purpose=PURPOSE, purpose_id=locked.pk, withdrawn_at=None
        ):
            expected.withdraw(each, by=by, reason="The donor stopped the standing order.")
        audit.record("pools.stop_recurring_gift", locked, by=by, amount=str(locked.money))
