"""The demo: invented people, real facts, and money moved by the portal's own use cases.

Each part looks whether it is there already, so that loading twice makes nothing double and a load
that was broken off goes on where it stopped.
"""

import csv
import datetime
from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone
from wagtail.models import Locale, Page

from core import countries
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.dues import demo as dues_demo
from funding.ledger.jobs import publish_checkpoint
from funding.ledger.models import Pool
from funding.payments import demo as payments_demo
from funding.pools import demo as pools_demo
from home.evangelists import demo as evangelists_demo
from home.evangelists import seeds as evangelist_terms
from home.models import (
    CommunityIndexPage,
    CommunityPage,
    EvangelistIndexPage,
    EvangelistPage,
    HomePage,
    Implementation,
    ImplementationCountryPage,
    ImplementationIndexPage,
    NewsAuthor,
    NewsIndexPage,
    NewsPage,
    PoolIndexPage,
    PoolPage,
    Topic,
)
from home.models.base import Confidence
from home.searching import upkeep as search
from membership import agreement_texts
from membership import demo as membership_demo
from membership import demo_work as membership_work
from portal import demo_events, demo_pages, demo_search, demo_secrets, groups
from portal.site_tree import plant, setup_tree
from portal.texts import demo as texts
from portal.texts.topics import TOPICS

# Which groups each account of the demo is in (keys: portal.demo_secrets).
ROLES: dict[str, tuple[str, ...]] = {
    "staff": (groups.ADMINISTRATORS, groups.MODERATORS, groups.MEMBERSHIP_OFFICERS),
    "editor": (groups.EDITORS, groups.MODERATORS),
    "treasurer": (groups.TREASURERS,),
    "treasurer2": (groups.TREASURERS,),
    "auditor": (groups.AUDITORS,),
}


def load() -> None:
    """Load what is not there yet: groups, first pages, people, pools, members, gifts, facts, news."""
    with use_case():
        groups.setup_groups()
        home = setup_tree()
        people = _load_people()
    membership_demo.load_tiers_and_agreements()
    evangelist_terms.load()
    membership_work.begin()
    payments_demo.open_accounts()
    pools_demo.open_demo_pools()
    dues_demo.load(contact=people["member"], officer=people["staff"])
    membership_work.load(people["staff"])
    agreement_texts.load()
    pools_demo.load(donor=people["donor"], staff=people["treasurer"])
    payments_demo.load(people["treasurer"])
    demo_events.make_events()
    with use_case():
        _load_communities(home)
        _load_implementations(home)
        _load_evangelists(home, people)
        _load_pool_pages(home)
        _load_news(home, people)
        demo_pages.load(home)
        demo_events.load_pages(home)
        demo_search.load(home)
        publish_checkpoint.enqueue()
    demo_pages.confirm_facts(people["staff"])
    demo_events.load_people()
    search.rebuild()


@inside_transaction
def _load_people() -> dict[str, User]:
    """The demo's accounts with the passwords kept in the data folder and confirmed addresses."""
    people: dict[str, User] = {}
    for key, account in demo_secrets.load(settings.VAR_DIR).accounts.items():
        given, _space, family = account.name.partition(" ")
        person = User.objects.filter(email=account.email).first()
        if person is None:
            person = User.objects.create_user(
                account.email, account.password, first_name=given, last_name=family
            )
            person.groups.set(Group.objects.filter(name__in=ROLES.get(key, ())))
        elif not person.check_password(account.password):
            # The data folder was kept without its file of secrets, which then was made anew.
            person.set_password(account.password)
            person.save(update_fields=["password"])
        EmailAddress.objects.get_or_create(
            user=person, email=account.email, defaults={"verified": True, "primary": True}
        )
        people[key] = person
    return people


def _index(home: HomePage, model: type[Page]) -> Page:
    return model.objects.child_of(home).get()


def _load_communities(home: HomePage) -> None:
    index = _index(home, CommunityIndexPage)
    for row in _rows("communities.csv"):
        slug = row["slug"]
        if CommunityPage.objects.child_of(index).filter(slug=slug).exists():
            continue
        summary, paragraph = texts.COMMUNITIES[slug]
        sources = [address for address in (row["homepage"], row["source_repository"]) if address]
        page = CommunityPage(
            slug=slug,
            role=row["role"],
            link_with_openlmis=row["link_with_openlmis"],
            website=row["homepage"],
            source_repository=row["source_repository"],
            licence=row["licence"],
            confidence=row["confidence"],
            source=", ".join(sources),
        )
        words = {"title": row["name"], "summary": summary, "body": [("text", paragraph)]}
        plant(index, page, {"en": words})


def _load_implementations(home: HomePage) -> None:
    index = _index(home, ImplementationIndexPage)
    by_country: dict[str, list[dict[str, str]]] = {}
    for row in _rows("implementations.csv"):
        by_country.setdefault(row["country_iso2"], []).append(row)
    for code, rows in by_country.items():
        if ImplementationCountryPage.objects.child_of(index).filter(country=code).exists():
            continue
        country = countries.get(code)
        page = ImplementationCountryPage(slug=code.lower(), country=code)
        page.implementations.set(
            [
                Implementation(
                    sort_order=number,
                    system_name=row["system_name"],
                    state=row["state"],
                    year_deployed=int(row["year_deployed"]) if row["year_deployed"] else None,
                    coverage=row["coverage"],
                    partners=row["implementing_partners"],
                    source=row["source"],
                    confidence=Confidence(row["confidence"]),
                )
                for number, row in enumerate(rows)
            ]
        )
        page.milestones.set(demo_pages.milestones(code, rows))
        plant(index, page, {"en": {"title": country.name("en"), "summary": texts.COUNTRIES[code]}})


def _load_evangelists(home: HomePage, people: dict[str, User]) -> None:
    index = _index(home, EvangelistIndexPage)
    for person in texts.PEOPLE:
        if EvangelistPage.objects.child_of(index).filter(slug=person.slug).exists():
            continue
        page = EvangelistPage(
            slug=person.slug,
            evangelist=evangelists_demo.begin(person.slug),
            person=people.get(person.account),
            level=person.level,
            countries=list(person.countries),
            languages=list(person.languages),
            is_example=True,
        )
        evangelists_demo.load_activities(plant(index, page, person.words))


def _load_pool_pages(home: HomePage) -> None:
    index = _index(home, PoolIndexPage)
    for pool in Pool.objects.filter(code__in=texts.POOLS):
        if not PoolPage.objects.child_of(index).filter(pool=pool).exists():
            plant(index, PoolPage(slug=pool.code, pool=pool), texts.POOLS[pool.code])


def _load_topics() -> None:
    locales = {locale.language_code: locale for locale in Locale.objects.all()}
    for slug, names in TOPICS.items():
        if Topic.objects.filter(slug=slug).exists():
            continue
        topic = Topic.objects.create(
            slug=slug, name=names[settings.LANGUAGE_CODE], locale=locales[settings.LANGUAGE_CODE]
        )
        for code in set(names) - {settings.LANGUAGE_CODE}:
            copy = topic.copy_for_translation(locales[code])
            copy.name = names[code]
            copy.save()


def _load_news(home: HomePage, people: dict[str, User]) -> None:
    _load_topics()
    index = _index(home, NewsIndexPage)
    if NewsPage.objects.child_of(index).exists():
        return
    today = timezone.localdate()
    here = index.locale
    for item in sorted(texts.NEWS, key=lambda item: -item.days_ago):
        writer = people[item.by]
        page = NewsPage(
            slug=item.slug,
            owner=writer,
            date=today - datetime.timedelta(days=item.days_ago),
            countries=list(item.countries),
        )
        page.people = [
            NewsAuthor(user=writer),
            *(
                NewsAuthor(evangelist=profile)
                for profile in EvangelistPage.objects.filter(slug__in=item.evangelists, locale=here)
            ),
        ]
        page.topics = list(Topic.objects.filter(slug__in=item.topics, locale=here))
        page.pools = list(Pool.objects.filter(code__in=item.pools))
        page.communities = list(
            CommunityPage.objects.filter(slug__in=item.communities, locale=here)
        )
        plant(index, page, item.words)


def _rows(name: str) -> Iterator[dict[str, Any]]:
    with (settings.BASE_DIR / "data" / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
