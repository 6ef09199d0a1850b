"""Who gave, as the public may know it, and how much the foundation depends on whom.

Donors are named where they agreed to it for that very gift or pledge. All others appear together
alone: as one line, and each as one among the givers when dependence is worked out.
"""

from dataclasses import dataclass
from typing import Literal

from core.pictures import Logo
from funding.ledger.models import Pool
from funding.transparency.models import GiverKind
from funding.transparency.opened import donor_of, tag_of
from funding.transparency.reading import KindSum, Reading, Recent, Tally, read

SHOWN = 20  # named givers on a page of figures
PAGE = 100  # named givers on a page of the whole list
# How many unnamed donors there are is said from here on: of two, each would know the other's part.
ENOUGH_TO_COUNT = 3


@dataclass(frozen=True, slots=True)
class Giver:
    """A named donor with what came, in minor units."""

    name: str
    donor: int  # the id
    tally: Tally
    share: int  # of all that was received and kept, in tenths of a per cent, rounded down
    logo: Logo | None = None  # `funding.transparency.logos`

    @property
    def tag(self) -> str:
        """With the name, the address of the entries (`funding.transparency.opened`)."""
        return tag_of(self.name, self.donor)


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much of what donors gave, and did not get back, comes from how few of them.

    ``share``: of the largest donor, in tenths of a per cent; ``name`` of that donor, "" where it is
    not named. ``equals``: the Herfindahl index the other way round (1 / Σ shares²), in tenths: as if
    so many donors had given the same each. Of ``donors`` as many as ``unnamed`` are not named.
    """

    donors: int
    share: int
    name: str
    equals: int
    unnamed: int = 0

    @property
    def countable(self) -> bool:
        """Whether the numbers may be shown: from them, of two unnamed donors one could work out
        what the other gave."""
        return self.unnamed == 0 or self.unnamed >= ENOUGH_TO_COUNT

    @property
    def share_shown(self) -> bool:
        """A named donor's share is that of the list of givers, whoever else there is."""
        return self.countable or bool(self.name)

    @property
    def level(self) -> Literal["one", "few", "some", "many"]:
        """One donor alone; or a half, or a quarter, of the weight with the largest ones."""
        if self.donors == 1 and self.countable:
            return "one"
        if self.share >= 500 or self.equals < 20:
            return "few"
        return "some" if self.equals < 60 else "many"


@dataclass(frozen=True, slots=True)
class Givers:
    """Who gave to a pool, or to all pools, in one currency. Every sum in minor units.

    ``rows`` are named donors, the largest first; ``rest`` are the named ones who are not among them
    (on a page of the whole list: who are not on that page). All together are the ledger's figures
    `received`, and `refunded` and `lost`.
    """

    currency: str
    rows: list[Giver]
    rest: Tally
    rest_count: int
    anonymous: Tally
    anonymous_count: int
    dues: Tally
    other: Tally
    total: Tally
    concentration: Concentration | None
    next_after: tuple[int, str] | None

    @property
    def anonymous_number(self) -> int:
        """How many donors are not named; 0 where they are too few to say so."""
        return self.anonymous_count if self.anonymous_count >= ENOUGH_TO_COUNT else 0

    @property
    def any_returned(self) -> bool:
        return bool(self.total.returned)


def givers(pool: Pool | None, currency: str, *, limit: int = SHOWN) -> Givers:
    """Who gave to ``pool``, or to all pools (None), in ``currency``; one query."""
    found = read(pool, givers=limit)
    return of_reading(found.get(currency, Reading(currency)), limit=limit)


def page_of_givers(
    pool: Pool | None, currency: str, *, after: tuple[int, str] | None = None
) -> Givers:
    """A page of all named donors, those after ``after``; one query. Paging by place: no donor is
    lost or comes twice while nothing changes."""
    found = read(pool, givers=PAGE, after=after)
    return of_reading(found.get(currency, Reading(currency)), limit=PAGE, after=after)


def of_reading(
    reading: Reading, *, limit: int = SHOWN, after: tuple[int, str] | None = None
) -> Givers:
    """What a reading of the books says of who gave (`funding.transparency.reading.read`, asked for
    the same ``limit`` and ``after``)."""
    tallies = {kind: _tally(reading, kind) for kind in GiverKind}
    total = sum(tallies.values(), Tally())
    candidates = reading.named + [
        (key, recent.now)
        for (kind, key), recent in reading.recent.items()
        if kind == GiverKind.NAMED and recent.now.kept > 0
    ]
    ordered = sorted(candidates, key=lambda one: (-one[1].kept, one[0]))
    if after is not None:
        ordered = [one for one in ordered if (-one[1].kept, one[0]) > (-after[0], after[1])]
    shown = ordered[:limit]
    of_shown = sum((tally for _, tally in shown), Tally())
    named = tallies[GiverKind.NAMED]
    last = shown[-1] if len(ordered) > limit else None
    return Givers(
        currency=reading.currency,
        rows=[
            Giver(*_name_and_donor(key), tally, _tenths(tally.kept, total.kept))
            for key, tally in shown
        ],
        rest=Tally(named.received - of_shown.received, named.returned - of_shown.returned),
        rest_count=_count(reading, GiverKind.NAMED) - len(shown),
        anonymous=tallies[GiverKind.ANONYMOUS],
        anonymous_count=_count(reading, GiverKind.ANONYMOUS),
        dues=tallies[GiverKind.DUES],
        other=tallies[GiverKind.OTHER],
        total=total,
        concentration=_concentration(reading, ordered[0] if ordered and after is None else None),
        next_after=(last[1].kept, last[0]) if last else None,
    )


def key_of(name: str, tag: str) -> str:
    """The key of a named giver by what an address says of it, for `page_of_givers`: the place before
    all of that name where it is nobody's any more."""
    return f"{name}#{donor_of(name, tag) or ''}"


def _name_and_donor(key: str) -> tuple[str, int]:
    """What the key of a named giver says (`funding.transparency.models.Given`)."""
    name, _sign, donor = key.rpartition("#")
    return name, int(donor)


def _recent(reading: Reading, *kinds: GiverKind) -> list[Recent]:
    return [recent for (kind, _), recent in reading.recent.items() if kind in kinds]


def _tally(reading: Reading, kind: GiverKind) -> Tally:
    summed = reading.sums.get(kind, KindSum()).tally
    return sum((recent.since for recent in _recent(reading, kind)), summed)


def _count(reading: Reading, kind: GiverKind) -> int:
    """How many givers of a kind there are of whose money something is still here."""
    return reading.sums.get(kind, KindSum()).givers + sum(
        (recent.now.kept > 0) - (recent.before.kept > 0) for recent in _recent(reading, kind)
    )


def _concentration(reading: Reading, first: tuple[str, Tally] | None) -> Concentration | None:
    """None where nothing is kept of what donors gave. ``first``: the largest named donor."""
    both = (GiverKind.NAMED, GiverKind.ANONYMOUS)
    recent = _recent(reading, *both)
    donors = sum(_count(reading, kind) for kind in both)
    kept = sum(reading.sums.get(kind, KindSum()).kept for kind in both)
    squares = sum(reading.sums.get(kind, KindSum()).squares for kind in both)
    for one in recent:
        now, before = max(one.now.kept, 0), max(one.before.kept, 0)
        kept += now - before
        squares += now * now - before * before
    if donors == 0:
        return None
    unnamed = max(
        reading.largest_unnamed.kept,
        *(one.now.kept for one in _recent(reading, GiverKind.ANONYMOUS)),
        0,
    )
    of_named = first[1].kept if first else 0
    return Concentration(
        donors=donors,
        share=_tenths(max(of_named, unnamed), kept),
        name=_name_and_donor(first[0])[0] if first and of_named >= unnamed else "",
        equals=(kept * kept * 10 + squares // 2) // squares,
        unnamed=_count(reading, GiverKind.ANONYMOUS),
    )


def _tenths(part: int, whole: int) -> int:
    """``part`` of ``whole`` in tenths of a per cent, rounded down."""
    return part * 1000 // whole if whole > 0 else 0
