"""What there is to find: every text that anyone may read, once in the language of its words."""

import datetime
import functools
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from modelsearch.index import RelatedFields, SearchField
from wagtail.models import Site

from core import countries
from funding.transparency.public_pools import visible
from home.models.base import PortalPage, public
from home.models.pools import PoolPage
from home.searching.folding import cleaned, fold
from membership import queries
from membership.models import AgreementVersion, Organisation
from membership.models.organisations import Hideable

# What kinds of results are called, in the order of the list. A page type that is not named in
# PAGE_KINDS is a "page".
KINDS: dict[str, str | Promise] = {
    "news": _("News"),
    "event": _("Events"),
    "pool": _("Pools"),
    "country": _("Implementations"),
    "community": _("Communities"),
    "person": _("Evangelists"),
    "organisation": _("Members"),
    "agreement": _("Agreements"),
    "page": _("Pages"),
}
PAGE_KINDS = {
    "newspage": "news",
    "eventpage": "event",
    "poolpage": "pool",
    "implementationcountrypage": "country",
    "communitypage": "community",
    "evangelistpage": "person",
}
# PostgreSQL takes up to a megabyte of different words; nobody reads so far.
LONGEST_TEXT = 100_000
LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Document:
    """One text. ``paths`` holds its address for each language of readers who see it."""

    key: str
    kind: str
    language: str
    title: str
    text: str
    paths: dict[str, str]
    countries: tuple[str, ...] = ()
    year: int | None = None


def everything() -> Iterator[Document]:
    """All documents there are now."""
    for model in page_types():
        yield from of_pages(model)
    yield from of_members()
    yield from of_agreements()


# --- Pages ----------------------------------------------------------------------------------------


@functools.cache
def page_types() -> tuple[type[PortalPage], ...]:
    """Every type of page that the portal has, by name."""
    found = (model for model in apps.get_models() if issubclass(model, PortalPage))
    return tuple(sorted(found, key=lambda model: model._meta.label))


def page_key(translation_key: uuid.UUID | str) -> str:
    return f"page:{translation_key}"


def of_pages(
    model: type[PortalPage], among: Collection[uuid.UUID] | None = None
) -> Iterator[Document]:
    """The published, unrestricted pages of a type; ``among`` names them by translation key."""
    found = public(model)
    if among is not None:
        found = found.filter(translation_key__in=among)
    if issubclass(model, PoolPage):
        # Its page answers 404 until then, as every address of the pool does.
        found = found.filter(pool__in=visible())
    roots = Site.get_site_root_paths()
    originals, aliases = [], defaultdict(list)
    for page in found:
        # Where Wagtail keeps them; asked page by page they would be read anew each time.
        page._wagtail_cached_site_root_paths = roots
        if page.alias_of_id is None:
            originals.append(page)
        else:
            aliases[page.alias_of_id].append(page)
    for page in originals:
        paths = {one.locale.language_code: one.url for one in (page, *aliases[page.pk]) if one.url}
        if paths:
            yield _of_page(page, paths)


def _of_page(page: PortalPage, paths: dict[str, str]) -> Document:
    date = getattr(page, "date", None)
    codes = _countries(page)
    language = page.locale.language_code
    said = fold(page.title)
    names = [countries.get(code).name(language) for code in codes]
    names = [name for name in names if fold(name) != said]
    return Document(
        key=page_key(page.translation_key),
        kind=PAGE_KINDS.get(page._meta.model_name or "", "page"),
        language=language,
        title=_line(page.title),
        text=_text([page.summary, *words_of(page, but=("title", "summary")), *names]),
        paths=paths,
        countries=codes,
        year=date.year if isinstance(date, datetime.date) else None,
    )


def _countries(page: PortalPage) -> tuple[str, ...]:
    named = getattr(page, "countries", None) or [getattr(page, "country", "")]
    if not isinstance(named, list | tuple):
        return ()
    known = countries.all_countries()
    return tuple(code for code in named if code in known)


def words_of(page: PortalPage, *, but: Collection[str] = ()) -> Iterator[str]:
    """What a page says, by the ``search_fields`` of its type."""
    for field in page.get_search_fields():
        if isinstance(field, SearchField | RelatedFields) and field.field_name not in but:
            yield from _words(page, field)


def _words(row: models.Model, field: Any) -> Iterator[str]:
    if isinstance(field, RelatedFields):
        value = field.get_value(row)
        rows: Iterable[Any] = value.all() if hasattr(value, "all") else [value] if value else []
        for one in rows:
            for inner in field.fields:
                yield from _words(one, inner)
    elif isinstance(field, SearchField):
        yield from _strings(field.get_value(row))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
    elif value is not None:
        yield str(value)


# --- Members and agreements -----------------------------------------------------------------------


def of_members(among: Collection[int] | None = None) -> Iterator[Document]:
    """The members of today: what the directory shows of each."""
    found = queries.members(timezone.localdate())
    if among is not None:
        found = found.filter(pk__in=among)
    for organisation in found:
        yield from _in_each_language(
            key=f"organisation:{organisation.pk}",
            kind="organisation",
            words=functools.partial(_of_member, organisation),
            path=organisation.get_absolute_url,
            of_countries=(organisation.country,),
        )


def _of_member(organisation: Organisation) -> tuple[str, str]:
    about = [
        organisation.legal_name,
        organisation.country_name,
        organisation.get_constituency_display(),
        "" if organisation.hides(Hideable.DESCRIPTION) else organisation.local_description,
    ]
    return organisation.public_name, _text(about)


def of_agreements() -> Iterator[Document]:
    """The agreements in force today, each in its newest version."""
    found: dict[int, AgreementVersion] = {}
    versions = AgreementVersion.objects.in_force(timezone.localdate())
    for version in versions.select_related("agreement").order_by("effective_from"):
        found[version.agreement_id] = version
    for version in found.values():
        yield from _in_each_language(
            key=f"agreement:{version.agreement_id}",
            kind="agreement",
            words=functools.partial(_of_agreement, version),
            path=functools.partial(reverse, "agreement", args=[version.pk]),
        )


def _of_agreement(version: AgreementVersion) -> tuple[str, str]:
    return str(version.agreement), _text([version.local_text])


def _in_each_language(
    *, key: str, kind: str, words: Any, path: Any, of_countries: tuple[str, ...] = ()
) -> Iterator[Document]:
    """What has no page of Wagtail's is there under every language, in whatever words it has."""
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            title, text = words()
            yield Document(
                key=key,
                kind=kind,
                language=code,
                title=_line(title),
                text=text,
                paths={code: path()},
                countries=of_countries,
            )


def _line(title: str) -> str:
    return cleaned(title)[:LONGEST_TITLE] or "—"


def _text(pieces: Iterable[str]) -> str:
    lines = (cleaned(str(piece)) for piece in pieces if piece)
    # A title may come twice, such as a country's and its only system's.
    return " · ".join(dict.fromkeys(line for line in lines if line))[:LONGEST_TEXT]
