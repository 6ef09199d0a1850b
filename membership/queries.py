"""The read side: who is a member, and what a person has to do with it."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Count,
    DateField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, ExtractYear, Greatest

from core import countries
from core.models import User
from membership.models import Constituency, Organisation, Term, Tier
from membership.models.organisations import name_key
from membership.models.terms import GRACE


def _standing_members(on: datetime.date, name: str = "") -> QuerySet[Any]:
    """Members on ``on`` with ``tier_now`` (the id of the newest standing term's tier) and
    ``since`` (as `member_since` tells it), by name; ``name`` is a part of a name, however spelt."""
    standing = Term.objects.standing(on).filter(organisation=OuterRef("pk"))
    found: QuerySet[Any] = Organisation.objects.filter(Exists(standing)).annotate(
        tier_now=Subquery(standing.order_by("-starts_on").values("tier")[:1]),
        since=Subquery(_first_days().values("day")[:1]),
    )
    key = countries.sort_key(name.replace("\x00", "")).strip()
    if not key:
        return found
    same = Q(sort_key__contains=key)
    if letters := name_key(key):
        same |= Q(legal_key__contains=letters)
    return found.filter(same)


def _first_days() -> QuerySet[Any]:
    """The terms of the outer organisation that counted, the earliest ``day`` first."""
    last_of_grace = ExpressionWrapper(F("ends_on") + Value(GRACE.days), output_field=DateField())
    paid: QuerySet[Any] = Term.objects.filter(
        Q(settled_on__isnull=False) | Q(waived_on__isnull=False), organisation=OuterRef("pk")
    ).annotate(day=Greatest("starts_on", Coalesce("settled_on", "waived_on")))
    counted = paid.filter(
        Q(cancelled_on__isnull=True) | Q(cancelled_on__gt=F("day")), day__lte=last_of_grace
    )
    return counted.order_by("day")


@dataclass(frozen=True, slots=True)
class Facet:
    """How many members have these four in common."""

    constituency: str
    country: str
    tier: int
    since: int  # a year
    members: int


def facets(on: datetime.date, *, name: str = "") -> list[Facet]:
    """All members on ``on`` whose name has ``name`` in it, counted by what they are filtered by."""
    rows = (
        _standing_members(on, name)
        .order_by()
        .annotate(year=ExtractYear("since"))
        .values_list("constituency", "country", "tier_now", "year")
        .annotate(Count("pk"))
    )
    return [Facet(*row) for row in rows]


def members(
    on: datetime.date,
    *,
    constituency: str = "",
    country: str = "",
    tier: str = "",
    since: int = 0,
    name: str = "",
) -> QuerySet[Organisation]:
    """Organisations whose term is current or in grace on ``on``, by name.

    Each carries ``since`` and ``standing_terms`` (a list, newest first), so that a list of any
    length takes the same number of queries. ``tier`` is a code, ``since`` the year of joining.
    """
    standing = Term.objects.standing(on)
    found = _standing_members(on, name)
    if constituency:
        found = found.filter(constituency=constituency)
    if country:
        found = found.filter(country=country)
    if tier:
        found = found.filter(tier_now__in=Tier.objects.filter(code=tier).values("pk"))
    if since:
        found = found.filter(since__year=since)
    return found.prefetch_related(
        Prefetch(
            "terms",
            queryset=standing.select_related("tier").order_by("-starts_on"),
            to_attr="standing_terms",
        )
    )


def listed(on: datetime.date) -> QuerySet[Organisation]:
    """All members on ``on`` in one query, each with ``since``, ``tier_code`` and ``until`` (the last
    day of its newest standing term)."""
    newest = Term.objects.standing(on).filter(organisation=OuterRef("pk")).order_by("-starts_on")
    return (
        _standing_members(on)
        .annotate(
            tier_code=Subquery(newest.values("tier__code")[:1]),
            until=Subquery(newest.values("ends_on")[:1]),
        )
        .select_related("logo")
    )


def count_members(on: datetime.date) -> tuple[int, int]:
    """How many members there are on ``on``, and how many of them speak for a country."""
    counted = Organisation.objects.filter(
        Exists(Term.objects.standing(on).filter(organisation=OuterRef("pk")))
    ).aggregate(
        members=Count("pk"), countries=Count("pk", filter=Q(constituency=Constituency.COUNTRY))
    )
    return counted["members"], counted["countries"]


def member_since(organisation: Organisation) -> datetime.date | None:
    """The day from which it has been a member: the first on which a paid or waived term counted."""
    days = [day for term in organisation.terms.all() if (day := first_day(term)) is not None]
    return min(days, default=None)


def first_day(term: Term) -> datetime.date | None:
    """The first day on which a term made its organisation a member; None where it never did, as
    when it was paid after its grace."""
    paid = term.settled_on or term.waived_on
    if paid is None:
        return None
    day = max(term.starts_on, paid)
    return day if term.makes_member(day) else None


def organisations_of(person: User) -> QuerySet[Organisation]:
    """The organisations in which a person has a seat: the only road to them in the account area."""
    return Organisation.objects.filter(seats__person=person).prefetch_related("terms__tier")


def former_members_of(person: User, on: datetime.date) -> QuerySet[Organisation]:
    """Those of a person's organisations that are no member on ``on``, nor about to be."""
    to_come = Term.objects.filter(
        organisation=OuterRef("pk"), ends_on__gte=on, cancelled_on__isnull=True
    )
    standing = Term.objects.standing(on).filter(organisation=OuterRef("pk"))
    return Organisation.objects.filter(
        ~Exists(standing), ~Exists(to_come), seats__person=person, merged_into__isnull=True
    )
