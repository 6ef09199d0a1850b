"""Staff write, preview and publish news; it is on the home page and in the feed at once."""

import datetime
import re
import uuid
from xml.etree import ElementTree

from django.test import Client
from django.urls import reverse
from wagtail.models import Locale
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from home.models import HomePage, NewsIndexPage, NewsPage, Topic
from portal import groups
from tests.factories.home import NewsFactory, make_staff, make_topic, sign_in

ATOM = "{http://www.w3.org/2005/Atom}"


def feed(client: Client, address: str = "/news/feed/") -> ElementTree.Element:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/atom+xml")
    return ElementTree.fromstring(answer.content)


def words(**changes: str) -> dict[str, object]:
    return nested_form_data(
        {
            "title": "A release is out",
            "slug": "a-release",
            "summary": "It mends three things.",
            "date": "2026-11-20",
            "authors": "Alice",
            "body": streamfield([("text", rich_text("<p>Details of the release.</p>"))]),
            "people": inline_formset([]),
            "comments": inline_formset([]),
            **changes,
        }
    )


def test_written_previewed_and_published_in_the_back_office(site: HomePage, client: Client) -> None:
    staff = Client()
    sign_in(staff, make_staff(groups.EDITORS, groups.MODERATORS))
    index = NewsIndexPage.objects.get(locale__language_code="en")
    add = reverse("wagtailadmin_pages:add", args=["home", "newspage", index.pk])
    preview = reverse("wagtailadmin_pages:preview_on_add", args=["home", "newspage", index.pk])

    assert staff.get(add).status_code == 200
    assert staff.post(preview, words()).json()["is_valid"]
    shown = staff.get(preview)
    assert shown.status_code == 200
    assert "Details of the release." in shown.content.decode()
    assert not NewsPage.objects.filter(slug="a-release").exists()

    staff.post(add, words())  # kept as a draft
    draft = NewsPage.objects.get(slug="a-release", locale=index.locale)
    assert client.get("/news/a-release/").status_code == 404
    assert "A release is out" not in client.get("/").content.decode()
    assert feed(client).find(f"{ATOM}entry") is None

    staff.post(
        reverse("wagtailadmin_pages:edit", args=[draft.pk]), words(**{"action-publish": "1"})
    )

    assert "Details of the release." in client.get("/news/a-release/").content.decode()
    assert "A release is out" in client.get("/").content.decode()
    assert "A release is out" in client.get("/news/").content.decode()
    titles = [entry.findtext(f"{ATOM}title") for entry in feed(client).iter(f"{ATOM}entry")]
    assert titles == ["A release is out"]


def test_an_editor_alone_cannot_publish(site: HomePage, client: Client) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    index = NewsIndexPage.objects.get(locale__language_code="en")
    add = reverse("wagtailadmin_pages:add", args=["home", "newspage", index.pk])

    client.post(add, words(**{"action-publish": "1"}))

    page = NewsPage.objects.get(slug="a-release", locale=index.locale)
    assert not page.live


def test_unpublished_news_leave_the_feed(site: HomePage, client: Client) -> None:
    page = NewsFactory()
    assert len(list(feed(client).iter(f"{ATOM}entry"))) == 1
    page.unpublish()
    assert not list(feed(client).iter(f"{ATOM}entry"))


# --- The feed ---------------------------------------------------------------------------------------


def test_the_feed_is_complete_and_in_order(site: HomePage, client: Client) -> None:
    NewsFactory(title="Older", date="2026-10-01", authors="Alice")
    NewsFactory(title="Newer & “better”", date="2026-11-01", summary="With <b>marks</b>.")

    root = feed(client)

    for name in ("id", "title", "updated"):
        assert root.findtext(f"{ATOM}{name}")
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    assert links["self"] == "http://testserver/news/feed/"
    assert links["alternate"] == "http://testserver/news/"
    entries = list(root.iter(f"{ATOM}entry"))
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["Newer & “better”", "Older"]
    for entry in entries:
        for name in ("id", "title", "updated", "published", "summary"):
            assert entry.findtext(f"{ATOM}{name}")
        link = entry.find(f"{ATOM}link")
        assert link is not None
        assert str(link.get("href")).startswith("http://testserver/news/")
    assert entries[1].findtext(f"{ATOM}author/{ATOM}name") == "Alice"
    assert entries[0].findtext(f"{ATOM}author/{ATOM}name") == "OpenLMIS Foundation"


def test_an_entry_keeps_its_id_when_its_address_changes(site: HomePage, client: Client) -> None:
    page = NewsFactory(slug="one")
    before = feed(client).findtext(f"{ATOM}entry/{ATOM}id")
    page.slug = "two"
    page.save_revision().publish()

    assert feed(client).findtext(f"{ATOM}entry/{ATOM}id") == before
    assert uuid.UUID(str(before).removeprefix("urn:uuid:"))


def test_each_language_has_its_feed(site: HomePage, client: Client) -> None:
    page = NewsFactory(title="A release")
    untranslated = NewsFactory(title="Not yet translated")
    french = NewsPage.objects.get(
        translation_key=page.translation_key, locale=Locale.objects.get(language_code="fr")
    )
    french.alias_of = None
    french.title = "Une version"
    french.save()
    french.save_revision().publish()

    root = feed(client, "/fr/news/feed/")

    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
    titles = {entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")}
    assert titles == {"Une version", "Not yet translated"}
    ids = [
        {e.findtext(f"{ATOM}id") for e in one.iter(f"{ATOM}entry")} for one in (root, feed(client))
    ]
    assert len(ids[0] & ids[1]) == 1, untranslated  # the same words are the same entry


def test_every_page_of_home_names_the_feed(site: HomePage, client: Client) -> None:
    for address in ("/", "/news/", "/about/"):
        assert 'type="application/atom+xml"' in client.get(address).content.decode()
    assert "/fr/news/feed/" in client.get("/fr/").content.decode()


def test_a_reader_that_has_the_feed_is_told_that_nothing_changed(
    site: HomePage, client: Client
) -> None:
    make_topic("Releases")
    page = NewsFactory(topics=list(Topic.objects.filter(slug="releases")))
    for address in ("/news/feed/", "/news/topic/releases/feed/", "/fr/news/feed/"):
        first = client.get(address)
        assert first["Cache-Control"] == "no-cache"
        same = client.get(address, headers={"if-none-match": first["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        since = client.get(address, headers={"if-modified-since": first["Last-Modified"]})
        assert since.status_code == 304
    before = client.get("/news/feed/")["ETag"]
    # What is taken out changes the feed, though nothing in it is newer.
    NewsPage.objects.get(pk=page.pk).unpublish()
    again = client.get("/news/feed/", headers={"if-none-match": before})
    assert again.status_code == 200
    # An empty feed, too, stays the same.
    assert client.get("/news/feed/", headers={"if-none-match": again["ETag"]}).status_code == 304


def test_feeds_keep_what_rfc_4287_asks_of_them(site: HomePage, client: Client) -> None:
    topic = make_topic("Releases")
    NewsFactory(title="One", topics=[topic])
    NewsFactory(title="Two", topics=[topic], authors="Alice")
    ids = set()
    for address in (
        "/news/feed/",
        "/fr/news/feed/",
        "/news/topic/releases/feed/",
        "/news/language/en/feed/",
        "/news/country/mw/feed/",
    ):
        root = feed(client, address)
        for element in [root, *root.iter(f"{ATOM}entry")]:
            for name in ("id", "title", "updated"):
                assert len(element.findall(f"{ATOM}{name}")) == 1, address
            assert element.findtext(f"{ATOM}author/{ATOM}name")
            assert re.match(r"(https?|urn):", str(element.findtext(f"{ATOM}id")))
            moment = str(element.findtext(f"{ATOM}updated"))
            assert datetime.datetime.fromisoformat(moment).tzinfo is not None
            links = [link.get("rel") or "alternate" for link in element.findall(f"{ATOM}link")]
            assert links.count("alternate") == 1
        assert {link.get("href") for link in root.findall(f"{ATOM}link[@rel='self']")} == {
            f"http://testserver{address}"
        }
        ids.add(root.findtext(f"{ATOM}id"))
        entries = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
        assert len(set(entries)) == len(entries)
    assert len(ids) == 5
    terms = [each.get("term") for each in feed(client).iter(f"{ATOM}category")]
    assert terms == ["Releases", "Releases"]
