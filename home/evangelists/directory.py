"""The list of evangelists: by level, country and language; alumni apart. Links, no form.

Four queries, whatever the size: the people with their days, their pictures, and the figures.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Min, OuterRef, Prefetch, Subquery
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from wagtail.images import get_image_model
from wagtail.images.models import AbstractImage, Filter

from core.countries import sort_key
from home.evangelists import activities, service
from home.evangelists.service import Service
from home.fields import CountriesFormField, NamedCodesFormField, SpokenLanguagesFormField, names_of
from home.models import Confirmation, EvangelistIndexPage, EvangelistPage, Level

# How a face is cut in the list, as in templates/home/person.html.
FACE = Filter("fill-128x128|format-webp")
KEYS = ("level", "country", "language")


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a filter. ``href`` keeps the other filters; the chosen one has none."""

    label: str
    href: str
    count: int
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    label: str
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class Directory:
    """``groups`` are the people in service by level, ``alumni`` the others."""

    groups: list[tuple[Level, list[EvangelistPage]]]
    alumni: list[EvangelistPage]
    facets: list[Facet]
    figures: activities.Figures
    is_filtered: bool
    is_empty: bool
    found: int = 0
    chosen: list[str] = field(default_factory=list)


def read(index: EvangelistIndexPage, query: Mapping[str, str]) -> Directory:
    """The list as ``query`` filters it. Raises Http404 for a filter that names nothing."""
    people = _people(index)
    wanted = {key: query[key] for key in KEYS if query.get(key)}
    _require_known(wanted)
    found = [each for each in people if _fits(each, wanted)]
    current = [each for each in found if each.service.is_current]
    return Directory(
        groups=[
            (level, [each for each in current if each.level == level])
            for level in Level
            if any(each.level == level for each in current)
        ],
        alumni=[each for each in found if each.service.is_alumnus],
        facets=_facets(people, wanted),
        figures=activities.figures(),
        is_filtered=bool(wanted),
        is_empty=not people,
        found=len(found),
        chosen=[_name_of(key, value) for key, value in wanted.items()],
    )


def with_service(pages: Any) -> Any:
    """Adds the days of which `service_of` reads the service."""
    own = Confirmation.objects.filter(evangelist=OuterRef("evangelist")).order_by()
    by_person = own.values("evangelist")
    return pages.annotate(
        first_day=Subquery(by_person.annotate(day=Min("counts_from")).values("day")),
        last_confirmed_on=Subquery(by_person.annotate(day=Max("counts_from")).values("day")),
    )


def service_of(page: Any) -> Service:
    """The service today of a page that was read by `with_service`."""
    return service.on_days(page.first_day, page.last_confirmed_on, timezone.localdate())


def _people(index: EvangelistIndexPage) -> list[Any]:
    images = get_image_model().objects.prefetch_renditions(FACE.spec)
    rows = with_service(index.children_of(EvangelistPage)).prefetch_related(
        Prefetch("photo", queryset=images)
    )
    people = sorted(rows, key=lambda page: sort_key(page.title))
    for page in people:
        page.service = service_of(page)
        page.face = _face(page.photo)
    return people


def _face(photo: AbstractImage | None) -> str:
    """The address of the picture, from what was read with it.

    Wagtail's tag writes each one to its cache anew: three queries a face.
    """
    if photo is None:
        return ""
    try:
        found = photo.find_existing_rendition(FACE)
    except photo.get_rendition_model().DoesNotExist:
        found = photo.get_rendition(FACE)
    url: str = found.url
    return url


# --- Filters --------------------------------------------------------------------------------------


def _fits(page: EvangelistPage, wanted: Mapping[str, str]) -> bool:
    return all(value in _values(page, key) for key, value in wanted.items())


def _values(page: EvangelistPage, key: str) -> Iterable[str]:
    match key:
        case "level":
            return (page.level,)
        case "country":
            return page.countries
        case _:
            return page.languages


def _require_known(wanted: Mapping[str, str]) -> None:
    for key, value in wanted.items():
        names = Level.values if key == "level" else _field(key).names("en")
        if value not in names:
            raise Http404


def _field(key: str) -> type[NamedCodesFormField]:
    return CountriesFormField if key == "country" else SpokenLanguagesFormField


def _name_of(key: str, value: str) -> str:
    if key == "level":
        return str(Level(value).label)
    return names_of([value], _field(key))[0]


def _facets(people: list[Any], wanted: dict[str, str]) -> list[Facet]:
    """For each filter what there is to choose, counted under the other filters."""
    labels = {"level": _("Level"), "country": _("Country"), "language": _("Language")}
    facets = []
    for key in KEYS:
        others = {name: value for name, value in wanted.items() if name != key}
        within = [each for each in people if _fits(each, others)]
        there = {value for each in people for value in _values(each, key)}
        choices = [
            Choice(
                _name_of(key, value),
                f"?{urlencode({**others, key: value})}",
                sum(value in _values(each, key) for each in within),
                wanted.get(key) == value,
            )
            for value in there
        ]
        if key == "level":
            choices.sort(key=lambda choice: [str(each.label) for each in Level].index(choice.label))
        else:
            choices.sort(key=lambda choice: sort_key(choice.label))
        everyone = Choice(
            _("All"), f"?{urlencode(others)}" if others else "?", len(within), key not in wanted
        )
        facets.append(
            Facet(
                labels[key],
                [everyone, *(each for each in choices if each.count or each.is_chosen)],
            )
        )
    return facets
