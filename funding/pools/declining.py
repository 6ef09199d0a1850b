"""Declining a gift: the foundation does not want it, and what came of it goes back.

The declining is one act; asking for the refund follows by a job, for two others decide on it
(`funding.payments.payouts`). A card's money that comes for a gift declined before goes back the same
way. Of a transfer the request is withdrawn, so its line cannot be matched: staff park it and give it
back.
"""

import logging
import uuid

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case
from funding.payments import expected, payouts
from funding.payments.models import ExpectedPayment, Payment, Payout, Refund, Status
from funding.payments.payout_purposes import REFUND
from funding.payments.payout_refusals import NotInTheBooks
from funding.payments.permissions import REQUEST_PAYOUT
from funding.pools import gifts, jobs, naming, refusals
from funding.pools.models import Gift, PoolProfile
from funding.pools.permissions import DECLINE_GIFT

logger = logging.getLogger(__name__)


def decline_gift(gift: Gift, *, by: User, reason: str) -> Gift:
    """Take this gift no more; what came of it, or still comes, is asked back for the donor.

    Twice is once. The reason is for staff and auditors; the donor's mail does not name it. Raises
    NotPermitted (also without the right to ask for payouts: a gift that came must go back),
    OwnGiving, WhyMissing.
    """
    if not (by.has_perm(DECLINE_GIFT) and by.has_perm(REQUEST_PAYOUT)):
        raise refusals.NotPermitted
    if not reason.strip():
        raise refusals.WhyMissing
    with use_case():
        # As news of a payment lock: what brings the money first, then the gift.
        list(payments_of(gift).select_for_update(of=("self",)).order_by("pk"))
        asked = list(_expected(gift).select_for_update(of=("self",)).order_by("pk"))
        gift = Gift.objects.select_related("donor").select_for_update(of=("self",)).get(pk=gift.pk)
        if gift.donor.user_id == by.pk:
            raise refusals.OwnGiving
        if gift.declined_at is not None:
            return gift
        gift.declined_at = timezone.now()
        gift.declined_by = by
        gift.decline_reason = reason.strip()
        gift.save(update_fields=["declined_at", "declined_by", "decline_reason"])
        for each in asked:
            expected.withdraw(each, by=by, reason="The gift was declined.")
        audit.record(
            "pools.decline_gift", gift, by=by, reason=gift.decline_reason, amount=str(gift.money)
        )
        naming.changed([gift.donor_id])  # from now on it names nobody
        jobs.return_declined_gift.enqueue(gift_id=gift.pk)
        tell(gift)
    return gift


def payments_of(gift: Gift) -> QuerySet[Payment]:
    """Every payment that brings or brought this gift."""
    by_purpose = Q(purpose=gifts.PURPOSE, purpose_id=gift.pk)
    return Payment.objects.filter(by_purpose | Q(pk=gift.recurring_payment_id))


def _expected(gift: Gift) -> QuerySet[ExpectedPayment]:
    return ExpectedPayment.objects.filter(
        purpose=gifts.PURPOSE, purpose_id=gift.pk, withdrawn_at__isnull=True
    )


@inside_transaction
def tell(gift: Gift) -> None:
    """Write to the donor that the gift is not taken, where they gave an address."""
    if not gift.donor.email:
        return
    profile = PoolProfile.objects.select_related("pool").get(pk=gift.pool_id)
    enqueue_mail(
        "pools_gift_declined",
        gift.donor.email,
        gift.language,
        {
            "name": gift.donor.name,
            "amount": gift.money.format(gift.language),
            "pool": profile.title,
            "received": gift.received_at is not None,
        },
        about=about_decline(gift),
    )


def about_decline(gift: Gift) -> str:
    return f"gift:{gift.pk}/declined"


# --- Giving it back -------------------------------------------------------------------------------


def ask_back(gift: Gift) -> list[Payout]:
    """Ask for the refund of what is here of a declined gift, in the name of who declined it.

    Harmless however often it runs: one request a payment, whatever became of it. Raises what
    payouts refuse (NotInTheBooks while the processor has not settled; AccountMissing where no
    account of the donor is known, so that staff ask with one).
    """
    if gift.declined_at is None or gift.declined_by is None:
        raise ValueError(f"Gift {gift.pk} is not declined.")
    made = []
    for payment in payments_of(gift).filter(status=Status.SUCCEEDED).order_by("pk"):
        left = payment.refundable.amount - payouts.open_requests(REFUND, payment.pk)
        if left <= 0:
            continue
        made.append(
            payouts.request_payout(
                purpose=REFUND,
                purpose_id=payment.pk,
                pool=payment.pool,
                amount=Money(left, payment.currency),
                place=Payout.Place.CLEARING if payment.stripe_charge else Payout.Place.BANK,
                beneficiary=payment.payer_name,
                beneficiary_account=_account_of(payment),
                reason=f"The gift was declined: {gift.decline_reason}",
                by=gift.declined_by,
                payment=payment,
                form_token=uuid.uuid5(gift.reference, f"declined {payment.pk}"),
            )
        )
    return made


def _account_of(payment: Payment) -> str:
    """The account that the money came from, where a line of a bank statement names it."""
    match = payment.matches.filter(undone_at=None).select_related("line").first()
    return match.line.counterparty_account if match else ""


def ask_back_or_wait(gift_id: int) -> None:
    """`ask_back` for the job: raises NotInTheBooks, so that it tries again, and leaves every other
    refusal to staff, who see the gift in their list (`still_here`)."""
    gift = Gift.objects.select_related("declined_by").get(pk=gift_id)
    try:
        ask_back(gift)
    except NotInTheBooks:
        raise
    except Refusal as refusal:
        logger.warning("Declined gift %s: %s", gift.pk, refusal)


def return_declined() -> None:
    """Ask back what is here of all declined gifts; what is refused stays in the list."""
    for gift in still_here():
        try:
            ask_back(gift)
        except Refusal as refusal:
            logger.warning("Declined gift %s: %s", gift.pk, refusal)


def still_here() -> list[Gift]:
    """Declined gifts of which money is here that is neither given back nor asked to be."""
    back = (
        Refund.objects.filter(payment=OuterRef("pk"), status__in=["pending", "succeeded"])
        .order_by()
        .values("payment")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    here = Payment.objects.annotate(back=Coalesce(Subquery(back), 0)).filter(
        Q(purpose=gifts.PURPOSE, purpose_id=OuterRef("pk"))
        | Q(pk=OuterRef("recurring_payment_id")),
        status=Status.SUCCEEDED,
        back__lt=F("amount"),
    )
    declined = Gift.objects.filter(Exists(here), declined_at__isnull=False)
    return [gift for gift in declined.select_related("declined_by", "pool") if _is_here(gift)]


def _is_here(gift: Gift) -> bool:
    return any(
        payment.refundable.amount > payouts.open_requests(REFUND, payment.pk)
        for payment in payments_of(gift)
    )
