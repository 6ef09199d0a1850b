"""Matching: a donor adds to what others give to a pool, up to a sum, within dates.

What an offer comes to is worked out from the gifts at each reading. Once a month it is settled: what
no settlement asked for yet becomes a pledge of one instalment.
"""

import datetime
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone, translation

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.ledger.models import Pool
from funding.ledger.refusals import month_in_words
from funding.payments import issuer
from funding.payments.expected import open_expected
from funding.payments.invoices import BillTo
from funding.payments.models import ExpectedPayment
from funding.payments.stripe_units import smallest_step
from funding.pools import matching_refusals as refusals
from funding.pools import pledges, policy, rules
from funding.pools.models import (
    Donor,
    Instalment,
    InstalmentReminder,
    MatchingOffer,
    MatchingSettlement,
    Pledge,
    PoolProfile,
)
from funding.pools.permissions import OFFER_MATCHING
from funding.pools.rules import written
from funding.pools.schedules import Part

logger = logging.getLogger(__name__)

# A settlement is asked for this many days after it is made.
DUE_IN = datetime.timedelta(days=30)
# The whole of a gift, in per cent.
WHOLE = 100

# --- The offer --------------------------------------------------------------------------------------


def offer_matching(
    *,
    donor: Donor,
    pool: Pool,
    most: Money,
    rate: int = WHOLE,
    starts_on: datetime.date,
    ends_on: datetime.date,
    public_name: str = "",
    binding: bool = True,
    by: User,
    reference: uuid.UUID | None = None,
) -> MatchingOffer:
    """Write down a donor's word to match gifts. ``rate``: per cent of each gift. An empty
    ``public_name`` is an anonymous donor. With ``reference`` (the form's) a form sent twice is one.

    Raises NotPermitted, OtherCurrency, AmountWanted, ShareWanted, EndsBeforeItStarts,
    AnonymousTooLarge and what `rules.check_open` refuses on the first day.
    """
    if not by.has_perm(OFFER_MATCHING):
        raise refusals.NotPermitted
    profile = PoolProfile.objects.select_related("pool").get(pk=pool.pk)
    if most.currency != profile.currency:
        raise refusals.OtherCurrency(currency=profile.currency)
    if most.amount <= 0:
        raise refusals.AmountWanted
    if not 0 < rate <= 1_000:
        raise refusals.ShareWanted
    if ends_on < starts_on:
        raise refusals.EndsBeforeItStarts
    rules.check_open(profile, max(starts_on, timezone.localdate()))
    public_name = public_name.strip()
    if not public_name:
        policy.check_anonymity(most)
    with use_case():
        offer, made = MatchingOffer.objects.get_or_create(
            reference=reference or uuid.uuid4(),
            defaults={
                "donor": donor,
                "pool": pool,
                "currency": most.currency,
                "most": most.amount,
                "rate": rate,
                "starts_on": starts_on,
                "ends_on": ends_on,
                "anonymous": not public_name,
                "public_name": public_name,
                "binding": binding,
                "recorded_by": by,
            },
        )
        if made:
            audit.record("pools.offer_matching", offer, by=by, amount=str(most), rate=rate)
        return offer


def end_offer(offer: MatchingOffer, *, by: User, reason: str) -> MatchingOffer:
    """No gift received from now on is matched; what came before is settled. Twice is once.

    Raises NotPermitted, ReasonMissing.
    """
    if not by.has_perm(OFFER_MATCHING):
        raise refusals.NotPermitted
    if not reason.strip():
        raise refusals.ReasonMissing
    with use_case():
        offer = _lock(offer.pk)
        if offer.ended_at is not None:
            return offer
        offer.ended_at = timezone.now()
        offer.save(update_fields=["ended_at"])
        audit.record("pools.end_matching", offer, by=by, reason=reason.strip())
        return offer


@inside_transaction
def _lock(offer_id: int) -> MatchingOffer:
    # Read once it is locked: a merge that it waited for has given it another donor.
    MatchingOffer.objects.select_for_update().only("pk").get(pk=offer_id)
    return MatchingOffer.objects.select_related("pool__profile", "donor__user").get(pk=offer_id)


# --- What it comes to -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Matched:
    """What an offer comes to: ``amount`` so far, ``left`` of its sum, and the number of ``gifts``.

    ``gifts`` counts those received in the window, also ones that were given back since.
    """

    amount: Money
    left: Money
    gifts: int


# One statement for any number of offers. The sum of the gifts reads the index (pool, received_at)
# over the window alone, and what went back starts from the refunds and disputes of the pool's
# payments, which are few. A gift given once is named by its payment, one of a recurring gift names
# it. Of one gift no more goes off than it counted with, which its cover of the fee was no part of.
_MATCHES = """
    g.received_at >= matching.first AND g.received_at < matching.until
    AND g.pool_id = matching.pool_id AND g.currency = matching.currency
    AND g.donor_id <> matching.donor_id AND g.declined_at IS NULL
"""
_MATCHED = f"""
SELECT matching.id, given.amount, given.count, gone.amount
FROM (
    SELECT o.id, o.pool_id, o.donor_id, o.currency, span.first, span.until
    FROM unnest(%(offers)s::bigint[], %(firsts)s::timestamptz[], %(untils)s::timestamptz[])
        AS span (offer, first, until)
    JOIN pools_matchingoffer o ON o.id = span.offer
) matching
CROSS JOIN LATERAL (
    SELECT coalesce(sum(g.amount - g.fee_cover), 0)::bigint AS amount, count(*) AS count
    FROM pools_gift g WHERE {_MATCHES}
) given
CROSS JOIN LATERAL (
    WITH back AS (
        SELECT p.id, p.purpose, p.purpose_id, r.amount FROM payments_refund r
        JOIN payments_payment p ON p.id = r.payment_id AND p.pool_id = matching.pool_id
        WHERE r.status IN ('pending', 'succeeded')
        UNION ALL
        SELECT p.id, p.purpose, p.purpose_id, d.amount FROM payments_dispute d
        JOIN payments_payment p ON p.id = d.payment_id AND p.pool_id = matching.pool_id
        WHERE d.outcome IN ('open', 'lost') AND NOT d.inquiry
    )
    SELECT coalesce(sum(amount), 0)::bigint AS amount FROM (
        SELECT least(sum(went.amount), went.counted) AS amount FROM (
            SELECT g.id, g.amount - g.fee_cover AS counted, back.amount FROM back
            JOIN pools_gift g ON back.purpose = 'gift' AND g.id = back.purpose_id
            WHERE {_MATCHES}
            UNION ALL
            SELECT g.id, g.amount - g.fee_cover, back.amount FROM back
            JOIN pools_gift g ON g.recurring_payment_id = back.id
            WHERE {_MATCHES}
        ) went GROUP BY went.id, went.counted
    ) of_gift
) gone
"""  # noqa: S608 (constants of this module)


def matched(offer: MatchingOffer, *, on: datetime.date | None = None) -> Matched:
    """What the offer comes to by the end of that day (today by default), in one query.

    The gifts of others to the pool that were received in its window, without what was added to
    carry the card's fee, less what of them was given back or is disputed, times its share, and at
    most its sum; rounded down to what a card can pay. The donor's own gifts and those that the
    foundation declined do not count.
    """
    return _all_matched([offer], on or timezone.localdate())[offer.pk]


def _all_matched(offers: Sequence[MatchingOffer], on: datetime.date) -> dict[int, Matched]:
    """`matched` of each offer by its id, in one query."""
    spans = [_span(offer, on) for offer in offers]
    values: dict[str, Any] = {
        "offers": [offer.pk for offer in offers],
        "firsts": [first for first, _until in spans],
        "untils": [until for _first, until in spans],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MATCHED, values)
        sums = {pk: (given, count, back) for pk, given, count, back in cursor.fetchall()}
    found = {}
    for offer in offers:
        given, count, back = sums[offer.pk]
        most = _payable(offer.most, offer.currency)
        amount = min(most, _payable((given - back) * offer.rate // WHOLE, offer.currency))
        found[offer.pk] = Matched(
            amount=Money(amount, offer.currency),
            left=Money(most - amount, offer.currency),
            gifts=count,
        )
    return found


def _payable(amount: int, currency: str) -> int:
    """``amount``, or the largest below it that a card can pay: a settlement is one instalment."""
    return amount - amount % smallest_step(currency)


def _span(offer: MatchingOffer, on: datetime.date) -> tuple[datetime.datetime, datetime.datetime]:
    """From when, and until just before when, a gift must have been received."""
    first = _midnight(offer.starts_on)
    until = _midnight(min(on, offer.ends_on) + datetime.timedelta(days=1))
    return first, min(until, offer.ended_at) if offer.ended_at is not None else until


def _midnight(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time()))


@dataclass(frozen=True, slots=True)
class LiveOffer:
    """An offer as everybody sees it today. ``name`` is empty for an anonymous donor."""

    offer: MatchingOffer
    matched: Matched
    name: str

    @property
    def doubles(self) -> bool:
        return self.offer.rate == WHOLE

    @property
    def used_up(self) -> bool:
        return not self.matched.left.amount


def live_offers(pool: Pool, *, on: datetime.date | None = None) -> list[LiveOffer]:
    """The pool's offers that run on that day, the one that ends first in front; in two queries, or
    one where there are none."""
    on = on or timezone.localdate()
    running = list(
        MatchingOffer.objects.filter(
            pool=pool, ended_at=None, starts_on__lte=on, ends_on__gte=on
        ).order_by("ends_on", "pk")
    )
    if not running:
        return []
    found = _all_matched(running, on)
    return [
        LiveOffer(offer, found[offer.pk], "" if offer.anonymous else offer.public_name)
        for offer in running
    ]


# --- Settling ---------------------------------------------------------------------------------------


def settle_month(month: datetime.date) -> list[MatchingSettlement]:
    """Ask each donor who matches for what their offer came to by the end of ``month`` and was not
    asked for yet (the monthly job, on the 2nd for the month before).

    Once per offer and month, however often and from wherever it is called. A gift that was found
    late is in the next settlement; what was given back since makes the next one smaller, and never
    takes anything back from one that stands.
    """
    first = month.replace(day=1)
    after = (first + datetime.timedelta(days=32)).replace(day=1)
    last = after - datetime.timedelta(days=1)
    offers = MatchingOffer.objects.filter(starts_on__lte=last).order_by("pk")
    settled = []
    for pk in offers.values_list("pk", flat=True):
        try:
            with use_case():
                made = _settle(_lock(pk), first, last)
        except Exception:
            # One that cannot be settled keeps no other waiting; the next month asks for it too.
            logger.exception("The matching offer %s could not be settled.", pk)
            continue
        if made is not None:
            settled.append(made)
    return settled


def settle_last_month(today: datetime.date | None = None) -> list[MatchingSettlement]:
    """`settle_month` of the month before."""
    first = (today or timezone.localdate()).replace(day=1)
    return settle_month(first - datetime.timedelta(days=1))


@inside_transaction
def _settle(
    offer: MatchingOffer, month: datetime.date, last: datetime.date
) -> MatchingSettlement | None:
    """The settlement of one offer (locked); None where it is made already or nothing is to ask.

    A month is settled only after those before it: one that is caught up on late would otherwise
    ask again for what a later one asked for.
    """
    if offer.settlements.filter(month__gte=month).exists():
        return None
    asked = offer.settlements.aggregate(sum=Sum("amount"))["sum"] or 0
    amount = matched(offer, on=last).amount.amount - int(asked)
    if amount <= 0:
        return None
    money, due_on = Money(amount, offer.currency), timezone.localdate() + DUE_IN
    language = _language(offer.donor)
    pledge = pledges.write_pledge(
        offer.donor,
        profile=offer.pool.profile,
        amount=money,
        parts=[Part(due_on, amount)],
        binding=offer.binding,
        public_name=offer.public_name,
        language=language,
        form_token=uuid.uuid5(offer.reference, f"{month:%Y-%m}"),
        recorded_by=offer.recorded_by,
    )
    pledge = pledges.confirm(pledge, by=None)
    settlement = MatchingSettlement.objects.create(
        offer=offer, month=month, amount=amount, pledge=pledge
    )
    audit.record("pools.settle_matching", offer, by=None, month=f"{month:%Y-%m}", amount=str(money))
    _ask(offer, settlement, pledge, due_on, language)
    return settlement


def _language(donor: Donor) -> str:
    return donor.user.preferred_language if donor.user else settings.LANGUAGE_CODE


def _ask(
    offer: MatchingOffer,
    settlement: MatchingSettlement,
    pledge: Pledge,
    due_on: datetime.date,
    language: str,
) -> None:
    """Expect the money and write to the donor, with the payment request where there is an account
    to pay to. A donor without an address is asked by staff, who see the pledge."""
    instalment: Instalment = pledge.instalments.get()
    expected = None
    if issuer.open_account(pledge.currency) is not None:
        # Without the address, so that the request goes with our own mail and not once more alone.
        expected = open_expected(
            purpose=pledges.PURPOSE,
            purpose_id=instalment.pk,
            pool=offer.pool,
            amount=pledge.money,
            payer=BillTo(name=offer.donor.name, country=offer.donor.country),
            language=language,
            due_on=due_on,
        )
        expected.payer_email = offer.donor.email
        expected.save(update_fields=["payer_email"])
    if not offer.donor.email:
        return
    # This mail is what the reminder a month ahead would say.
    InstalmentReminder.objects.create(
        instalment=instalment, days=-DUE_IN.days, due_on=instalment.due_on
    )
    tell(settlement, expected)


@inside_transaction
def tell(settlement: MatchingSettlement, request: ExpectedPayment | None) -> None:
    """Write to the donor what a month's gifts ask of them, with the payment request if there is one."""
    pledge = settlement.pledge
    with translation.override(pledge.language):
        context = {
            "name": pledge.donor.name,
            "pool": pledge.pool.name,
            "amount": pledge.money.format(),
            "month": month_in_words(settlement.month),
            "due_on": written(pledge.instalments.get().due_on),
            "path": request.get_absolute_url() if request else "",
            "number": request.number if request else "",
        }
    enqueue_mail(
        "pools_matching_settled",
        pledge.donor.email,
        pledge.language,
        context,
        attachments=[("payment_request", str(request.public_id))] if request else [],
        about=about_settlement(settlement),
    )


def about_settlement(settlement: MatchingSettlement) -> str:
    return f"matching:{settlement.pk}"
