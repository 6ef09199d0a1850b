"""Pages for tests, published below the lists of a small site."""

import datetime
from typing import Any

import factory
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from wagtail.models import Locale, Page
from wagtail_localize.synctree import create_aliases_for_new_page

from core.models import User
from core.transactions import use_case
from home.models import (
    CommunityIndexPage,
    CommunityPage,
    EvangelistIndexPage,
    EvangelistPage,
    HomePage,
    Implementation,
    ImplementationCountryPage,
    ImplementationIndexPage,
    NewsIndexPage,
    NewsPage,
    Topic,
)
from portal.groups import setup_groups
from portal.site_tree import setup_tree


def make_site() -> HomePage:
    """Groups, languages and the first pages, as `manage.py setup_site` makes them."""
    with use_case():
        setup_groups()
        return setup_tree()


class PersonFactory(factory.django.DjangoModelFactory):  # type: ignore[misc]
    """Somebody with an account; ``groups`` names what they may do in the back office."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda number: f"person-{number}@example.org")
    first_name = "Alice"
    last_name = factory.Sequence(lambda number: f"Example {number}")


class PublishedPageFactory(factory.django.DjangoModelFactory):  # type: ignore[misc]
    """A page below the English list of its type, with its aliases in the other languages."""

    class Meta:
        abstract = True

    title = factory.Sequence(lambda number: f"Page {number}")
    summary = "One sentence about it."

    @classmethod
    def _create(cls, model_class: type[Page], *args: Any, **values: Any) -> Page:
        below, live = values.pop("below"), values.pop("live", True)
        parent = below.objects.get(locale__language_code="en")
        page = model_class(live=False, **values)
        parent.add_child(instance=page)
        create_aliases_for_new_page(page)
        revision = page.save_revision()
        if live:
            revision.publish()
        return model_class.objects.get(pk=page.pk)


class NewsFactory(PublishedPageFactory):
    class Meta:
        model = NewsPage

    below = NewsIndexPage
    date = datetime.date(2026, 11, 20)


def make_topic(name: str, **words: str) -> Topic:
    """A topic in English and, by language code, in other languages."""
    topic = Topic.objects.create(name=name, locale=Locale.objects.get(language_code="en"))
    for code, translated in words.items():
        copy = topic.copy_for_translation(Locale.objects.get(language_code=code))
        copy.name = translated
        copy.save()
    return topic


class CommunityFactory(PublishedPageFactory):
    class Meta:
        model = CommunityPage

    below = CommunityIndexPage
    role = "Keeps records"
    link_with_openlmis = "Feeds demand"
    website = "https://community.example.org"
    source = "https://community.example.org"


class EvangelistFactory(PublishedPageFactory):
    class Meta:
        model = EvangelistPage

    below = EvangelistIndexPage
    level = EvangelistPage.Level.COUNTRY
    countries = ["MW"]
    languages = ["en"]
    topics = ["Training"]


class CountryFactory(PublishedPageFactory):
    class Meta:
        model = ImplementationCountryPage

    below = ImplementationIndexPage
    country = "MW"

    @classmethod
    def _create(cls, model_class: type[Page], *args: Any, **values: Any) -> Page:
        values.setdefault(
            "implementations",
            [Implementation(system_name="LMIS", year_deployed=2017, source="A public page")],
        )
        return super()._create(model_class, *args, **values)


PASSWORD = "a-password-for-the-tests"


def sign_in(client: Client, person: User) -> User:
    """Sign a person in by the portal's own page, as they would themselves."""
    person.set_password(PASSWORD)
    person.save()
    EmailAddress.objects.get_or_create(
        user=person, email=person.email, defaults={"verified": True, "primary": True}
    )
    answer = client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return person


def make_staff(*group_names: str, **values: Any) -> User:
    """Somebody in these groups of the back office."""
    person: User = PersonFactory(**values)
    person.groups.set(Group.objects.filter(name__in=group_names))
    assert person.groups.count() == len(group_names)
    return person
