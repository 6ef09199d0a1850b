"""The read side: who is a member, and what a person has to do with it."""

import datetime
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet

from core import countries
from core.models import User
from membership.models import Constituency, Organisation, Term


def members(
    on: datetime.date, *, constituency: str = "", country: str = ""
) -> QuerySet[Organisation]:
    """Organisations whose term is current or in grace on ``on``, by name.

    Each carries ``standing_terms`` (a list, newest first), so that a list of any length takes the
    same number of queries.
    """
    standing = Term.objects.standing(on)
    found = Organisation.objects.filter(Exists(standing.filter(organisation=OuterRef("pk"))))
    if constituency:
        found = found.filter(constituency=constituency)
    if country:
        found = found.filter(country=country)
    return found.prefetch_related(
        Prefetch(
            "terms",
            queryset=standing.select_related("tier").order_by("-starts_on"),
            to_attr="standing_terms",
        )
    )


@dataclass(frozen=True, slots=True)
class Voice:
    """How many members speak for a constituency."""

    code: str
    label: str
    members: int


def voices(on: datetime.date) -> list[Voice]:
    """Every constituency with its number of members on ``on``, also those without any."""
    counted = dict(
        Organisation.objects.filter(
            Exists(Term.objects.standing(on).filter(organisation=OuterRef("pk")))
        )
        .order_by()
        .values_list("constituency")
        .annotate(Count("pk"))
    )
    return [Voice(code, str(label), counted.get(code, 0)) for code, label in Constituency.choices]


def countries_with_members(on: datetime.date) -> list[tuple[str, str]]:
    """(code, name) of each country that has a member on ``on``, by name in the language in force."""
    codes = (
        Organisation.objects.filter(
            Exists(Term.objects.standing(on).filter(organisation=OuterRef("pk")))
        )
        .order_by()
        .values_list("country", flat=True)
        .distinct()
    )
    named = [(code, countries.get(code).name()) for code in codes]
    return sorted(named, key=lambda pair: countries.sort_key(pair[1]))


def member_since(organisation: Organisation) -> datetime.date | None:
    """The day from which it has been a member: the first on which a paid or waived term counted."""
    days = [
        day
        for term in organisation.terms.all()
        if (paid := term.settled_on or term.waived_on) is not None
        and term.makes_member(day := max(term.starts_on, paid))
    ]
    return min(days, default=None)


def organisations_of(person: User) -> QuerySet[Organisation]:
    """The organisations in which a person has a seat: the only road to them in the account area."""
    return Organisation.objects.filter(seats__person=person).prefetch_related("terms__tier")
