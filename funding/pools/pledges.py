"""Promising: a draft with its instalments, its confirmation, its withdrawal.

How instalments are paid is in `instalments`, what staff change of a confirmed pledge in
`pledge_changes`.
"""

import datetime
import itertools
import uuid
from collections.abc import Collection, Iterable, Sequence

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.payments import expected, mandates
from funding.payments.models import ExpectedPayment, Payment, Status
from funding.pools import pledge_debt, pledge_mail, policy, refusals, rules
from funding.pools.donors import Giver, donor_for
from funding.pools.gifts import once_token
from funding.pools.models import Donor, Instalment, Pledge, PoolProfile
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
    check_parts(profile, amount, parts, on)


def check_parts(
    profile: PoolProfile,
    amount: Money,
    parts: Sequence[Part],
    on: datetime.date,
    known_days: Collection[datetime.date] = (),
) -> None:
    """The rules of a schedule. A day gone by is allowed where an instalment has it already
    (``known_days``)."""
    if len(parts) > MOST_INSTALMENTS:
        raise refusals.TooManyInstalments(most=MOST_INSTALMENTS)
    total = Money(sum(part.amount for part in parts), profile.currency)
    if total != amount:
        raise refusals.InstalmentsDoNotAddUp(sum=total.format(), amount=amount.format())
    _check_days(profile, sorted(part.due_on for part in parts), on, known_days)
    least = Money(min(part.amount for part in parts), profile.currency)
    most = Money(max(part.amount for part in parts), profile.currency)
    if least < profile.minimum:
        raise refusals.InstalmentTooSmall(minimum=profile.minimum.format(), amount=least.format())
    if profile.maximum < most:
        raise refusals.InstalmentTooLarge(maximum=profile.maximum.format(), amount=most.format())


def _check_days(
    profile: PoolProfile,
    days: list[datetime.date],
    on: datetime.date,
    known_days: Collection[datetime.date],
) -> None:
    """``days`` in order: none gone by, none twice, none after the pool closes."""
    gone_by = [day for day in days if day < on and day not in known_days]
    if gone_by:
        raise refusals.InstalmentInThePast(date=written(gone_by[0]))
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
    condition: str = "",
) -> Pledge:
    """Write a draft for the donor to check. It promises nothing until it is confirmed.

    The same form sent twice is one draft. Raises what `check_terms` raises, and AnonymousTooLarge.
    """
    by = giver.user.pk if giver.user else giver.email
    terms = (profile.code, amount, binding, condition, giver.public_name, *parts)
    token = once_token(form_token, by, *terms)
    earlier = Pledge.objects.filter(form_token=token).first()
    if earlier is not None:
        return earlier
    try:
        with use_case():
            check_terms(profile, amount, parts, timezone.localdate())
            _check_anonymity(giver.anonymous, amount)
            return write_pledge(
                donor_for(giver),
                profile=profile,
                amount=amount,
                parts=parts,
                binding=binding,
                condition=condition,
                public_name=giver.public_name,
                language=language,
                form_token=token,
            )
    except IntegrityError:
        earlier = Pledge.objects.filter(form_token=token).first()
        if earlier is None:
            raise
        return earlier


@inside_transaction
def write_pledge(
    donor: Donor,
    *,
    profile: PoolProfile,
    amount: Money,
    parts: Sequence[Part],
    binding: bool,
    language: str,
    form_token: uuid.UUID,
    public_name: str = "",
    condition: str = "",
    recorded_by: User | None = None,
) -> Pledge:
    """The rows of a draft, as a part of a use case that has checked its terms.

    ``public_name``: what the public may read; empty: anonymous. ``recorded_by``: staff who write it
    down for a donor who is not there.
    """
    pledge = Pledge.objects.create(
        donor=donor,
        pool=profile.pool,
        amount=amount.amount,
        currency=amount.currency,
        binding=binding,
        condition=condition,
        anonymous=not public_name,
        public_name=public_name,
        language=language,
        form_token=form_token,
        recorded_by=recorded_by,
    )
    _write_instalments(pledge, parts)
    return pledge


def redraft_pledge(
    pledge: Pledge,
    giver: Giver,
    *,
    amount: Money,
    parts: Sequence[Part],
    binding: bool,
    condition: str = "",
) -> Pledge:
    """Give a draft other terms. Raises PledgeNotDraft, or what `draft_pledge` raises."""
    with use_case():
        pledge = lock_pledge(pledge.pk)
        _require_draft(pledge)
        check_terms(pledge.pool.profile, amount, parts, timezone.localdate())
        _check_anonymity(giver.anonymous, amount)
        donor_for(giver)
        pledge.amount = amount.amount
        pledge.binding = binding
        pledge.condition = condition
        pledge.anonymous = giver.anonymous
        pledge.public_name = giver.public_name
        # The form it came from now stands for other terms: sent again, it is another draft.
        pledge.form_token = uuid.uuid4()
        pledge.save()
        pledge.instalments.all().delete()
        _write_instalments(pledge, parts)
        return pledge


def discard_draft(pledge: Pledge) -> None:
    """Take a draft back before it promised anything; twice is once. Raises PledgeNotDraft."""
    with use_case():
        try:
            pledge = lock_pledge(pledge.pk)
        except Pledge.DoesNotExist:
            return
        _require_draft(pledge)
        pledge.instalments.all().delete()
        pledge.delete()


def confirm_pledge(pledge: Pledge, *, by: User | None) -> Pledge:
    """The donor stands by the draft. A binding pledge is booked as a debt to the pool, one with a
    condition when that is met.

    Confirming twice is confirming once. Raises PledgeCancelled, AnonymousTooLarge, or what
    `check_terms` raises: a draft may have waited until its dates passed or its pool closed.
    """
    with use_case():
        pledge = lock_pledge(pledge.pk)
        if pledge.cancelled_at is not None:
            raise refusals.PledgeCancelled
        if pledge.confirmed_at is not None:
            return pledge
        parts = [Part(i.due_on, i.amount, i.milestone) for i in pledge.instalments.all()]
        check_terms(pledge.pool.profile, pledge.money, parts, timezone.localdate())
        _check_anonymity(pledge.anonymous, pledge.money)
        return confirm(pledge, by=by)


@inside_transaction
def confirm(pledge: Pledge, *, by: User | None) -> Pledge:
    """Let a draft, just written or locked, count, as a part of a use case that has checked it."""
    pledge.confirmed_at = timezone.now()
    pledge.save(update_fields=["confirmed_at"])
    if pledge.is_debt:
        pledge_debt.book(pledge, pledge.amount, what="confirmed", by=by)
    audit.record("pools.confirm_pledge", pledge, by=by, amount=str(pledge.money))
    if pledge.donor.user_id is not None and pledge.donor.email:
        pledge_mail.send_confirmation(pledge)
    return pledge


def withdraw_pledge(pledge: Pledge, *, by: User | None) -> Pledge:
    """The donor takes an intent back; what was received of it stays received.

    Raises PledgeNotConfirmed, PledgeBinding, PledgeFulfilled or PaymentUnderWay. Withdrawing twice
    is withdrawing once.
    """
    with use_case():
        pledge = lock_with_requests(pledge.pk)
        if pledge.cancelled_at is not None:
            return pledge
        if pledge.confirmed_at is None:
            raise refusals.PledgeNotConfirmed
        if pledge.binding:
            raise refusals.PledgeBinding
        if pledge.written_off_at is not None:
            raise refusals.PledgeWrittenOff
        if not pledge.outstanding.amount:
            raise refusals.PledgeFulfilled
        require_nothing_under_way(pledge)
        pledge.cancelled_at = timezone.now()
        pledge.save(update_fields=["cancelled_at"])
        ask_no_more(pledge, by=by, reason="The pledge was withdrawn.")
        audit.record("pools.withdraw_pledge", pledge, by=by, amount=str(pledge.outstanding))
        return pledge


@inside_transaction
def require_nothing_under_way(pledge: Pledge) -> None:
    """Raise PaymentUnderWay while a bank debit for one of its instalments is being processed."""
    under_way = payments_of(part.pk for part in pledge.instalments.all())
    if under_way.filter(status=Status.PROCESSING).exists():
        raise refusals.PaymentUnderWay


@inside_transaction
def ask_no_more(pledge: Pledge, *, by: User | None, reason: str) -> None:
    """Expect no transfer for the pledge any more, and charge no card for it."""
    for each in expected_for(part.pk for part in pledge.instalments.all()):
        expected.withdraw(each, by=by, reason=reason)
    mandates.revoke(CONSENT, pledge.pk, by=by, reason=reason)


@inside_transaction
def lock_with_requests(pledge_id: int) -> Pledge:
    """As `lock_pledge`, for acts that withdraw requests to pay: those first, as money that comes for
    one of them locks."""
    ids = Instalment.objects.filter(pledge_id=pledge_id).values_list("pk", flat=True)
    list(expected_for(ids).select_for_update(of=("self",)).order_by("pk"))
    return lock_pledge(pledge_id)


@inside_transaction
def lock_pledge(pledge_id: int) -> Pledge:
    """The pledge with its row locked until the transaction ends; before its instalments."""
    return (
        Pledge.objects.select_for_update(of=("self",))
        .select_related("pool__profile", "donor")
        .get(pk=pledge_id)
    )


def _require_draft(pledge: Pledge) -> None:
    if pledge.confirmed_at is not None:
        raise refusals.PledgeNotDraft


def _check_anonymity(anonymous: bool, amount: Money) -> None:
    if anonymous:
        policy.check_anonymity(amount)


def payments_of(instalment_ids: Iterable[int]) -> QuerySet[Payment]:
    """Every payment begun or made for these instalments."""
    return Payment.objects.filter(purpose=PURPOSE, purpose_id__in=list(instalment_ids))


def under_way(instalment_ids: Iterable[int]) -> QuerySet[Payment]:
    """The payments of these instalments that the payer's bank has not decided on yet."""
    return payments_of(instalment_ids).filter(status=Status.PROCESSING)


def expected_for(instalment_ids: Iterable[int]) -> QuerySet[ExpectedPayment]:
    """The transfers that are still expected for these instalments."""
    return ExpectedPayment.objects.filter(
        purpose=PURPOSE, purpose_id__in=list(instalment_ids), withdrawn_at=None
    )


def _write_instalments(pledge: Pledge, parts: Sequence[Part]) -> None:
    Instalment.objects.bulk_create(
        [
            Instalment(
                pledge=pledge,
                number=number,
                due_on=part.due_on,
                amount=part.amount,
                milestone=part.milestone,
            )
            for number, part in enumerate(sorted(parts, key=lambda part: part.due_on), start=1)
        ]
    )
