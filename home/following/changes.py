"""What followers are told of, found from facts: a job looks at the last days and deals with what has
no row in `Change` yet.

So nothing is lost by whatever road a page was published (by hand, on a schedule, by an import) or by
a worker that stood still for a week, and nothing is told twice: the row of the change and those of
its readers stand in one transaction, and each is unique.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from core import countries
from core.mailing.models import DeadAddress
from core.transactions import inside_transaction, use_case
from funding.ledger import queries as books
from funding.ledger.models import ClosingBalance, Period, Pool
from funding.pools.models import PoolProfile
from funding.transparency.public_pools import visible
from home.following import subjects
from home.following.subjects import Subject
from home.models.base import public
from home.models.following import Change, Follow, Notice
from home.models.implementations import ImplementationCountryPage
from home.models.news import NewsPage
from home.models.pools import PoolPage

# A worker may stand still so long before anything is lost.
LOOKS_BACK = datetime.timedelta(days=7)
# News that are published long after their date are an archive brought in.
ARCHIVE_AFTER = datetime.timedelta(days=14)
KEPT = datetime.timedelta(days=400)
# Shares of a pool's goal that are worth a mail, in per cent.
MILESTONES = (25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class Words:
    """A change in one language."""

    title: str
    path: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """A change. ``readers`` are the languages whose readers hear of it by this row; ``news_of`` the
    languages of all news it belongs to. ``silent`` ones are only noted."""

    about: str
    subject: str
    happened_at: datetime.datetime
    followed: frozenset[Subject]
    readers: frozenset[str]
    words: Callable[[str], Words]
    silent: bool = False


def tell(now: datetime.datetime | None = None) -> int:
    """Write down for each follower what they are to be told of, once; how many rows."""
    now = now or timezone.now()
    told = 0
    for source in SOURCES:
        found = list(source(now - LOOKS_BACK, now))
        known = set(
            Change.objects.filter(about__in=[each.about for each in found]).values_list(
                "about", flat=True
            )
        )
        for happening in sorted(found, key=lambda each: each.happened_at):
            if happening.about not in known:
                told += _tell_of(happening)
    return told


def _tell_of(happening: Happening) -> int:
    with use_case():
        change, created = Change.objects.get_or_create(
            about=happening.about,
            defaults={"subject": happening.subject, "happened_at": happening.happened_at},
        )
        if not created or happening.silent:  # another worker deals with it
            return 0
        return _write_notices(change, happening)


@inside_transaction
def _write_notices(change: Change, happening: Happening) -> int:
    followed = Q(pk__in=[])
    for subject in happening.followed:
        followed |= Q(kind=subject.kind, key=subject.key)
    follows = list(
        Follow.objects.filter(
            followed,
            ~Exists(DeadAddress.objects.filter(address=OuterRef("address"))),
            confirmed_at__lt=happening.happened_at,
            language__in=happening.readers,
        ).order_by("often", "pk")  # at once before weekly: each address hears of it once
    )
    words = {language: _in(language, happening) for language in {each.language for each in follows}}
    rows = [
        Notice(
            follow=follow,
            change=change,
            address=follow.address,
            subject=happening.subject,
            title=words[follow.language].title[:300],
            summary=words[follow.language].summary,
            path=words[follow.language].path,
        )
        for follow in follows
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return change.notices.count()


def _in(language: str, happening: Happening) -> Words:
    with translation.override(language):
        return happening.words(language)


def tidy(now: datetime.datetime | None = None) -> None:
    """Delete what was told long ago."""
    Change.objects.filter(found_at__lt=(now or timezone.now()) - KEPT).delete()


# --- News -----------------------------------------------------------------------------------------


def _news(since: datetime.datetime, now: datetime.datetime) -> Iterator[Happening]:
    """News that were published for the first time, once for each language of their words.

    Followers of a pool, a country or a topic hear of one text: in their language, or in the
    original's where nobody has translated it.
    """
    pages = public(NewsPage).filter(alias_of=None, first_published_at__gte=since)
    for page in pages.prefetch_related("pools", "aliases__locale").order_by("first_published_at"):
        language = page.locale.language_code
        paths = {language: page.url} | {
            alias.locale.language_code: alias.url for alias in page.aliases.all() if alias.live
        }
        old = page.date < page.first_published_at.date() - ARCHIVE_AFTER
        yield Happening(
            about=f"news:{page.translation_key}:{language}",
            subject=f"news:{page.translation_key}",
            happened_at=page.first_published_at,
            followed=frozenset(subjects.of_news(page)),
            readers=frozenset(paths),
            words=_page_words(page.title, page.summary, paths),
            silent=old,
        )


def _page_words(title: str, summary: str, paths: dict[str, str]) -> Callable[[str], Words]:
    return lambda language: Words(title=title, summary=summary, path=paths[language])


# --- Countries ------------------------------------------------------------------------------------


def _countries(since: datetime.datetime, now: datetime.datetime) -> Iterator[Happening]:
    """Pages of countries that were published or changed, at most once a day for each country."""
    pages = public(ImplementationCountryPage).filter(alias_of=None, last_published_at__gte=since)
    for page in pages.prefetch_related("aliases__locale").order_by("last_published_at"):
        language = page.locale.language_code
        paths = {language: page.url} | {
            alias.locale.language_code: alias.url for alias in page.aliases.all() if alias.live
        }
        day = page.last_published_at.date()
        yield Happening(
            about=f"country:{page.country}:{language}:{day}",
            subject=f"country:{page.country}:{day}",
            happened_at=page.last_published_at,
            followed=frozenset([Subject(Follow.Kind.COUNTRY, page.country)]),
            readers=frozenset(paths),
            words=_country_words(page.country, page.summary, paths),
        )


def _country_words(code: str, summary: str, paths: dict[str, str]) -> Callable[[str], Words]:
    def words(language: str) -> Words:
        title = _("%(country)s: the page about OpenLMIS there has changed") % {
            "country": countries.get(code).name(language)
        }
        return Words(title=title, summary=summary, path=paths[language])

    return words


# --- Pools ----------------------------------------------------------------------------------------


def _closed_months(since: datetime.datetime, now: datetime.datetime) -> Iterator[Happening]:
    """Months whose books were closed: each pool with entries has a statement then."""
    periods = list(Period.objects.filter(closed_at__gte=since).order_by("month"))
    if not periods:
        return
    names = _pool_names()
    for period in periods:
        moved = ClosingBalance.objects.filter(period=period, account__pool=OuterRef("pk"))
        for pool in visible().filter(Exists(moved)).order_by("code"):
            month = f"{period.month:%Y-%m}"
            about = f"month:{pool.code}:{month}"
            yield Happening(
                about=about,
                subject=about,
                happened_at=period.closed_at or now,
                followed=frozenset([Subject(Follow.Kind.POOL, pool.code)]),
                readers=_all_languages(),
                words=_month_words(pool, period.month, month, names),
            )


def _month_words(
    pool: Pool, month: datetime.date, code: str, names: dict[tuple[str, str], str]
) -> Callable[[str], Words]:
    def words(language: str) -> Words:
        title = _("%(pool)s: the statement of %(month)s is there") % {
            "pool": names.get((pool.code, language), pool.name),
            "month": formats.date_format(month, "YEAR_MONTH_FORMAT"),
        }
        path = reverse("pool_statement", kwargs={"code": pool.code, "month": code})
        return Words(title=title, path=path)

    return words


def _milestones(since: datetime.datetime, now: datetime.datetime) -> Iterator[Happening]:
    """Shares of a pool's goal that have come in, by the ledger. Each is told of once, whatever is
    given back later, and a leap over several is one mail."""
    profiles = PoolProfile.objects.filter(live=True, goal__gt=0).select_related("pool")
    found = list(profiles.order_by("pk"))
    if not found:
        return
    figures, names = books.figures_of_all_pools(), _pool_names()
    for profile in found:
        pool = profile.pool
        received = figures.get((pool.pk, pool.currency), {}).get("received", 0)
        reached = [share for share in MILESTONES if received * 100 >= (profile.goal or 0) * share]
        for share in reached:
            about = f"goal:{pool.code}:{profile.goal}:{share}"
            yield Happening(
                about=about,
                subject=about,
                happened_at=now,
                followed=frozenset([Subject(Follow.Kind.POOL, pool.code)]),
                readers=_all_languages(),
                words=_milestone_words(profile, share, names),
                silent=share != reached[-1],
            )


def _milestone_words(
    profile: PoolProfile, share: int, names: dict[tuple[str, str], str]
) -> Callable[[str], Words]:
    def words(language: str) -> Words:
        pool: Any = profile.pool
        goal: Any = profile.goal_money
        details = {
            "pool": names.get((pool.code, language), pool.name),
            "share": share,
            "goal": goal.format(),
        }
        path = reverse("pool_statements", kwargs={"code": pool.code})
        return Words(
            title=_("%(pool)s: %(share)s %% of its goal of %(goal)s has come in") % details,
            path=path,
        )

    return words


def _pool_names() -> dict[tuple[str, str], str]:
    """What pools are called by the pages about them, by code and language."""
    pages = public(PoolPage).select_related(None).annotate(code=F("pool__code"))
    return {
        (code, language): title
        for code, language, title in pages.values_list("code", "language", "title")
    }


def _all_languages() -> frozenset[str]:
    return frozenset(code for code, _name in settings.LANGUAGES)


SOURCES = (_news, _countries, _closed_months, _milestones)
