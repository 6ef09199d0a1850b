"""The import itself: what each row would do, then drafts of those that a person chose."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from django.db import connection
from django.utils.html import escape
from django.utils.text import slugify
from django.utils.translation import gettext, override
from wagtail.models import Locale
from wagtail_localize.synctree import create_aliases_for_new_page

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from home.models.imported_news import ImportedNews
from home.models.news import RESERVED_SLUGS, NewsPage
from home.models.news_index import NewsIndexPage
from home.news_import import feed, news_csv, refusals
from home.news_import.rows import Row

RIGHT = "home.import_news"
Kind = Literal["csv", "feed"]
# Imports wait for each other: two who bring the same feed at once bring it once.
_IMPORTERS = 0x6E657773  # "news"


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a file or a feed would do. Nothing of it is written."""

    rows: list[Row]

    @property
    def new(self) -> list[Row]:
        return [row for row in self.rows if row.is_new]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.errors]

    @property
    def known(self) -> list[Row]:
        return [row for row in self.rows if row.known is not None and not row.errors]


def dry_run(content: bytes, kind: Kind, *, language: str, by: User) -> DryRun:
    """What ``content`` would bring, row by row. ``language``: of a feed; a file's rows say theirs.

    Raises NotPermitted and the subclasses of core.csv_files.FileRefused and of FeedRefused.
    """
    if not by.has_perm(RIGHT):
        raise refusals.NotPermitted
    rows = feed.read(content, language=language) if kind == "feed" else news_csv.read(content)
    _compare_with_each_other(rows)
    _compare_with_imported(rows)
    return DryRun(rows)


def bring(
    content: bytes, kind: Kind, *, language: str, source: str, chosen: frozenset[int], by: User
) -> list[NewsPage]:
    """Make a draft of each row in ``chosen`` (row numbers) that has no errors and is not known.

    ``source``: the file's name or the feed's address. Raises as `dry_run` does, and NothingChosen.
    """
    with use_case():
        _one_at_a_time()
        look = dry_run(content, kind, language=language, by=by)
        wanted = [row for row in look.new if row.number in chosen]
        if not wanted and not look.known:
            raise refusals.NothingChosen
        indexes = {page.locale.language_code: page for page in _lists(wanted)}
        return [
            _draft(row, indexes[row.language], source=source, by=by)
            for row in wanted
            if row.language in indexes
        ]


@inside_transaction
def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_IMPORTERS])


def _lists(rows: Iterable[Row]) -> Iterable[NewsIndexPage]:
    languages = {row.language for row in rows}
    found: Iterable[NewsIndexPage] = NewsIndexPage.objects.filter(
        locale__language_code__in=languages
    ).select_related("locale")
    return found


@inside_transaction
def _draft(row: Row, below: NewsIndexPage, *, source: str, by: User) -> NewsPage:
    slug = slugify(row.title)
    page = NewsPage(
        title=row.title,
        # Else Wagtail makes it of the title, with a number where it is taken.
        slug=f"news-{slug}" if RESERVED_SLUGS.fullmatch(slug) else "",
        summary=row.summary,
        date=row.date,
        authors=row.authors,
        countries=row.countries,
        body=[("text", text)] if (text := _text_of(row)) else [],
        live=False,
        has_unpublished_changes=True,
        owner=by,
        locale=below.locale,
    )
    page.topics = row.topics
    page.pools = row.pools
    below.add_child(instance=page)
    create_aliases_for_new_page(page)
    page.save_revision(user=by)
    ImportedNews.objects.create(
        page=page,
        external_id=row.external_id,
        locale=below.locale,
        source=source[:500],
        imported_by=by,
    )
    audit.record("home.import_news", page, by=by, source=source, row=row.number)
    return page


def _text_of(row: Row) -> str:
    """The text, and below it where it was published first."""
    if not row.link:
        return row.text
    with override(row.language):
        host = urlsplit(row.link).hostname or row.link
        words = gettext("First published by %(site)s.") % {"site": "{}"}
    link = f'<a href="{escape(row.link)}">{escape(host)}</a>'
    return f"{row.text}<p>{escape(words).replace('{}', link)}</p>"


def _compare_with_each_other(rows: list[Row]) -> None:
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        before = first.setdefault(row.key, row)
        if before is not row:
            row.refuse(refusals.RowTwice(row=before.number), "external_id")


def _compare_with_imported(rows: list[Row]) -> None:
    """What an earlier import made a page of; one query."""
    locales = {locale.language_code: locale for locale in Locale.objects.all()}
    found = ImportedNews.objects.filter(
        external_id__in={row.external_id for row in rows}
    ).select_related("page")
    known = {(each.external_id, each.locale_id): each.page for each in found}
    for row in rows:
        if row.language in locales:
            row.known = known.get((row.external_id, locales[row.language].pk))
