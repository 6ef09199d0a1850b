"""News from a file or a feed: looked at first, then drafts; hostile ones do no harm."""

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter

from core.models import User
from core.network import is_public
from core.transactions import use_case
from home.blocks import TEXT_FEATURES
from home.models import HomePage, ImportedNews, NewsPage
from home.news_import import feed, fetch, importing, news_csv, refusals
from home.news_import.cleaning import LONGEST, clean, plain
from portal import groups
from tests.factories.home import PersonFactory, make_staff, make_topic, sign_in
from tests.factories.pools import open_pool

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <id>https://other.example.org/</id><title>Other</title><updated>2026-11-01T00:00:00Z</updated>
  <entry>
    <id>tag:other.example.org,2026:1</id><title>A release &amp; more</title>
    <updated>2026-10-02T10:00:00Z</updated><published>2026-10-01T10:00:00Z</published>
    <link rel="alternate" href="https://other.example.org/1"/>
    <author><name>Ada</name></author><author><name>Ben</name></author>
    <category term="releases"/><category term="unknown"/>
    <summary>It mends &lt;b&gt;three&lt;/b&gt; things.</summary>
    <content type="html">&lt;h1&gt;Why&lt;/h1&gt;&lt;p&gt;Because &lt;script&gt;alert(1)&lt;/script&gt;of
      &lt;strong onclick="x()"&gt;it&lt;/strong&gt;.&lt;/p&gt;&lt;img src="https://x/y.png"&gt;</content>
  </entry>
  <entry>
    <id>tag:other.example.org,2026:2</id><title></title><updated>2026-10-03T10:00:00Z</updated>
  </entry>
</feed>
"""


def csv_of(*rows: dict[str, str]) -> bytes:
    from core import csv_files

    return csv_files.sample(news_csv.COLUMNS, rows).encode()


def row_of(**cells: str) -> dict[str, str]:
    return {"title": "A release", "date": "2026-10-01", "external_id": "1", **cells}


@pytest.fixture
def editor(site: HomePage) -> User:
    return make_staff(groups.EDITORS)


def bring(content: bytes, kind: importing.Kind, by: User, **chosen: Any) -> list[NewsPage]:
    rows = frozenset(range(1, 500))
    return importing.bring(
        content,
        kind,
        **{"language": "en", "source": "a test", "chosen": rows, "by": by, **chosen},
    )


# --- A file ---------------------------------------------------------------------------------------


def test_a_file_becomes_drafts_with_all_that_its_rows_say(editor: User, client: Client) -> None:
    topic = make_topic("Releases", fr="Versions")
    pool = open_pool("vaccines").pool
    content = csv_of(
        row_of(
            summary="One sentence.",
            text="First.\n\nSecond.",
            authors="Ada",
            topics="releases",
            countries="MW; mz",
            pools="vaccines",
            link="https://other.example.org/1",
        ),
        row_of(title="Une version", language="fr", text="<p>Premier</p>", topics="Versions"),
    )
    look = importing.dry_run(content, "csv", language="en", by=editor)
    assert [row.errors for row in look.rows] == [{}, {}]
    assert not NewsPage.objects.exists()

    made = bring(content, "csv", editor)

    assert [(page.title, page.locale.language_code) for page in made] == [
        ("A release", "en"),
        ("Une version", "fr"),
    ]
    page = NewsPage.objects.get(pk=made[0].pk)
    assert not page.live
    assert page.owner == editor
    draft = page.get_latest_revision_as_object()
    assert draft.summary == "One sentence."
    assert draft.countries == ["MW", "MZ"]
    assert list(draft.topics.all()) == [topic]
    assert list(draft.pools.all()) == [pool]
    text = str(draft.body[0].value)
    assert text.startswith("<p>First.</p><p>Second.</p><p>First published by ")
    assert client.get("/news/a-release/").status_code == 404
    french = NewsPage.objects.get(pk=made[1].pk).get_latest_revision_as_object()
    assert [each.locale.language_code for each in french.topics.all()] == ["fr"]
    # The first language's drafts have their places in the others, as if written by hand.
    assert NewsPage.objects.filter(translation_key=page.translation_key).count() == 3


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"title": ""}, "title", "There is no title"),
        ({"title": "x" * 256}, "title", "255 characters at most"),
        ({"date": "yesterday"}, "date", "is not a day"),
        ({"date": ""}, "date", "is not a day"),
        ({"language": "xx"}, "language", "not a language of ours"),
        ({"summary": "x" * 301}, "summary", "300 characters at most"),
        ({"topics": "Nothing"}, "topics", "There is no topic “Nothing”"),
        ({"countries": "MW; Atlantis"}, "countries", "“Atlantis” is not a country"),
        ({"pools": "nothing"}, "pools", "There is no pool"),
    ],
)
def test_each_cell_that_is_wrong_is_told_and_its_row_left_out(
    editor: User, cells: dict[str, str], column: str, words: str
) -> None:
    content = csv_of(row_of(**cells), row_of(title="Good", external_id="2"))

    look = importing.dry_run(content, "csv", language="en", by=editor)

    assert list(look.rows[0].errors) == [column]
    assert words in look.rows[0].errors[column]
    assert [page.title for page in bring(content, "csv", editor)] == ["Good"]


def test_the_sample_can_be_imported(editor: User) -> None:
    look = importing.dry_run(news_csv.sample().encode(), "csv", language="en", by=editor)
    assert [row.errors for row in look.rows] == [{}, {}]


def test_the_same_id_twice_in_a_file_is_an_error_and_in_another_language_none(
    editor: User,
) -> None:
    content = csv_of(row_of(), row_of(title="Again"), row_of(title="En français", language="fr"))
    look = importing.dry_run(content, "csv", language="en", by=editor)
    assert [bool(row.errors) for row in look.rows] == [False, True, False]
    assert "Row 2" in look.rows[1].errors["external_id"]


def test_a_title_that_is_an_address_of_the_list_gets_another(editor: User) -> None:
    made = bring(csv_of(row_of(title="2026"), row_of(title="Feed", external_id="2")), "csv", editor)
    assert [page.slug for page in made] == ["news-2026", "news-feed"]
    twice = bring(csv_of(row_of(title="Same", external_id="3")), "csv", editor)
    again = bring(csv_of(row_of(title="Same", external_id="4")), "csv", editor)
    assert [page.slug for page in [*twice, *again]] == ["same", "same-2"]


# --- A feed ---------------------------------------------------------------------------------------


def test_an_atom_feed_becomes_drafts_without_what_could_harm(editor: User) -> None:
    topic = make_topic("Releases")
    look = importing.dry_run(ATOM, "feed", language="en", by=editor)
    assert [bool(row.errors) for row in look.rows] == [False, True]
    assert look.rows[0].pictures == 1

    (made,) = bring(ATOM, "feed", editor)

    draft = NewsPage.objects.get(pk=made.pk).get_latest_revision_as_object()
    assert draft.title == "A release & more"
    assert str(draft.date) == "2026-10-01"
    assert draft.authors == "Ada, Ben"
    assert draft.summary == "It mends three things."
    assert list(draft.topics.all()) == [topic]
    text = str(draft.body[0].value)
    assert text.startswith("<h2>Why</h2><p>Because of <b>it</b>.</p>")
    assert 'href="https://other.example.org/1"' in text
    assert "alert" not in text
    assert "onclick" not in text


def test_an_rss_feed_is_read_too(editor: User) -> None:
    content = (
        b'<rss version="2.0"><channel><title>T</title><item><title>One</title>'
        b"<guid>g-1</guid><pubDate>Thu, 01 Oct 2026 10:00:00 GMT</pubDate>"
        b"<description>Words &lt;i&gt;here&lt;/i&gt;</description></item>"
        b"<item><title>Without date</title><description/></item></channel></rss>"
    )
    first, second = feed.read(content, language="en")
    assert (first.external_id, str(first.date)) == ("g-1", "2026-10-01")
    assert first.text == "<p>Words <i>here</i></p>"
    assert second.date is not None
    assert second.external_id


def test_a_second_import_makes_no_doubles(editor: User) -> None:
    (made,) = bring(ATOM, "feed", editor)
    look = importing.dry_run(ATOM, "feed", language="en", by=editor)
    assert [row.known for row in look.known] == [made]
    assert bring(ATOM, "feed", editor) == []
    assert ImportedNews.objects.count() == 1
    # A draft that somebody threw away may come again.
    NewsPage.objects.get(pk=made.pk).delete()
    assert len(bring(ATOM, "feed", editor)) == 1


def test_only_what_is_chosen_is_brought(editor: User) -> None:
    content = csv_of(row_of(), row_of(title="Second", external_id="2"))
    assert [page.title for page in bring(content, "csv", editor, chosen=frozenset({3}))] == [
        "Second"
    ]
    with pytest.raises(refusals.NothingChosen):
        bring(csv_of(row_of(external_id="9")), "csv", editor, chosen=frozenset())


def test_the_dry_run_takes_the_same_queries_for_one_row_and_for_many(editor: User) -> None:
    editor.has_perm(importing.RIGHT)  # rights are remembered by the object

    def count(rows: int) -> int:
        content = csv_of(*(row_of(external_id=str(number)) for number in range(rows)))
        with CaptureQueriesContext(connection) as context:
            importing.dry_run(content, "csv", language="en", by=editor)
        return len(context)

    assert count(1) == count(50) <= 8


HOSTILE = {
    "entities that grow": b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(8))
    + b"]><rss version='2.0'><channel><item><title>&i;</title></item></channel></rss>",
    "a file of ours": b'<!DOCTYPE r [<!entity x SYSTEM "file:///etc/passwd">]>'
    b"<rss version='2.0'><channel><item><title>&x;</title></item></channel></rss>",
    "a page": b"<!doctype html><html><body><p>No feed</p></body></html>",
    "nothing": b"",
    "zeros": b"\x00" * 1000,
    "the name of a file": b"/etc/passwd",
    "an address": b"http://127.0.0.1:1/",
    "JSON": b'{"version": "https://jsonfeed.org/version/1", "items": "no"}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_feed_is_refused(site: HomePage, content: bytes) -> None:
    with pytest.raises(refusals.FeedRefused):
        feed.read(content, language="en")


def test_a_feed_without_entries_says_so(site: HomePage) -> None:
    with pytest.raises(refusals.FeedEmpty):
        feed.read(b"<rss version='2.0'><channel><title>T</title></channel></rss>", language="en")


def test_huge_and_deep_entries_are_read_in_time(site: HomePage) -> None:
    deep = "&lt;div&gt;" * 50_000 + "x" * 500_000
    item = f"<item><title>{'t' * 5_000}</title><description>{deep}</description></item>"
    content = f"<rss version='2.0'><channel>{item}</channel></rss>".encode()
    (row,) = feed.read(content, language="en")
    assert len(row.title) <= 255
    assert len(row.summary) <= 300
    assert len(row.text) <= LONGEST


# --- HTML -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Plain\n\nText & more", "<p>Plain</p><p>Text &amp; more</p>"),
        ("<p>a</p>tail<div>b</div>", "<p>a</p><p>tail</p><p>b</p>"),
        ("<h1>a</h1><h4>b</h4>", "<h2>a</h2><h3>b</h3>"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>d", None),
        ("<li>orphan</li>", "<ul><li>orphan</li></ul>"),
        ("<ol><li><p>one</p></li></ol>", "<ol><li>one</li></ol>"),
        ("<b><p>x</p></b><i>y", "<p><b>x</b></p><p><i>y</i></p>"),
        ('<a href="https://x.org/?a=1&b=2">l</a>', None),
        ('<a href="javascript:alert(1)">l</a>', "<p>l</p>"),
        ('<a href="/local">l</a>', "<p>l</p>"),
        ('<a href="&#106;avascript:alert(1)">l</a>', "<p>l</p>"),
        ("<script>alert(1)</script><style>p{}</style>ok", "<p>ok</p>"),
        ("<svg onload=alert(1)><p>a</p></svg>", None),
        ("<iframe src='https://x'></iframe><p>a</p>", None),
        ('<embed embedtype="image" id="1" format="left"/><p>a</p>', "<p>a</p>"),
        ('<a linktype="page" id="3">x</a>', "<p>x</p>"),
        ("<!-- <p>hidden</p> --><p>a</p>", "<p>a</p>"),
        ("<p>a<br><br></p>", "<p>a</p>"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;<p>a</p>", None),
    ],
)
def test_html_becomes_what_the_text_block_holds(source: str, text: str | None) -> None:
    made = clean(source).text

    if text is not None:
        assert made == text
    assert not re.search(r"<(?!/?(p|h2|h3|b|i|a|ul|ol|li|br/?)\b)", made)
    assert not re.search(r"<\w+\s(?!href=\"(https?://|mailto:))", made)
    # The editor opens it and keeps it as it is.
    converter = ContentstateConverter(TEXT_FEATURES)
    kept = converter.to_database_format(converter.from_database_format(made))
    assert re.sub(r' data-block-key="\w+"', "", kept) == (made or "<p></p>")


def test_words_alone_hold_no_markup() -> None:
    assert plain("<b>A</b>\n <script>x</script>&amp; B") == "A & B"


# --- Fetching -------------------------------------------------------------------------------------


Asked = list[tuple[str, str]]


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Names and what stands at addresses, by a table; what was asked, in order."""

    def make(names: dict[str, list[str]], answers: dict[str, fetch._Answer]) -> Asked:
        asked: Asked = []

        def getaddrinfo(host: str, *_args: Any, **_kwargs: Any) -> list[Any]:
            if host not in names:
                raise socket.gaierror
            return [(0, 0, 0, "", (number, 443)) for number in names[host]]

        def ask(parts: Any, number: str) -> fetch._Answer:
            asked.append((parts.geturl(), number))
            return answers[parts.geturl()]

        monkeypatch.setattr(fetch.socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(fetch, "_ask", ask)
        return asked

    return make


def found(content: bytes = ATOM) -> fetch._Answer:
    return fetch._Answer(200, content, "application/atom+xml", "")


def moved(to: str, status: int = 302) -> fetch._Answer:
    return fetch._Answer(status, b"", "", to)


def test_redirects_are_followed_each_looked_at_and_connected_by_number(internet: Any) -> None:
    asked = internet(
        {"a.example.org": ["93.184.216.34"], "b.example.org": ["2606:2800:220:1::1"]},
        {
            "https://a.example.org/feed": moved("//b.example.org/atom.xml"),
            "https://b.example.org/atom.xml": found(),
        },
    )
    assert fetch.fetch("https://a.example.org/feed").address == "https://b.example.org/atom.xml"
    assert [number for _address, number in asked] == ["93.184.216.34", "2606:2800:220:1::1"]


@pytest.mark.parametrize(
    "to",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "http://a.example.org/",
        "https://[::1]/",
        "file:///etc/passwd",
        "https://a.example.org:8443/",
        "https://inside.example.org/",
    ],
)
def test_a_redirect_to_what_only_we_can_reach_is_not_followed(internet: Any, to: str) -> None:
    asked = internet(
        {
            "a.example.org": ["93.184.216.34"],
            "127.0.0.1": ["127.0.0.1"],
            "localhost": ["127.0.0.1"],
            "::1": ["::1"],
            # One of its numbers is public, the other is not.
            "inside.example.org": ["93.184.216.34", "10.0.0.7"],
        },
        {"https://a.example.org/feed": moved(to)},
    )
    with pytest.raises(refusals.FeedRefused):
        fetch.fetch("https://a.example.org/feed")
    assert len(asked) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/feed",
        "ftp://example.org/feed",
        "file:///etc/passwd",
        "example.org/feed",
        "https://",
        "https://user:word@example.org/",
        "https://example.org:22/",
        "https://example.org:99999/",
        "https://example.org/a\r\nHost: x",
        "https://[::1",
        "https://" + "x" * 70 + ".org/",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused(internet: Any, address: str) -> None:
    asked = internet({"example.org": ["93.184.216.34"]}, {})
    with pytest.raises(refusals.NotHttps):
        fetch.fetch(address)
    assert asked == []


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "not a number",
    ],
)
def test_numbers_that_are_not_of_the_public_internet(number: str) -> None:
    assert not is_public(number)


def test_numbers_of_the_public_internet() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")


def test_an_unknown_name_an_error_and_a_ring_of_redirects_are_told(internet: Any) -> None:
    internet(
        {"a.example.org": ["93.184.216.34"]},
        {
            "https://a.example.org/gone": fetch._Answer(404, b"", "", ""),
            "https://a.example.org/ring": moved("/ring"),
        },
    )
    with pytest.raises(refusals.UnknownHost):
        fetch.fetch("https://nothing.example.org/")
    with pytest.raises(refusals.AnsweredOtherwise, match="404"):
        fetch.fetch("https://a.example.org/gone")
    with pytest.raises(refusals.TooManyRedirects):
        fetch.fetch("https://a.example.org/ring")


def test_nothing_is_fetched_inside_a_transaction(db: None) -> None:
    with use_case(), pytest.raises(RuntimeError, match="outside any transaction"):
        fetch.fetch("https://example.org/")


# --- The page of the back office ------------------------------------------------------------------

ADDRESS = "/admin/news/import/"


def token_on(page: str) -> str:
    found = re.search(r'name="token" value="(\w+)"', page)
    assert found
    return found.group(1)


def test_an_editor_looks_at_a_file_and_makes_its_drafts(editor: User, client: Client) -> None:
    sign_in(client, editor)
    page = client.get(ADDRESS).content.decode()
    assert "From a feed of another site" in page
    assert client.get(reverse("news_import:sample"))["Content-Type"].startswith("text/csv")
    content = csv_of(row_of(), row_of(title="Bad", date="never", external_id="2"))

    looked = client.post(
        ADDRESS, {"act": "file", "file": SimpleUploadedFile("news.csv", content)}
    ).content.decode()

    assert "1 draft can be made" in looked
    assert "1 has errors and is left out" in looked
    assert "“never” is not a day" in looked
    assert not NewsPage.objects.exists()

    sent = {"act": "import", "token": token_on(looked), "kind": "csv", "language": "en", "row": "2"}
    done = client.post(ADDRESS, sent, follow=True).content.decode()

    assert "1 draft is made" in done
    assert "A release" in done
    assert NewsPage.objects.get(locale__language_code="en").title == "A release"
    # Sent twice, it is done once.
    again = client.post(ADDRESS, sent, follow=True).content.decode()
    assert "waited too long" in again
    assert NewsPage.objects.filter(locale__language_code="en").count() == 1


def test_an_editor_looks_at_a_feed_and_makes_its_drafts(
    editor: User, client: Client, internet: Any
) -> None:
    sign_in(client, editor)
    internet({"a.example.org": ["93.184.216.34"]}, {"https://a.example.org/feed": found()})

    looked = client.post(
        ADDRESS, {"act": "feed", "address": "https://a.example.org/feed", "language": "fr"}
    ).content.decode()
    assert "A release &amp; more" in looked
    assert "1 picture is left out" in looked
    sent = {"act": "import", "token": token_on(looked), "kind": "feed", "language": "fr", "row": 1}
    # Another language than the one that was looked at is no way in.
    client.post(ADDRESS, {**sent, "language": "en"})
    assert not NewsPage.objects.exists()
    client.post(ADDRESS, sent)

    assert NewsPage.objects.get().locale.language_code == "fr"
    refused = client.post(ADDRESS, {"act": "feed", "address": "http://x.org", "language": "en"})
    assert "beginning with https://" in refused.content.decode()
    assert 'value="http://x.org"' in refused.content.decode()


def test_what_another_person_looked_at_is_not_theirs_to_import(
    editor: User, client: Client
) -> None:
    sign_in(client, editor)
    looked = client.post(
        ADDRESS, {"act": "file", "file": SimpleUploadedFile("news.csv", csv_of(row_of()))}
    ).content.decode()
    mallory = Client()
    sign_in(mallory, make_staff(groups.EDITORS))
    mallory.post(
        ADDRESS,
        {"act": "import", "token": token_on(looked), "kind": "csv", "language": "en", "row": "2"},
    )
    assert not NewsPage.objects.exists()


@pytest.mark.parametrize("group", [groups.TREASURERS, groups.AUDITORS, groups.MEMBERSHIP_OFFICERS])
def test_who_has_no_right_imports_nothing(site: HomePage, client: Client, group: str) -> None:
    person = sign_in(client, make_staff(group))
    assert client.get(ADDRESS).status_code == 403
    assert client.post(ADDRESS, {"act": "feed", "address": "https://x.org"}).status_code == 403
    assert client.get(reverse("news_import:sample")).status_code == 403
    with pytest.raises(refusals.NotPermitted):
        importing.dry_run(ATOM, "feed", language="en", by=person)
    stranger = Client()
    sign_in(stranger, PersonFactory())
    assert stranger.get(ADDRESS).status_code == 403


def test_a_wrong_file_is_told_and_the_page_stays(editor: User, client: Client) -> None:
    sign_in(client, editor)
    for content, words in (
        (b"\x00\x01", "not a CSV file"),
        (b"title\nOnly", "The heading lacks: date"),
        (b"title,date,colour\nA,2026-01-01,red", "columns that we do not know: colour"),
        (b"x" * (news_csv.MOST_BYTES + 1), "larger than 1 MB"),
    ):
        upload = SimpleUploadedFile("news.csv", content)
        page = client.post(ADDRESS, {"act": "file", "file": upload}).content.decode()
        assert words in page
    assert "Choose the file." in client.post(ADDRESS, {"act": "file"}).content.decode()
    assert client.post(ADDRESS, {"act": "other"}).status_code == 302
