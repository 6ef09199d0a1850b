"""Giving once: the gift and its payment are written together, then the donor goes to pay."""

import uuid

from django.db import IntegrityError
from django.utils import timezone

from core import audit
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.payments import expected
from funding.payments.checkout import open_payment
from funding.payments.invoices import BillTo
from funding.payments.models import ExpectedPayment, ManualChannel, Payment, Status
from funding.pools import jobs, policy, rules
from funding.pools.donors import Giver, donor_for
from funding.pools.models import Gift, PoolProfile

PURPOSE = "gift"


def begin_gift(
    giver: Giver,
    *,
    profile: PoolProfile,
    amount: Money,
    language: str,
    form_token: uuid.UUID,
    cover_fee: bool = False,
) -> Payment:
    """Write a gift and the payment that will bring it, and return the payment to go on with.

    With ``cover_fee`` the donor pays the card's fee on top of ``amount`` (`policy.fee_cover`). The
    same form sent twice is one gift. Sent again with other content (the donor went back and
    changed the amount) it is another one. Nothing counts as received before the payment says so.
    Raises the refusals of `funding.pools.rules`, AnonymousTooLarge, and those of
    stripe_units.to_stripe.
    """
    who = (giver.name, giver.email, giver.public_name)
    token = once_token(form_token, profile.code, amount, *who, *(["cover"] if cover_fee else []))
    earlier = _payment_of(token)
    if earlier is not None:
        return earlier
    try:
        with use_case():
            gift = _write(giver, profile, amount, language, token, cover_fee=cover_fee)
            return open_payment(
                purpose=PURPOSE,
                purpose_id=gift.pk,
                pool=gift.pool,
                amount=gift.money,
                payer_name=giver.name,
                payer_email=giver.email,
                language=language,
                user=giver.user,
            )
    except IntegrityError:
        # The same form came twice at the same moment, and the other one was first.
        earlier = _payment_of(token)
        if earlier is None:
            raise
        return earlier


def promise_gift(
    giver: Giver,
    *,
    profile: PoolProfile,
    amount: Money,
    channel: ManualChannel | None,
    language: str,
    form_token: uuid.UUID,
) -> ExpectedPayment:
    """Write a gift that the donor will send by bank transfer, or by ``channel``, and expect it.

    The gift counts when its money was found and matched, not before. The same form sent twice is
    one. Raises the refusals of `funding.pools.rules`, AnonymousTooLarge, expected.NoAccount,
    expected.ChannelClosed.
    """
    way = channel.pk if channel else "transfer"
    who = (giver.name, giver.email, giver.public_name)
    token = once_token(form_token, profile.code, amount, *who, way)
    earlier = _expected_of(token)
    if earlier is not None:
        return earlier
    try:
        with use_case():
            gift = _write(giver, profile, amount, language, token)
            return expected.open_expected(
                purpose=PURPOSE,
                purpose_id=gift.pk,
                pool=gift.pool,
                amount=amount,
                payer=BillTo(name=giver.name, email=giver.email),
                language=language,
                user=giver.user,
                channel=channel,
            )
    except IntegrityError:
        earlier = _expected_of(token)
        if earlier is None:
            raise
        return earlier


@inside_transaction
def _write(
    giver: Giver,
    profile: PoolProfile,
    amount: Money,
    language: str,
    token: uuid.UUID,
    *,
    cover_fee: bool = False,
) -> Gift:
    profile = PoolProfile.objects.select_related("pool").get(pk=profile.pk)
    rules.check_open(profile, timezone.localdate())
    rules.check_gift(profile, amount)
    added = policy.fee_cover(amount) if cover_fee else Money(0, amount.currency)
    whole = amount + added
    if giver.anonymous:
        policy.check_anonymity(whole)
    return Gift.objects.create(
        donor=donor_for(giver),
        pool=profile.pool,
        amount=whole.amount,
        currency=whole.currency,
        fee_cover=added.amount,
        anonymous=giver.anonymous,
        public_name=giver.public_name,
        language=language,
        form_token=token,
    )


def once_token(form_token: uuid.UUID, *content: object) -> uuid.UUID:
    """What makes a rendered form with this very content one act, however often it is sent."""
    return uuid.uuid5(form_token, "\x1f".join(str(part) for part in content))


def _payment_of(token: uuid.UUID) -> Payment | None:
    gift_ids = Gift.objects.filter(form_token=token).values("pk")
    return Payment.objects.filter(purpose=PURPOSE, purpose_id__in=gift_ids).first()


def _expected_of(token: uuid.UUID) -> ExpectedPayment | None:
    gift_ids = Gift.objects.filter(form_token=token).values("pk")
    return ExpectedPayment.objects.filter(purpose=PURPOSE, purpose_id__in=gift_ids).first()


@inside_transaction
def receive(payment: Payment) -> Gift:
    """Note that the gift's money has arrived, at the moment the payment names."""
    gift = Gift.objects.select_for_update().get(pk=payment.purpose_id)
    if payment.expected_id is not None:
        _count_what_came(gift, payment)
    # The moment of its first money: a part that comes later moves it out of no month, nor out of the
    # window of a matching offer.
    gift.received_at = gift.received_at or payment.succeeded_at
    gift.save(update_fields=["received_at"])
    if gift.declined_at is not None:
        jobs.return_declined_gift.enqueue(gift_id=gift.pk)
    return gift


def _count_what_came(gift: Gift, payment: Payment) -> None:
    """By transfer less may come than was said, or in parts: the gift is what came. What came beyond
    it is no part of it (`receiving.require_payable`), so an anonymous one stays within its limit."""
    came = payment.amount if gift.received_at is None else gift.amount + payment.amount
    if came == gift.amount:
        return
    audit.record(
        "pools.gift_is_what_came",
        gift,
        by=None,
        said=str(gift.money),
        came=str(Money(came, gift.currency)),
    )
    gift.amount = came
    gift.save(update_fields=["amount"])


@inside_transaction
def unreceive(payment: Payment) -> None:
    """The payment was booked by mistake: without it the gift is as if it had not come."""
    gift = Gift.objects.select_for_update().get(pk=payment.purpose_id)
    others = Payment.objects.filter(
        purpose=PURPOSE, purpose_id=gift.pk, status=Status.SUCCEEDED
    ).exclude(pk=payment.pk)
    if others.exists():
        gift.amount -= payment.amount
    else:
        gift.received_at = None
    gift.save(update_fields=["amount", "received_at"])
