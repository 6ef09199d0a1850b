"""What staff record, as plain values; and the rows of ours that such values name.

One `Giving` is the same whether it was typed or read from a file. `Known` reads what many of them
refer to in a fixed number of queries.
"""

import datetime
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import F, Q, Sum, TextField, Value
from django.db.models.functions import Coalesce, Replace, Upper

from core.money import Money
from funding.payments.models import BankAccount, Channel, ManualChannel, Match, Payment, Status
from funding.pools import recording_refusals as refusals
from funding.pools.donors import standing
from funding.pools.models import Donor, GivingPolicy, PoolProfile, RecordedGiving
from funding.pools.schedules import Part

Kind = RecordedGiving.Kind


@dataclass(frozen=True, slots=True)
class DonorFacts:
    """A donor as staff write them down; ``country`` is ISO 3166-1 alpha-2."""

    name: str
    kind: str = str(Donor.Kind.ORGANISATION)
    email: str = ""
    country: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two that were written down the same donor: everything, whatever the case."""
        return (" ".join(self.name.split()).casefold(), self.kind, self.email.lower(), self.country)


def facts_of(donor: Donor) -> DonorFacts:
    return DonorFacts(donor.name, donor.kind, donor.email, donor.country)


@dataclass(frozen=True, slots=True)
class Giving:
    """One gift or pledge to record.

    ``external_id``: what the letter or the file calls it. ``donor``: the number of one who is known,
    or who it is. ``pool``: its code. An empty ``public_name`` is an anonymous donor. ``tell_donor``:
    the payment request (or the receipt) goes to the donor by e-mail. ``due_on`` and ``channel`` (its
    name; empty: bank transfer) are of what is expected, ``parts``, ``binding`` and ``condition`` of
    a pledge. A payment has either ``channel``, ``evidence`` and ``paid_on``, or ``bank_line``: the
    bank's reference of a parked line, or the line's own number.
    """

    external_id: str
    kind: str
    donor: int | DonorFacts
    pool: str
    amount: Money
    public_name: str = ""
    language: str = "en"
    tell_donor: bool = False
    due_on: datetime.date | None = None
    parts: tuple[Part, ...] = ()
    binding: bool = False
    condition: str = ""
    channel: str = ""
    evidence: str = ""
    paid_on: datetime.date | None = None
    bank_line: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is recorded; how it was written to us and whom we tell is no part of it."""
        donor = self.donor if isinstance(self.donor, int) else list(self.donor.key)
        content = [
            self.kind,
            donor,
            self.pool,
            str(self.amount),
            self.public_name,
            self.due_on and self.due_on.isoformat(),
            [[part.due_on.isoformat(), part.amount, part.milestone] for part in self.parts],
            self.binding,
            self.condition,
            self.channel.casefold(),
            self.evidence,
            self.paid_on and self.paid_on.isoformat(),
            self.bank_line,
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """Our rows that a `Giving` names. ``donor`` is None where a new one is to be written down."""

    profile: PoolProfile
    donor: Donor | None = None
    channel: ManualChannel | None = None
    parked: "Parked | None" = None


@dataclass(slots=True)
class Known:
    """What givings refer to, read once for all of them. Nothing in it is locked."""

    recorded: dict[str, RecordedGiving] = field(default_factory=dict)
    pools: dict[str, PoolProfile] = field(default_factory=dict)
    donors: dict[int, Donor] = field(default_factory=dict)
    written_down: dict[tuple[str, ...], list[Donor]] = field(default_factory=dict)
    channels: dict[tuple[str, str], ManualChannel] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    limits: dict[str, int | None] = field(default_factory=dict)
    evidence: set[tuple[int, str]] = field(default_factory=set)
    parked: dict[tuple[str, str], list["Parked"]] = field(default_factory=dict)

    def find(self, giving: Giving) -> Found:
        """The rows it names. Raises UnknownPool, UnknownDonor, SeveralDonors, UnknownChannel,
        UnknownLine, SeveralLines."""
        profile = self.pools.get(giving.pool)
        if profile is None:
            raise refusals.UnknownPool(text=giving.pool)
        currency = giving.amount.currency
        channel = None
        if giving.channel:
            channel = self.channels.get((giving.channel.casefold(), currency))
            if channel is None:
                raise refusals.UnknownChannel(text=giving.channel, currency=currency)
        return Found(
            profile=profile,
            donor=self.donor_of(giving.donor),
            channel=channel,
            parked=self._parked(giving.bank_line, currency) if giving.bank_line else None,
        )

    def donor_of(self, named: int | DonorFacts) -> Donor | None:
        """The donor of that number, or who was written down with these very facts; None: nobody."""
        if isinstance(named, int):
            if named not in self.donors:
                raise refusals.UnknownDonor(number=named)
            return standing(self.donors[named])
        found = {donor.pk: donor for donor in self.written_down.get(named.key, [])}
        if len(found) > 1:
            raise refusals.SeveralDonors
        return next(iter(found.values()), None)

    def _parked(self, reference: str, currency: str) -> "Parked":
        found = self.parked.get((reference.casefold(), currency), [])
        if not found:
            raise refusals.UnknownLine(text=reference, currency=currency)
        if len(found) > 1:
            raise refusals.SeveralLines(text=reference)
        return found[0]


def compact(evidence: str) -> str:
    """Spaces and case do not make another evidence (as `banking.channels` compares)."""
    return "".join(evidence.split()).upper()


def known_for(givings: Sequence[Giving]) -> Known:
    """What these givings refer to, in a fixed number of queries."""
    ids = [giving.donor for giving in givings if isinstance(giving.donor, int)]
    facts = [giving.donor for giving in givings if isinstance(giving.donor, DonorFacts)]
    return Known(
        recorded={
            row.external_id: row
            for row in RecordedGiving.objects.filter(
                external_id__in=[giving.external_id for giving in givings]
            ).select_related("donor")
        },
        pools={profile.code: profile for profile in PoolProfile.objects.select_related("pool")},
        donors=Donor.objects.select_related("merged_into").in_bulk(ids),
        written_down=_written_down(facts),
        channels={
            (channel.name.casefold(), channel.currency): channel
            for channel in ManualChannel.objects.filter(is_open=True)
        },
        accounts=set(BankAccount.objects.filter(closed_on=None).values_list("currency", flat=True)),
        limits=dict(GivingPolicy.objects.values_list("currency", "anonymous_limit")),
        evidence=_evidence(givings),
        parked=_parked(givings),
    )


def _written_down(facts: Sequence[DonorFacts]) -> dict[tuple[str, ...], list[Donor]]:
    """The donors that staff wrote down, by their facts. Names are compared here: the database may
    know no letters but those of ASCII."""
    rows = (
        Donor.objects.filter(
            country__in={one.country for one in facts}, kind__in={one.kind for one in facts}
        )
        .exclude(recorded_by=None)
        .select_related("merged_into")
    )
    found: defaultdict[tuple[str, ...], list[Donor]] = defaultdict(list)
    for donor in rows if facts else ():
        # Of a merged row the standing one counts; both may carry the same facts.
        found[facts_of(donor).key].append(standing(donor))
    return dict(found)


def _evidence(givings: Sequence[Giving]) -> set[tuple[int, str]]:
    """Which of the evidence named stands for a payment already: (channel, compact evidence)."""
    named = {compact(giving.evidence) for giving in givings if giving.evidence}
    if not named:
        return set()
    spaceless = Replace("evidence", Value(" "), Value(""), output_field=TextField())
    used = Payment.objects.annotate(compact=Upper(spaceless, output_field=TextField())).filter(
        compact__in=named, channel=Channel.MANUAL, status=Status.SUCCEEDED
    )
    return set(used.values_list("expected__channel_id", "compact"))


def _parked(givings: Sequence[Giving]) -> dict[tuple[str, str], list["Parked"]]:
    """Parked money by the bank's reference of its line and by the line's own number."""
    found: defaultdict[tuple[str, str], list[Parked]] = defaultdict(list)
    if any(giving.bank_line for giving in givings):
        for parked in parked_money():
            line = parked.match.line
            for name in {str(line), line.bank_reference.casefold()} - {""}:
                found[name, line.currency].append(parked)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Parked:
    """Money of the bank that nobody could match yet, and what of it waits still."""

    match: Match
    left: Money

    @property
    def name(self) -> str:
        """How a form or a file names it: the bank's reference, else the line's own number."""
        return self.match.line.bank_reference or str(self.match.line)


def parked_money() -> list[Parked]:
    """All of it, oldest first, in one query."""
    taken = Coalesce(Sum("resolved_by__amount", filter=Q(resolved_by__undone_at=None)), 0)
    rows = (
        Match.objects.filter(kind=Match.Kind.PARKED, undone_at=None)
        .annotate(left=F("amount") - taken)
        .filter(left__gt=0)
        .select_related("line__statement__account")
        .order_by("pk")
    )
    return [Parked(match, Money(match.left, match.line.currency)) for match in rows]
