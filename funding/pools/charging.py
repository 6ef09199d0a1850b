"""Charging instalments as they fall due, where a donor agreed to it.

A week before its day the donor is told of the charge, and its payment is written; on the day it is
charged, once. What is declined the donor pays by hand. A charge that could not be announced a week
ahead (the consent came later) waits until a week has passed.
"""

import datetime
import uuid

from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation

from core import audit
from core.mail import enqueue_mail
from core.transactions import inside_transaction, use_case
from funding.payments import failures, jobs, mandates
from funding.payments.checkout import open_payment
from funding.payments.models import Mandate, Payment, Status
from funding.pools import pledges, queries
from funding.pools.models import Instalment
from funding.pools.rules import written

ANNOUNCED_AHEAD = datetime.timedelta(days=7)


def announce_charges() -> int:
    """Tell donors of the charges of a week from now; how many were announced."""
    last_day = timezone.localdate() + ANNOUNCED_AHEAD
    announced = 0
    for instalment in _agreed().filter(due_on__lte=last_day):
        announced += _announce(instalment.pk)
    return announced


def charge_due_instalments() -> int:
    """Enqueue the charges whose day has come; how many those are."""
    today = timezone.localdate()
    due = {part.pk for part in _agreed().filter(due_on__lte=today)}
    # What the donor is paying by another way is not taken a second time; what it leaves comes later.
    due -= set(pledges.under_way(due).values_list("purpose_id", flat=True))
    waiting = Payment.objects.filter(
        purpose=pledges.PURPOSE,
        purpose_id__in=due,
        form_token__isnull=False,
        mandate__isnull=False,
        status=Status.PENDING,
        created_at__date__lte=today - ANNOUNCED_AHEAD,
    )
    with use_case():
        ids = list(waiting.values_list("pk", flat=True))
        for payment_id in ids:
            jobs.charge_unattended.enqueue(payment_id=payment_id)
    return len(ids)


def _agreed() -> QuerySet[Instalment]:
    """The instalments still to come of pledges whose donor agreed to be charged."""
    agreed = Mandate.objects.filter(
        purpose=pledges.CONSENT, revoked_at=None, card__isnull=False
    ).values("purpose_id")
    return Instalment.objects.filter(
        queries.FALLS_DUE,
        Q(received_amount__lt=F("amount")),
        pledge__in=queries.standing_pledges(timezone.localdate()),
        pledge_id__in=agreed,
    ).order_by("pk")


def _announce(instalment_id: int) -> bool:
    """Write the payment that will be charged, and tell the donor; once for each instalment."""
    with use_case():
        instalment = (
            Instalment.objects.select_for_update(of=("self",))
            .select_related("pledge__pool__profile", "pledge__donor__user")
            .get(pk=instalment_id)
        )
        pledge = instalment.pledge
        mandate = mandates.standing(pledges.CONSENT, pledge.pk)
        if mandate is None or not instalment.outstanding.amount or instalment.waits:
            return False
        outstanding = instalment.outstanding.amount
        announced = Payment.objects.filter(
            purpose=pledges.PURPOSE,
            purpose_id=instalment.pk,
            mandate=mandate,
            form_token__isnull=False,
        )
        # The same instalment under the same consent is announced, and charged, once; its rest anew
        # where a part came by another way before the charge.
        if any(each.status != Status.PENDING or each.amount <= outstanding for each in announced):
            return False
        rest = f":{outstanding}" if announced else ""
        under_way = pledges.under_way([instalment.pk]).exists()
        token = uuid.uuid5(pledge.reference, f"{mandate.pk}:{instalment.number}{rest}")
        if instalment.due_on < timezone.localdate(mandate.agreed_at) or under_way:
            return False  # the consent is for those that fall due after it
        payment = open_payment(
            purpose=pledges.PURPOSE,
            purpose_id=instalment.pk,
            pool=pledge.pool,
            amount=instalment.outstanding,
            payer_name=pledge.donor.name,
            payer_email=pledge.donor.user.email if pledge.donor.user else pledge.donor.email,
            language=pledge.language,
            user=pledge.donor.user,
            form_token=token,
            mandate=mandate,
        )
        charged_on = max(instalment.due_on, timezone.localdate() + ANNOUNCED_AHEAD)
        payment.mandate = mandate
        tell_announced(payment, instalment, charged_on)
    return True


@inside_transaction
def note_paid(payment: Payment) -> None:
    """Keep the card of a payment with which the donor agreed to be charged again."""
    if payment.asks_for_card:
        jobs.keep_card.enqueue(payment_id=payment.pk)


@inside_transaction
def note_declined(payment: Payment) -> None:
    """A charge without the donor failed: say why, and how to pay by hand.

    On a checkout page the donor sees it themselves.
    """
    if payment.mandate_id is None or payment.stripe_session or not payment.attempt:
        return
    instalment = Instalment.objects.select_related("pledge__pool__profile").get(
        pk=payment.purpose_id
    )
    audit.record("pools.charge_declined", payment, by=None, code=payment.failure_code)
    tell_declined(payment, instalment)


@inside_transaction
def tell_announced(payment: Payment, instalment: Instalment, on: datetime.date) -> None:
    """Write to the donor that their card is charged on ``on``."""
    assert payment.mandate is not None
    _mail(payment, "pools_charge_announced", instalment, card=str(payment.mandate.card), day=on)


@inside_transaction
def tell_declined(payment: Payment, instalment: Instalment) -> None:
    """Write to the donor that their card was not charged, and how to pay by hand."""
    _mail(payment, "pools_charge_declined", instalment)


def about_charge(payment: Payment, template: str) -> str:
    """What a message about a charge is about, for the delivery log."""
    return f"payment:{payment.pk}/{template.removeprefix('pools_')}"


def _mail(
    payment: Payment,
    template: str,
    instalment: Instalment,
    *,
    card: str = "",
    day: datetime.date | None = None,
) -> None:
    language = payment.language
    pledge = instalment.pledge
    with translation.override(language):
        enqueue_mail(
            template,
            payment.payer_email,
            language,
            {
                "name": payment.payer_name,
                "amount": payment.money.format(language),
                "pool": pledge.pool.profile.title,
                "description": payment.description,
                "card": card,
                "day": written(day) if day else "",
                "reason": failures.sentence(payment.failure_code),
                "path": payment.get_absolute_url(),
                "pledge_path": reverse("giving_pledge", args=[pledge.reference]),
            },
            about=about_charge(payment, template),
        )
