"""Writing down what donors give who never sign in: an expected gift, a pledge, a payment that came.

Everything recorded is known by an identifier of its own, and so is never recorded twice. The donor
may claim it later (`claims`); it hangs on their row then, not on a second one.
"""

import uuid
from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.payments.banking import channels, confirming
from funding.payments.expected import open_expected
from funding.payments.invoices import BillTo
from funding.payments.models import ExpectedPayment
from funding.payments.permissions import CONFIRM_MATCH, CONFIRM_PAYMENT
from funding.pools import gifts, pledges, rules
from funding.pools import recording_refusals as refusals
from funding.pools.donors import standing
from funding.pools.models import Donor, Gift, Pledge, PoolProfile, RecordedGiving
from funding.pools.permissions import RECORD_GIVING
from funding.pools.recorded_things import (
    DonorFacts,
    Found,
    Giving,
    Kind,
    Known,
    compact,
    known_for,
)
from funding.pools.rules import written
from funding.pools.schedules import MOST_INSTALMENTS, YEARS_AHEAD, Part, months_later

# The first number of an advisory lock; those of the ledger stand in `funding.ledger.sql.guards`.
_RECORDERS = 20_264
# Makes the form token of what is recorded from its identifier.
_TOKENS = uuid.UUID("8f6c1e0a-3f0b-4b57-9d0e-5c1c9f1f6f2e")

# --- What staff call ----------------------------------------------------------------------------------


def record_donor(facts: DonorFacts, *, by: User) -> Donor:
    """The donor who is written down with these very facts; a new row where there is none.

    Raises NotPermitted, SeveralDonors.
    """
    require_right(by)
    with use_case():
        one_at_a_time()
        giving = Giving("", Kind.EXPECTED, facts, "", Money(0, "USD"))
        return known_for([giving]).donor_of(facts) or write_donor(facts, by=by)


def record(giving: Giving, *, by: User) -> RecordedGiving:
    """Record one thing. The same again returns what stands; the same identifier with other content
    raises RecordedDifferently. Raises what `check` refuses, and what money that came refuses
    (`banking.channels.confirm_payment`, `banking.confirming.match_to_expected`)."""
    require_right(by)
    with use_case():
        one_at_a_time()
        known = known_for([giving])
        if before := recorded_before(giving, known):
            return before
        found = known.find(giving)
        check(giving, found, known, by=by)
        return write(giving, found, by=by)


# --- Rules --------------------------------------------------------------------------------------------


def require_right(by: User) -> None:
    if not by.has_perm(RECORD_GIVING):
        raise refusals.NotPermitted


def recorded_before(giving: Giving, known: Known) -> RecordedGiving | None:
    """What stands under the identifier. Raises IdentifierWanted, RecordedDifferently."""
    if not 0 < len(giving.external_id) <= 100:
        raise refusals.IdentifierWanted
    before = known.recorded.get(giving.external_id)
    if before is not None and before.content_sha256 != giving.fingerprint:
        raise refusals.RecordedDifferently(external_id=giving.external_id)
    return before


def check(giving: Giving, found: Found, known: Known, *, by: User) -> None:
    """Raise what a giving breaks (`recording_refusals`, and `rules.check_open`); reads nothing."""
    if giving.amount.amount <= 0:
        raise refusals.AmountWanted
    if giving.amount.currency != found.profile.currency:
        raise refusals.OtherCurrency(currency=found.profile.currency)
    _check_donor(giving, found, known)
    if giving.kind == Kind.PAYMENT:
        _check_payment(giving, found, known, by=by)
        return
    rules.check_open(found.profile, timezone.localdate())
    if giving.kind == Kind.PLEDGE:
        check_parts(giving.amount, giving.parts)
    elif found.channel is None and giving.amount.currency not in known.accounts:
        raise refusals.NoAccount(currency=giving.amount.currency)


def _check_donor(giving: Giving, found: Found, known: Known) -> None:
    if isinstance(giving.donor, DonorFacts) and not giving.donor.name:
        raise refusals.DonorWanted
    limit = known.limits.get(giving.amount.currency)
    if not giving.public_name and limit is not None and giving.amount.amount > limit:
        raise refusals.PublicNameWanted(
            limit=Money(limit, giving.amount.currency).format(), amount=giving.amount.format()
        )
    if giving.tell_donor and not _address(giving, found):
        raise refusals.NoAddressToWriteTo


def _address(giving: Giving, found: Found) -> str:
    if found.donor is not None:
        return found.donor.email
    return giving.donor.email if isinstance(giving.donor, DonorFacts) else ""


def check_parts(amount: Money, parts: Sequence[Part]) -> None:
    """The schedule of a recorded pledge. A day gone by is allowed: the letter may be old."""
    if not parts:
        raise refusals.DayWanted
    if len(parts) > MOST_INSTALMENTS:
        raise refusals.TooManyInstalments(most=MOST_INSTALMENTS)
    if any(part.amount <= 0 for part in parts):
        raise refusals.AmountWanted
    total = Money(sum(part.amount for part in parts), amount.currency)
    if total != amount:
        raise refusals.ScheduleDiffers(sum=total.format(), amount=amount.format())
    days = [part.due_on for part in parts]
    for day in days:
        if days.count(day) > 1:
            raise refusals.SameDayTwice(date=written(day))
    latest = months_later(timezone.localdate(), 12 * YEARS_AHEAD)
    if max(days) > latest:
        raise refusals.TooFarAhead(date=written(max(days)), latest=written(latest))


def _check_payment(giving: Giving, found: Found, known: Known, *, by: User) -> None:
    by_channel = bool(giving.channel or giving.evidence or giving.paid_on)
    if by_channel and giving.bank_line:
        raise refusals.OneProof
    if not by.has_perm(CONFIRM_MATCH if giving.bank_line else CONFIRM_PAYMENT):
        raise refusals.NoRightToConfirm
    if found.parked is not None:
        if found.parked.left < giving.amount:
            raise refusals.MoreThanParked(left=found.parked.left.format())
        return
    if found.channel is None or not giving.evidence or giving.paid_on is None:
        raise refusals.ProofWanted
    if giving.paid_on > timezone.localdate():
        raise refusals.PaidInFuture
    if giving.paid_on.year < 2000:
        raise refusals.PaidLongAgo
    if (found.channel.pk, compact(giving.evidence)) in known.evidence:
        raise refusals.EvidenceUsed(channel=found.channel.name)


# --- Writing ------------------------------------------------------------------------------------------


@inside_transaction
def one_at_a_time() -> None:
    """Recording waits for recording: two who upload the same file at once make one set of rows, and
    one donor is not written down twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_RECORDERS])


@inside_transaction
def write_donor(facts: DonorFacts, *, by: User) -> Donor:
    donor = Donor.objects.create(
        kind=facts.kind,
        name=" ".join(facts.name.split()),
        email=facts.email,
        country=facts.country,
        recorded_by=by,
    )
    audit.record("pools.record_donor", donor, by=by)
    return donor


@inside_transaction
def write(giving: Giving, found: Found, *, by: User, file_name: str = "") -> RecordedGiving:
    """The rows of a giving that was checked; the caller holds `one_at_a_time`."""
    donor = _donor(giving, found, by=by)
    gift: Gift | None = None
    pledge: Pledge | None = None
    if giving.kind == Kind.PLEDGE:
        pledge = _write_pledge(giving, found.profile, donor, by=by)
    else:
        gift = _write_gift(giving, found.profile, donor, by=by)
        expected = _expect(giving, found, donor, gift, by=by)
        if giving.kind == Kind.PAYMENT:
            _receive(giving, found, expected, by=by)
    row = RecordedGiving.objects.create(
        external_id=giving.external_id,
        kind=giving.kind,
        donor=donor,
        gift=gift,
        pledge=pledge,
        content_sha256=giving.fingerprint,
        file_name=file_name[:250],
        recorded_by=by,
    )
    audit.record(
        "pools.record_giving",
        row,
        by=by,
        kind=giving.kind,
        amount=str(giving.amount),
        pool=giving.pool,
    )
    return row


def _donor(giving: Giving, found: Found, *, by: User) -> Donor:
    """The donor's row, which cannot be merged into another one until this is written."""
    if found.donor is None:
        assert isinstance(giving.donor, DonorFacts)
        return write_donor(giving.donor, by=by)
    locked = Donor.objects.select_for_update(of=("self",), no_key=True).select_related(
        "merged_into"
    )
    return standing(locked.get(pk=found.donor.pk))


def _token(giving: Giving) -> uuid.UUID:
    return uuid.uuid5(_TOKENS, giving.external_id)


def _write_gift(giving: Giving, profile: PoolProfile, donor: Donor, *, by: User) -> Gift:
    return Gift.objects.create(
        donor=donor,
        pool=profile.pool,
        amount=giving.amount.amount,
        currency=giving.amount.currency,
        anonymous=not giving.public_name,
        public_name=giving.public_name,
        language=giving.language,
        form_token=_token(giving),
        recorded_by=by,
    )


def _write_pledge(giving: Giving, profile: PoolProfile, donor: Donor, *, by: User) -> Pledge:
    pledge = pledges.write_pledge(
        donor,
        profile=profile,
        amount=giving.amount,
        parts=giving.parts,
        binding=giving.binding,
        condition=giving.condition,
        public_name=giving.public_name,
        language=giving.language,
        form_token=_token(giving),
        recorded_by=by,
    )
    return pledges.confirm(pledge, by=by)


def _expect(giving: Giving, found: Found, donor: Donor, gift: Gift, *, by: User) -> ExpectedPayment:
    """What is expected for the gift; the donor gets the request by e-mail where they are to be told.

    A payment's receipt goes the same way, and its request, answered at once, to nobody.
    """
    told = giving.tell_donor and giving.kind == Kind.EXPECTED
    expected = open_expected(
        purpose=gifts.PURPOSE,
        purpose_id=gift.pk,
        pool=found.profile.pool,
        amount=giving.amount,
        payer=BillTo(name=donor.name, country=donor.country, email=donor.email if told else ""),
        language=giving.language,
        user=donor.user,
        channel=found.channel,
        due_on=giving.due_on,
    )
    if giving.tell_donor and not told:
        expected.payer_email = donor.email
        expected.save(update_fields=["payer_email"])
    return expected


def _receive(giving: Giving, found: Found, expected: ExpectedPayment, *, by: User) -> None:
    if found.parked is not None:
        match = found.parked.match
        confirming.match_to_expected(match.line, expected, giving.amount, by=by, parked=match)
        return
    assert giving.paid_on is not None
    channels.confirm_payment(
        expected, giving.amount, evidence=giving.evidence, paid_on=giving.paid_on, by=by
    )
