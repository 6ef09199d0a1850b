"""The voting register: who holds which vote on a day. Its rules stand here and nowhere else.

1. An organisation that is a member on the day has one vote, whatever its tier, its dues and its
   size, and however many of its terms stand on that day. It is a member while a term is current
   or in grace (`Term.status`).
2. Its vote is held by the person who is its voting representative when the day ends. Where nobody
   is, nobody holds it: the vote is vacant. It passes to no other contact.
3. It counts for the constituency, the country and under the public name that the organisation had
   when the day ended.

So that the register of a past day stays as it was, it is told from history (`membership.models.
history`), not from what stands now. A day is one of the portal's time zone. Which date counts:

- That dues arrived or were waived, and that a term was cancelled, count from their own day on,
  though they be written down later. That dues went back counts from when it was written down: the
  days before keep their vote.
- Roles, names, constituencies and countries count from when they changed here. So does a merge:
  until then there were two members, each with its vote and its people.
- What came into the portal later than the day (a term from before there was a portal) counts by
  its dates, for the organisation as it was when it came. A seat that came later holds no vote.

Because of the first point the register of a day can still change after it: a transfer that came on
Friday is found on Monday. So a register also says until when it `known`: asked again for that
moment it is the same for ever, and its `digest` shows it. (But for a change that was being written
at that very moment and was not committed yet.)
"""

import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.db import connection
from django.utils import timezone

from core import countries
from core.models import User
from membership.models import Constituency
from membership.models.terms import FIRST_DAY, GRACE

# A record that ended after what is `known` had not ended yet. Those that outlast the day are looked
# at alone: the earliest of them stood when the day ended, or came first after it. Facts of a term
# count from that one (where it stood) and from the one that stands now.
_SQL = """
WITH known AS (
    SELECT *, CASE WHEN ends_at <= %(known)s::timestamptz THEN ends_at END AS ended
    FROM membership_termrecord WHERE begins_at <= %(known)s::timestamptz AND starts_on <= %(day)s
), terms AS (
    SELECT *, ended IS NULL OR begins_at < %(end)s AS counts
    FROM known WHERE ended IS NULL OR ended >= %(end)s
), members AS (
    SELECT DISTINCT (array_agg(organisation_id ORDER BY begins_at, id))[1] AS organisation_id
    FROM terms GROUP BY term_id
    HAVING (array_agg(ends_on ORDER BY begins_at, id))[1] >= %(grace)s
        AND bool_or(LEAST(settled_on, waived_on) <= %(day)s) FILTER (WHERE counts)
        AND bool_or(cancelled_on <= %(day)s) FILTER (WHERE counts) IS NOT TRUE
), facts AS (
    SELECT DISTINCT ON (organisation_id) organisation_id, public_name, constituency, country
    FROM membership_organisationrecord JOIN members USING (organisation_id)
    WHERE begins_at <= %(known)s::timestamptz
        AND (ends_at IS NULL OR ends_at > %(known)s::timestamptz OR ends_at >= %(end)s)
    ORDER BY organisation_id, begins_at, id
), voters AS (
    SELECT DISTINCT ON (organisation_id) organisation_id, person_id
    FROM membership_seatrecord JOIN members USING (organisation_id)
    WHERE begins_at <= %(known)s::timestamptz AND begins_at < %(end)s
        AND (ends_at IS NULL OR ends_at > %(known)s::timestamptz OR ends_at >= %(end)s)
        AND 'voting_representative' = ANY(roles)
    ORDER BY organisation_id, begins_at DESC, id DESC
)
SELECT organisation_id, public_name, constituency, country, person_id
FROM facts LEFT JOIN voters USING (organisation_id)
"""


@dataclass(frozen=True, slots=True)
class Vote:
    """The one vote of a member. ``holder`` is the key of a user; None where the vote is vacant."""

    organisation: int
    name: str
    constituency: str
    country: str
    holder: int | None

    @property
    def constituency_name(self) -> str:
        return str(Constituency(self.constituency).label)

    @property
    def country_name(self) -> str:
        return countries.get(self.country).name()


@dataclass(frozen=True)
class Register:
    """All votes of a day, by name, from what was known at a moment."""

    day: datetime.date
    known: datetime.datetime
    votes: list[Vote]

    @property
    def held(self) -> int:
        return sum(vote.holder is not None for vote in self.votes)

    @property
    def vacant(self) -> list[Vote]:
        return [vote for vote in self.votes if vote.holder is None]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the day and its votes as compact JSON, by organisation: the same facts give
        the same digest, whenever they are asked for. It names people by key alone, so that it
        still fits when somebody's name or address changes or is erased."""
        votes = sorted(self.votes, key=lambda vote: vote.organisation)
        content = [
            self.day.isoformat(),
            [[v.organisation, v.name, v.constituency, v.country, v.holder] for v in votes],
        ]
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def holders(self) -> dict[int, User]:
        """The people who hold votes, by key, as they are called today. One query."""
        return User.objects.in_bulk([vote.holder for vote in self.votes if vote.holder is not None])


def register(on: datetime.date, *, known: datetime.datetime | None = None) -> Register:
    """The votes on the day ``on``, from what was written down until ``known`` (now). One query.

    Today's is as of this moment. Raises ValueError for a day that is not over and not today, or
    before the first day that terms know.
    """
    now = timezone.now()
    if not FIRST_DAY <= on <= timezone.localdate():
        raise ValueError(f"There is no register of {on}.")
    midnight = datetime.datetime.combine(on + datetime.timedelta(days=1), datetime.time())
    values = {
        "day": on,
        "end": timezone.make_aware(midnight),
        "grace": on - GRACE,
        # Triggers write by the database's own clock, which need not be ours to the second.
        "known": known or "infinity",
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL, values)
        votes = [Vote(*row) for row in cursor.fetchall()]
    votes.sort(key=lambda vote: (countries.sort_key(vote.name), vote.organisation))
    return Register(day=on, known=known or now, votes=votes)


@dataclass(frozen=True, slots=True)
class Weight:
    """What one constituency or country has of the votes."""

    code: str
    name: str
    members: int
    held: int
    whole: int  # the votes of all

    @property
    def vacant(self) -> int:
        return self.members - self.held

    @property
    def permille(self) -> int:
        """Its part of all votes in thousandths, half a one rounded up."""
        return (2000 * self.members + self.whole) // (2 * self.whole) if self.whole else 0

    @property
    def percent(self) -> Decimal:
        return Decimal(self.permille) / 10

    @property
    def width(self) -> str:
        """How wide its bar is."""
        return f"{self.percent}%"


def by_constituency(found: Register) -> list[Weight]:
    """Every constituency, those without members too, in the order of the directory."""
    names = {code: str(label) for code, label in Constituency.choices}
    return _weights(found, names, [vote.constituency for vote in found.votes])


def by_country(found: Register) -> list[Weight]:
    """The countries that have members, by name."""
    codes = [vote.country for vote in found.votes]
    names = {code: countries.get(code).name() for code in codes}
    ordered = dict(sorted(names.items(), key=lambda item: countries.sort_key(item[1])))
    return _weights(found, ordered, codes)


def _weights(found: Register, names: dict[str, str], codes: Iterable[str]) -> list[Weight]:
    of_vote = list(zip(codes, found.votes, strict=True))
    members = Counter(code for code, __ in of_vote)
    held = Counter(code for code, vote in of_vote if vote.holder is not None)
    return [
        Weight(code, name, members[code], held[code], len(found.votes))
        for code, name in names.items()
    ]
