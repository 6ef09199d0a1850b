"""Promising: a draft with its instalments, its confirmation, paying an instalment, withdrawing."""

import datetime
import itertools
import uuid
from collections.abc import Iterable, Sequence

from django.db import IntegrityError
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.ledger import templates
from funding.ledger.entries import person
from funding.ledger.posting import post
from funding.payments import expected, mandates
from funding.payments.checkout import open_payment
from funding.payments.invoices import BillTo
from funding.payments.models import Channel, ExpectedPayment, Mandate, Payment, Status
from funding.pools import refusals, rules
from funding.pools.donors import Giver, donor_for
from funding.pools.gifts import once_token
from funding.pools.models import Instalment, InstalmentPayment, Pledge, PoolProfile
from funding.pools.rules import written
from funding.pools.schedules import MOST_INSTALMENTS, YEARS_AHEAD, Part, months_later

PURPOSE = "instalment"
# What a consent to charge a card for the instalments is for: the pledge as a whole.
CONSENT = "pledge"


def check_terms(
    profile: PoolProfile, amount: Money, parts: Sequence[Part], on: datetime.date
) -> None:
    """The rules a pledge must keep on the day it is written and on the day it is confirmed.

    Raises the refusals of `funding.pools.rules` and those of `funding.pools.refusals` that name
    instalments.
    """
    rules.check_open(profile, on)
    rules.check_pledge_amount(profile, amount)
    if not parts:
        raise refusals.NoInstalments
    if len(parts) > MOST_INSTALMENTS:
        raise refusals.TooManyInstalments(most=MOST_INSTALMENTS)
    total = Money(sum(part.amount for part in parts), profile.currency)
    if total != amount:
        raise refusals.InstalmentsDoNotAddUp(sum=total.format(), amount=amount.format())
    _check_days(profile, sorted(part.due_on for part in parts), on)
    least = Money(min(part.amount for part in parts), profile.currency)
    most = Money(max(part.amount for part in parts), profile.currency)
    if least < profile.minimum:
        raise refusals.InstalmentTooSmall(minimum=profile.minimum.format(), amount=least.format())
    if profile.maximum < most:
        raise refusals.InstalmentTooLarge(maximum=profile.maximum.format(), amount=most.format())


def _check_days(profile: PoolProfile, days: list[datetime.date], on: datetime.date) -> None:
    """``days`` in order: none gone by, none twice, none after the pool closes."""
    if days[0] < on:
        raise refusals.InstalmentInThePast(date=written(days[0]))
    for day, following in itertools.pairwise(days):
        if day == following:
            raise refusals.SameDayTwice(date=written(day))
    latest = months_later(on, 12 * YEARS_AHEAD)
    if days[-1] > latest:
        raise refusals.InstalmentTooFarAhead(date=written(days[-1]), latest=written(latest))
    if profile.closes_on is not None and days[-1] > profile.closes_on:
        raise refusals.InstalmentAfterClosing(
            closes=written(profile.closes_on), date=written(days[-1])
        )


def draft_pledge(
    giver: Giver,
    *,
    profile: PoolProfile,
    amount: Money,
    parts: Sequence[Part],
    binding: bool,
    language: str,
    form_token: uuid.UUID,
) -> Pledge:
    """Write a draft for the donor to check. It promises nothing until it is confirmed.

    The same form sent twice is one draft. Raises what `check_terms` raises.
    """
    by = giver.user.pk if giver.user else giver.email
    token = once_token(form_token, by, profile.code, amount, binding, giver.public_name, *parts)
    earlier = Pledge.objects.filter(form_token=token).first()
    if earlier is not None:
        return earlier
    try:
        with use_case():
            check_terms(profile, amount, parts, timezone.localdate())
            pledge = Pledge.objects.create(
                donor=donor_for(giver),
                pool=profile.pool,
                amount=amount.amount,
                currency=amount.currency,
                binding=binding,
                anonymous=giver.anonymous,
                public_name=giver.public_name,
                language=language,
                form_token=token,
            )
            _write_instalments(pledge, parts)
            return pledge
    except IntegrityError:
        earlier = Pledge.objects.filter(form_token=token).first()
        if earlier is None:
            raise
        return earlier


def redraft_pledge(
    pledge: Pledge, giver: Giver, *, amount: Money, parts: Sequence[Part], binding: bool
) -> Pledge:
    """Give a draft other terms. Raises PledgeNotDraft, or what `check_terms` raises."""
    with use_case():
        pledge = _lock(pledge.pk)
        _require_draft(pledge)
        check_terms(pledge.pool.profile, amount, parts, timezone.localdate())
        donor_for(giver)
        pledge.amount = amount.amount
        pledge.binding = binding
        pledge.anonymous = giver.anonymous
        pledge.public_name = giver.public_name
        # The form it came from now stands for other terms: sent again, it is another draft.
        pledge.form_token = uuid.uuid4()
        pledge.save(update_fields=["amount", "binding", "anonymous", "public_name", "form_token"])
        pledge.instalments.all().delete()
        _write_instalments(pledge, parts)
        return pledge


def discard_draft(pledge: Pledge) -> None:
    """Take a draft back before it promised anything; twice is once. Raises PledgeNotDraft."""
    with use_case():
        try:
            pledge = _lock(pledge.pk)
        except Pledge.DoesNotExist:
            return
        _require_draft(pledge)
        pledge.instalments.all().delete()
        pledge.delete()


def confirm_pledge(pledge: Pledge, *, by: User | None) -> Pledge:
    """The donor stands by the draft. A binding pledge is booked as a debt to the pool.

    Confirming twice is confirming once. Raises PledgeCancelled, or what `check_terms` raises: a
    draft may have waited until its dates passed or its pool closed.
    """
    with use_case():
        pledge = _lock(pledge.pk)
        if pledge.cancelled_at is not None:
            raise refusals.PledgeCancelled
        if pledge.confirmed_at is not None:
            return pledge
        parts = [Part(i.due_on, i.amount) for i in pledge.instalments.all()]
        check_terms(pledge.pool.profile, pledge.money, parts, timezone.localdate())
        pledge.confirmed_at = timezone.now()
        pledge.save(update_fields=["confirmed_at"])
        if pledge.binding:
            post(
                templates.pledge_confirmed(
                    key=f"pledge:{pledge.reference}:confirmed",
                    pool=pledge.pool.code,
                    currency=pledge.currency,
                    amount=pledge.amount,
                    date=timezone.localdate(),
                    source=f"pledge:{pledge.reference}",
                    prepared_by=person(by.pk) if by else "",
                )
            )
        audit.record("pools.confirm_pledge", pledge, by=by, amount=str(pledge.money))
        if pledge.donor.user_id is not None:
            _mail_confirmation(pledge, parts)
        return pledge


def withdraw_pledge(pledge: Pledge, *, by: User | None) -> Pledge:
    """The donor takes an intent back; what was received of it stays received.

    Raises PledgeNotConfirmed, PledgeBinding, PledgeFulfilled or PaymentUnderWay. Withdrawing twice
    is withdrawing once.
    """
    with use_case():
        pledge = _lock(pledge.pk)
        if pledge.cancelled_at is not None:
            return pledge
        if pledge.confirmed_at is None:
            raise refusals.PledgeNotConfirmed
        if pledge.binding:
            raise refusals.PledgeBinding
        if not pledge.outstanding.amount:
            raise refusals.PledgeFulfilled
        if (
            _payments([part.pk for part in pledge.instalments.all()])
            .filter(status=Status.PROCESSING)
            .exists()
        ):
            raise refusals.PaymentUnderWay
        pledge.cancelled_at = timezone.now()
        pledge.save(update_fields=["cancelled_at"])
        for each in _expected([part.pk for part in pledge.instalments.all()]):
            expected.withdraw(each, by=by, reason="The pledge was withdrawn.")
        mandates.revoke(CONSENT, pledge.pk, by=by, reason="The pledge was withdrawn.")
        audit.record("pools.withdraw_pledge", pledge, by=by, amount=str(pledge.outstanding))
        return pledge


def begin_instalment_payment(
    instalment: Instalment, *, user: User | None, language: str, charge_later: bool = False
) -> Payment:
    """The payment by which ``user`` (or a donor without an account) pays an instalment: the one
    begun before, or a new one.

    Two tabs that pay the same instalment share one payment, and so one checkout. With
    ``charge_later`` the donor agrees that the card they pay with is charged when the next
    instalments fall due. Raises PledgeNotConfirmed, PledgeCancelled or InstalmentReceived.
    """
    with use_case():
        # Payments first, as news of one of them locks.
        list(_payments([instalment.pk]).select_for_update(of=("self",)).order_by("pk"))
        instalment = _lock_instalment(instalment.pk)
        check_payable(instalment)
        pledge = instalment.pledge
        mandate = _consent(pledge, user) if charge_later else None
        begun = (
            _payments([instalment.pk]).filter(status=Status.PROCESSING).first()
            or _payments([instalment.pk])
            .filter(
                channel__in=[Channel.CARD, Channel.BANK_DEBIT],
                amount=instalment.outstanding.amount,
            )
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
            amount=instalment.outstanding,
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
    instalment: Instalment, *, user: User | None, language: str
) -> ExpectedPayment:
    """What is outstanding of an instalment, expected by bank transfer; the open one again, if any.

    Raises PledgeNotConfirmed, PledgeCancelled, InstalmentReceived, or expected.NoAccount where we
    have no bank account in the pledge's currency.
    """
    with use_case():
        instalment = _lock_instalment(instalment.pk)
        check_payable(instalment)
        for known in _expected([instalment.pk]):
            if known.outstanding == instalment.outstanding:
                return known
            expected.withdraw(known, by=user, reason="Another amount is outstanding by now.")
        pledge = instalment.pledge
        return expected.open_expected(
            purpose=PURPOSE,
            purpose_id=instalment.pk,
            pool=pledge.pool,
            amount=instalment.outstanding,
            payer=BillTo(name=pledge.donor.name, email=user.email if user else pledge.donor.email),
            language=language,
            user=user,
            due_on=max(instalment.due_on, timezone.localdate()),
        )


def revoke_consent(pledge: Pledge, *, by: User | None) -> None:
    """No card is charged for this pledge any more; twice is once."""
    with use_case():
        pledge = _lock(pledge.pk)
        mandates.revoke(CONSENT, pledge.pk, by=by)


def check_payable(instalment: Instalment) -> None:
    """Raise PledgeNotConfirmed, PledgeCancelled or InstalmentReceived unless it is still to pay."""
    pledge = instalment.pledge
    if pledge.cancelled_at is not None:
        raise refusals.PledgeCancelled
    if pledge.confirmed_at is None:
        raise refusals.PledgeNotConfirmed
    if instalment.received_amount >= instalment.amount:
        raise refusals.InstalmentReceived


@inside_transaction
def receive(payment: Payment) -> Instalment:
    """Note that the instalment's money, or a part of it, has arrived.

    Money beyond what is outstanding is left to be a gift beside the pledge (`pays` tells them
    apart), and the log tells staff.
    """
    instalment = _lock_instalment(payment.purpose_id)
    if pays(payment):
        return instalment
    if payment.amount > instalment.outstanding.amount:
        audit.record(
            "pools.instalment_paid_twice", instalment.pledge, by=None, number=instalment.number
        )
        return instalment
    InstalmentPayment.objects.create(instalment=instalment, payment=payment, amount=payment.amount)
    instalment.received_amount += payment.amount
    instalment.received_at = payment.succeeded_at
    instalment.save(update_fields=["received_amount", "received_at"])
    if not instalment.outstanding.amount:
        # Nobody should be reminded of a transfer that is no longer wanted.
        for each in _expected([instalment.pk]).exclude(pk=payment.expected_id or 0):
            expected.withdraw(each, by=None, reason="The instalment is received.")
    return instalment


@inside_transaction
def take_back(payment: Payment, amount: int) -> None:
    """``amount`` of a payment went back, or never came: its instalment is open again by so much.

    What it paid as a gift beside the pledge reopens nothing.
    """
    paid = InstalmentPayment.objects.select_for_update().filter(payment=payment).first()
    if paid is None:
        return
    instalment = _lock_instalment(paid.instalment_id)
    amount = min(amount, paid.amount)
    paid.amount -= amount
    paid.save(update_fields=["amount"])
    _change_received(instalment, -amount)


@inside_transaction
def keep_after_all(payment: Payment, amount: int) -> None:
    """The opposite of `take_back`; no more than is open by now."""
    paid = InstalmentPayment.objects.select_for_update().filter(payment=payment).first()
    if paid is None:
        return
    instalment = _lock_instalment(paid.instalment_id)
    amount = min(amount, instalment.outstanding.amount, payment.amount - paid.amount)
    paid.amount += amount
    paid.save(update_fields=["amount"])
    _change_received(instalment, amount)


def _change_received(instalment: Instalment, amount: int) -> None:
    instalment.received_amount += amount
    if instalment.received_amount == 0:
        instalment.received_at = None
    elif instalment.received_at is None:
        instalment.received_at = timezone.now()
    instalment.save(update_fields=["received_amount", "received_at"])


def pays(payment: Payment) -> bool:
    """Whether this payment paid (a part of) its instalment, or is a gift beside the pledge."""
    return InstalmentPayment.objects.filter(payment=payment).exists()


def _lock(pledge_id: int) -> Pledge:
    return (
        Pledge.objects.select_for_update(of=("self",))
        .select_related("pool__profile", "donor")
        .get(pk=pledge_id)
    )


def _lock_instalment(instalment_id: int) -> Instalment:
    return (
        Instalment.objects.select_for_update(of=("self", "pledge"))
        .select_related("pledge__pool", "pledge__donor")
        .get(pk=instalment_id)
    )


def _require_draft(pledge: Pledge) -> None:
    if pledge.confirmed_at is not None:
        raise refusals.PledgeNotDraft


def _payments(instalment_ids: Iterable[int]) -> QuerySet[Payment]:
    return Payment.objects.filter(purpose=PURPOSE, purpose_id__in=instalment_ids)


def _expected(instalment_ids: Iterable[int]) -> QuerySet[ExpectedPayment]:
    """The transfers that are still expected for these instalments."""
    return ExpectedPayment.objects.filter(
        purpose=PURPOSE, purpose_id__in=instalment_ids, withdrawn_at=None
    )


def _write_instalments(pledge: Pledge, parts: Sequence[Part]) -> None:
    Instalment.objects.bulk_create(
        [
            Instalment(pledge=pledge, number=number, due_on=part.due_on, amount=part.amount)
            for number, part in enumerate(sorted(parts, key=lambda part: part.due_on), start=1)
        ]
    )


def _mail_confirmation(pledge: Pledge, parts: Sequence[Part]) -> None:
    """Tell the donor what they promised, in the language they promised it in."""
    with translation.override(pledge.language):
        instalments = [
            {"due_on": written(part.due_on), "amount": Money(part.amount, pledge.currency).format()}
            for part in parts
        ]
        enqueue_mail(
            "pools_pledge_confirmed",
            to=pledge.donor.email,
            language=pledge.language,
            context={
                "name": pledge.donor.name,
                "pool": pledge.pool.profile.title,
                "amount": pledge.money.format(),
                "binding": pledge.binding,
                "instalments": instalments,
                "path": reverse("giving_pledge", args=[pledge.reference]),
            },
        )
