"""The reports on pages: who sees which rows, what is stale, and what waits for somebody."""

import datetime
import re

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from wagtail.models import GroupPagePermission, Locale, Page, PageLogEntry
from wagtail_localize.models import StringSegment, StringTranslation, Translation
from wagtail_localize.operations import translate_object

from core.models import User
from home.editing import needs, reviews, translations
from home.editing.reports import drafts_of
from home.editing.translations import State
from home.models import HomePage, LinkedAddress, NewsPage, PageLink, StandardPage
from portal import groups
from tests.factories.home import NewsFactory, PersonFactory, make_staff, sign_in

pytestmark = pytest.mark.django_db

YEAR = datetime.timedelta(days=366)
REPORTS = ("languages", "links", "reviews", "drafts")


def cells(page: Page) -> dict[str, translations.Cell]:
    return translations.rows()[page.pk].cells


def french() -> Locale:
    return Locale.objects.get(language_code="fr")


def translate_all(page: Page, locale: Locale) -> None:
    """Every string of the page in ``locale``, as a translator would write them."""
    translation = Translation.objects.get(
        source__object_id=page.translation_key, target_locale=locale
    )
    for segment in StringSegment.objects.filter(source=translation.source):
        StringTranslation.objects.update_or_create(
            translation_of=segment.string,
            locale=locale,
            context=segment.context,
            defaults={"data": f"FR {segment.string.data}"},
        )
    translation.save_target()


# --- Translations -----------------------------------------------------------------------------------


def test_an_untranslated_page_shows_the_original_in_the_other_languages(site: HomePage) -> None:
    page = NewsFactory()

    assert {code: cell.state for code, cell in cells(page).items()} == {
        "en": State.SOURCE,
        "fr": State.ALIAS,
        "pt": State.ALIAS,
    }


def test_a_page_that_lacks_a_language_is_missing_there(site: HomePage) -> None:
    page = NewsFactory()
    page.aliases.get(locale=french()).delete()

    assert cells(page)["fr"] == translations.Cell(State.MISSING)


def test_a_translation_is_stale_until_all_its_strings_are_there(site: HomePage) -> None:
    page = NewsFactory(title="One", summary="Two.")
    translate_object(page, [french()])
    assert cells(page)["fr"].state == State.STALE
    assert cells(page)["fr"].percent == 0

    translate_all(page, french())
    assert cells(page)["fr"].state == State.CURRENT
    assert cells(page)["fr"].percent == 100


def test_a_change_of_the_original_makes_its_translations_stale(site: HomePage) -> None:
    page = NewsFactory()
    translate_object(page, [french()])
    translate_all(page, french())

    page.refresh_from_db()
    page.title = "Another title"
    page.save_revision().publish()

    assert cells(page)["fr"].state == State.STALE
    assert cells(page)["pt"].state == State.ALIAS


def test_a_translation_by_hand_is_as_new_as_its_publication(site: HomePage) -> None:
    page = StandardPage.objects.get(slug="about", locale=site.locale)
    assert cells(page)["fr"] == translations.Cell(
        State.CURRENT, page_id=page.get_translation(french()).pk
    )

    page.save_revision().publish()
    assert cells(page)["fr"].state == State.STALE

    page.get_translation(french()).save_revision().publish()
    assert cells(page)["fr"].state == State.CURRENT


def test_a_translation_taken_down_is_not_published(site: HomePage) -> None:
    page = StandardPage.objects.get(slug="about", locale=site.locale)
    page.get_translation(french()).unpublish()

    assert cells(page)["fr"].state == State.DRAFT


def test_a_page_written_in_french_is_an_original(site: HomePage) -> None:
    index = NewsFactory().get_parent().specific.get_translation(french())
    page = NewsPage(title="Seulement en français")
    index.add_child(instance=page)

    row = translations.rows()[page.pk]

    assert row.language == "fr"
    assert row.cells["en"].state == State.MISSING


def test_the_table_costs_the_same_queries_whatever_it_holds(
    site: HomePage, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _n in range(4):
        translate_object(NewsFactory(), [french()])

    with django_assert_num_queries(6):
        translations.rows()


# --- The pages of the reports -----------------------------------------------------------------------


@pytest.fixture
def editor(site: HomePage, client: Client) -> User:
    return sign_in(client, make_staff(groups.EDITORS))


def read(client: Client, name: str, query: str = "") -> str:
    answer = client.get(reverse(f"home_reports:{name}") + query)
    assert answer.status_code == 200
    html: str = answer.content.decode()
    return html


def test_pages_by_language_can_be_filtered_and_taken_along(
    client: Client, site: HomePage, editor: User
) -> None:
    NewsFactory(title="Only in English")
    missing = NewsFactory(title="Nowhere in French")
    missing.aliases.get(locale=french()).delete()

    assert "Only in English" in read(client, "languages")
    found = read(client, "languages", "?state=missing&language=fr")
    assert "Nowhere in French" in found
    assert "Only in English" not in found
    assert reverse("wagtail_localize:submit_page_translation", args=[missing.pk]) in found
    assert "Nowhere in French" not in read(client, "languages", "?state=missing&language=pt")
    assert "Only in English" in read(client, "languages", "?q=only+in")
    assert "Only in English" in read(client, "languages", "?state=nonsense")

    answer = client.get(reverse("home_reports:languages") + "?export=csv")
    rows = b"".join(answer.streaming_content).decode().splitlines()
    assert rows[0] == "Page,Type,Language of the original,English,French,Portuguese"
    [row] = [row for row in rows if row.startswith("Nowhere in French")]
    assert row.endswith("en,Original,Not there yet,Shows the original")


def test_the_results_come_alone_as_wagtails_filters_ask_for_them(
    client: Client, editor: User
) -> None:
    for name in REPORTS:
        answer = client.get(reverse(f"home_reports:{name}_results"))
        assert answer.status_code == 200
        assert "<html" not in answer.content.decode()


def links(page: Page, *states: str) -> None:
    for state in states:
        row = LinkedAddress.objects.create(
            address=f"https://{state}.example.org/",
            state=state,
            reason="gone" if state == "broken" else "",
            answer=404 if state == "broken" else None,
            since=timezone.now(),
        )
        PageLink.objects.create(page=page, address=row)


def test_the_report_on_links_shows_what_is_in_trouble_unless_asked_for_more(
    client: Client, editor: User
) -> None:
    links(NewsFactory(title="It links"), "broken", "silent", "works")

    page = read(client, "links")
    assert "Broken: the server says that there is no such page (404)" in page
    assert "https://silent.example.org/" in page
    assert "https://works.example.org/" not in page
    everything = read(client, "links", "?state=works")
    assert "https://works.example.org/" in everything
    assert "https://broken.example.org/" not in everything
    answer = client.get(reverse("home_reports:links") + "?export=csv")
    text = b"".join(answer.streaming_content).decode()
    assert "It links,https://broken.example.org/,Broken," in text


def test_somebody_who_edits_one_part_sees_that_part_alone(client: Client, site: HomePage) -> None:
    mine, other = (
        NewsFactory(title="Mine"),
        StandardPage.objects.get(slug="about", locale=site.locale),
    )
    links(mine, "broken")
    links(other, "silent")
    person = make_staff(groups.EDITORS)
    person.groups.clear()
    group = Group.objects.create(name="News desk")
    group.permissions.add(Permission.objects.get(codename="access_admin"))
    GroupPagePermission.objects.create(
        group=group,
        page=mine.get_parent(),
        permission=Permission.objects.get(
            codename="change_page", content_type__app_label="wagtailcore"
        ),
    )
    person.groups.add(group)
    sign_in(client, person)

    assert "Mine" in read(client, "languages")
    assert ">About<" not in read(client, "languages")
    assert "https://silent.example.org/" not in read(client, "links")
    assert "https://broken.example.org/" in read(client, "links")


@pytest.mark.parametrize("name", REPORTS)
def test_who_edits_no_pages_sees_no_report(client: Client, site: HomePage, name: str) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    answer = client.get(reverse(f"home_reports:{name}"))

    assert answer.status_code == 302
    assert reverse(f"home_reports:{name}") not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_costs_the_same_queries_whatever_it_holds(
    client: Client, editor: User, site: HomePage, name: str
) -> None:
    def made(n: int) -> None:
        for number in range(n):
            page = NewsFactory()
            row = LinkedAddress.objects.create(
                address=f"https://{page.pk}.example.org/{number}",
                state="broken",
                since=timezone.now(),
            )
            PageLink.objects.create(page=page, address=row)
            page.save_revision(user=editor)
            Page.objects.filter(pk=page.pk).update(last_published_at=timezone.now() - YEAR)

    made(2)
    read(client, name)
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as queries:
            read(client, name)
        counts.append(len(queries))
        made(5)
    assert counts[0] == counts[1]


# --- Reviews ----------------------------------------------------------------------------------------


def age(page: Page, since: datetime.timedelta = YEAR) -> None:
    Page.objects.filter(pk=page.pk).update(last_published_at=timezone.now() - since)


def test_a_page_is_overdue_after_a_year_and_for_a_year_no_more_once_reviewed(
    site: HomePage,
) -> None:
    moderator = make_staff(groups.MODERATORS)
    old, young = NewsFactory(), NewsFactory()
    age(old)
    age(young, datetime.timedelta(days=364))
    assert [page.pk for page in reviews.overdue(moderator)] == [old.pk]

    reviews.mark(old, by=moderator)

    assert not reviews.overdue(moderator).exists()
    later = timezone.now() + datetime.timedelta(days=364)
    assert old.pk not in set(reviews.overdue(moderator, later).values_list("pk", flat=True))
    later = timezone.now() + YEAR
    assert old.pk in set(reviews.overdue(moderator, later).values_list("pk", flat=True))
    entry = PageLogEntry.objects.get(action="home.review_page", page=old.pk)
    assert entry.user == moderator


def test_copies_of_a_page_and_drafts_are_not_reviewed(site: HomePage) -> None:
    page, draft = NewsFactory(), NewsFactory(live=False)
    for one in (page, draft, *page.aliases.all()):
        age(one)

    assert [one.pk for one in reviews.overdue(make_staff(groups.EDITORS))] == [page.pk]


def test_the_button_takes_a_page_off_the_list_and_pressing_it_twice_is_no_harm(
    client: Client, editor: User
) -> None:
    page = NewsFactory(title="An old page")
    age(page)
    assert "An old page" in read(client, "reviews")
    address = reverse("home_reports:mark_reviewed", args=[page.pk])

    for _time in range(2):
        answer = client.post(address, follow=True)
        assert "is marked as reviewed today" in answer.content.decode()

    assert "An old page</a>" not in read(client, "reviews")
    assert client.get(address).status_code == 405


def test_the_form_of_the_button_is_protected_against_forgery(
    client: Client, editor: User, site: HomePage
) -> None:
    page = NewsFactory()
    age(page)
    html = client.get(reverse("home_reports:reviews")).content.decode()
    assert re.search(r'name="csrfmiddlewaretoken" value="\w+"', html)
    assert 'name="csrfmiddlewaretoken" value=""' not in html

    client.handler.enforce_csrf_checks = True
    answer = client.post(reverse("home_reports:mark_reviewed", args=[page.pk]))
    assert answer.status_code == 403


def test_nobody_marks_a_page_that_they_may_not_edit(client: Client, site: HomePage) -> None:
    page = NewsFactory()
    age(page)
    treasurer = sign_in(client, make_staff(groups.TREASURERS))

    with pytest.raises(PermissionDenied):
        reviews.mark(page, by=treasurer)
    client.post(reverse("home_reports:mark_reviewed", args=[page.pk]))
    assert reviews.overdue(make_staff(groups.EDITORS)).filter(pk=page.pk).exists()
    sign_in(client, make_staff(groups.EDITORS))
    assert client.post(reverse("home_reports:mark_reviewed", args=[0])).status_code == 404


# --- What waits for me ------------------------------------------------------------------------------


def told(person: User) -> list[str]:
    return [need.words for need in needs.of_pages(person) if need is not None]


def test_drafts_are_of_who_wrote_them_until_they_are_sent_for_review(site: HomePage) -> None:
    mine, others = make_staff(groups.EDITORS), make_staff(groups.EDITORS)
    page = NewsFactory(live=False)
    page.save_revision(user=mine)
    assert [one.pk for one in drafts_of(mine)] == [page.pk]
    assert not drafts_of(others).exists()

    page.get_workflow().start(page, mine)
    assert not drafts_of(mine).exists()


def test_the_first_page_tells_a_moderator_what_waits(client: Client, site: HomePage) -> None:
    moderator = make_staff(groups.MODERATORS)
    assert told(moderator) == []
    page = NewsFactory(title="Old")
    age(page)
    links(page, "broken", "works")
    translate_object(NewsFactory(), [french()])
    draft = NewsFactory(live=False)
    draft.save_revision(user=make_staff(groups.EDITORS))
    draft.get_workflow().start(draft, PersonFactory())
    own = NewsFactory(live=False)
    own.save_revision(user=moderator)

    assert told(moderator) == [
        "1 text waits for your review",
        "1 link on a page is broken or does not answer",
        "1 translation is stale",
        "1 page was not reviewed for a year",
        "1 draft of yours is not published",
    ]
    sign_in(client, moderator)
    html = client.get("/admin/").content.decode()
    for words in told(moderator):
        assert words in html
    for need in needs.of_pages(moderator):
        assert need is not None
        assert client.get(need.url).status_code == 200


def test_an_editor_reviews_nothing_and_who_edits_nothing_is_told_nothing(site: HomePage) -> None:
    draft = NewsFactory(live=False)
    draft.save_revision(user=PersonFactory())
    draft.get_workflow().start(draft, PersonFactory())
    age(NewsFactory())

    assert told(make_staff(groups.EDITORS)) == ["1 page was not reviewed for a year"]
    for group in (groups.TREASURERS, groups.MEMBERSHIP_OFFICERS, groups.AUDITORS):
        assert told(make_staff(group)) == []
