"""Links on pages: what is found, what is asked of others and how little, what is written down."""

import datetime
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import Page

from home.editing import checking, finding, inside, outside
from home.editing.outside import Outcome
from home.models import HomePage, LinkedAddress, PageLink, StandardPage
from tests.factories.home import CommunityFactory, NewsFactory

State = LinkedAddress.State
Reason = LinkedAddress.Reason
FINE = Outcome(State.WORKS, answer=200)


# --- Finding them -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_links_are_found_in_texts_blocks_and_address_fields(site: HomePage) -> None:
    about = StandardPage.objects.get(slug="about", locale=site.locale)
    page = CommunityFactory(
        website="https://one.example.org/a#part",
        source_repository="https://two.example.org/",
        body=[
            (
                "text",
                f'<p><a linktype="page" id="{about.pk}">About</a> <a href="/join/">Join</a></p>',
            ),
            ("call", {"label": "Go", "page": None, "address": "/pools/"}),
            ("quote", {"text": "See https://not.a.link.example.org", "who": "", "where": ""}),
            (
                "note",
                {"text": '<p><a href="mailto:a@example.org">Write</a> <a href="#x">X</a></p>'},
            ),
        ],
    )

    assert finding.in_page(Page.objects.get(pk=page.pk).specific) == {
        "https://one.example.org/a",
        "https://two.example.org/",
        f"page:{about.pk}",
        "/join/",
        "/pools/",
    }


@pytest.mark.django_db
def test_what_no_page_links_to_any_more_is_forgotten(site: HomePage) -> None:
    finding.keep({site.pk: {"/a/", "/b/"}})
    before = LinkedAddress.objects.get(address="/b/").since
    finding.keep({site.pk: {"/b/", "/c/"}})

    assert {link.address.address for link in PageLink.objects.all()} == {"/b/", "/c/"}
    assert not LinkedAddress.objects.filter(address="/a/").exists()
    assert LinkedAddress.objects.get(address="/b/").since == before


@pytest.mark.django_db
def test_only_published_words_of_their_own_are_looked_at(site: HomePage) -> None:
    body = [("text", '<p><a href="/nowhere/">There</a></p>')]
    out = NewsFactory(slug="out", body=body)
    draft = NewsFactory(slug="in", live=False, body=body)

    found = finding.on_all_pages()

    assert found[out.pk] == {"/nowhere/"}
    assert draft.pk not in found
    assert not set(found) & set(Page.objects.exclude(alias_of=None).values_list("pk", flat=True))


# --- Links within the site --------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "works"),
    [
        ("/", True),
        ("/fr/", True),
        ("/about/", True),
        ("/fr/about/", True),
        ("/about", True),
        ("/members/", True),
        ("/pt/members/", True),
        ("http://testserver/about/", True),
        ("/static/site.css", True),
        ("/nowhere/", False),
        ("/about/nowhere/", False),
        ("/de/about/", False),
        ("page:999999", False),
        ("page:x", False),
        ("document:1", False),
    ],
)
def test_addresses_of_this_site_are_held_against_patterns_and_pages(
    site: HomePage, address: str, works: bool
) -> None:
    assert inside.is_inside(address)
    assert inside.look(address).state == (State.WORKS if works else State.BROKEN)


@pytest.mark.django_db
def test_a_page_taken_down_breaks_the_links_to_it_and_a_redirect_mends_them(
    site: HomePage,
) -> None:
    page = NewsFactory(slug="gone")
    assert inside.look(f"page:{page.pk}").state == State.WORKS
    page.unpublish()

    assert inside.look(f"page:{page.pk}").state == State.BROKEN
    assert inside.look("/news/gone/").state == State.BROKEN
    Redirect.add_redirect("/news/gone/", redirect_to="/news/")
    assert inside.look("/news/gone/").state == State.WORKS


def test_another_site_is_not_this_one() -> None:
    assert not inside.is_inside("https://example.org/about/")
    assert not inside.is_inside("//example.org/about/")


# --- Asking other sites -----------------------------------------------------------------------------


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by its path: /200, /404, /head405, /loop, /to-private, /slow."""

    asked: list[tuple[str, str]] = []

    def _answer(self) -> None:
        self.asked.append((self.command, self.path))
        name = self.path.strip("/")
        if name == "head405":
            self.send_response(405 if self.command == "HEAD" else 200)
        elif name == "loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
        elif name == "moved":
            self.send_response(301)
            self.send_header("Location", "/200")
        elif name == "to-private":
            self.send_response(302)
            self.send_header("Location", "http://10.0.0.1/")
        else:
            self.send_response(int(name))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = _answer

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that the checker takes for one of the public network, at http://site.test."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Server.asked = []
    threading.Thread(target=running.serve_forever, daemon=True).start()
    real, check = socket.create_connection, outside._public_addresses
    monkeypatch.setattr(
        outside.socket,
        "create_connection",
        lambda address, timeout: real(
            running.server_address if address[0] == "203.0.113.9" else address, timeout=timeout
        ),
    )
    monkeypatch.setattr(
        outside,
        "_public_addresses",
        lambda host, port: iter(["203.0.113.9"]) if host == "site.test" else check(host, port),
    )
    yield "http://site.test"
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/200", Outcome(State.WORKS, answer=200)),
        ("/moved", Outcome(State.WORKS, answer=200)),
        ("/head405", Outcome(State.WORKS, answer=200)),
        ("/403", Outcome(State.WORKS, Reason.REFUSED, 403)),
        ("/429", Outcome(State.WORKS, Reason.REFUSED, 429)),
        ("/404", Outcome(State.BROKEN, Reason.GONE, 404)),
        ("/410", Outcome(State.BROKEN, Reason.GONE, 410)),
        ("/500", Outcome(State.SILENT, Reason.ERROR, 500)),
        ("/loop", Outcome(State.BROKEN, Reason.REDIRECTS)),
        ("/to-private", Outcome(State.LEFT, Reason.PRIVATE)),
    ],
)
def test_the_answer_of_a_server_is_judged(server: str, path: str, outcome: Outcome) -> None:
    assert outside.look(server + path) == outcome


def test_a_server_is_asked_by_head_and_by_get_only_where_that_tells_nothing(server: str) -> None:
    outside.look(f"{server}/200")
    outside.look(f"{server}/404")

    assert Server.asked == [("HEAD", "/200"), ("HEAD", "/404"), ("GET", "/404")]


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://10.1.2.3/",
        "http://192.168.1.1/admin",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[64:ff9b::a00:1]/",  # 10.0.0.1, as networks without IPv4 write it
        "http://[2002:a00:1::]/",  # and by 6to4
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://2130706433/",
    ],
)
def test_a_private_network_is_never_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def connect(*args: object, **kwargs: object) -> None:
        raise AssertionError("It was asked.")

    monkeypatch.setattr(outside.socket, "create_connection", connect)

    assert outside.look(address) == Outcome(State.LEFT, Reason.PRIVATE)


def test_a_name_that_has_one_private_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", ("93.184.216.34", 80)), (0, 0, 0, "", ("192.168.0.1", 80))]
    monkeypatch.setattr(outside.socket, "getaddrinfo", lambda *a, **k: found)

    assert outside.look("http://mixed.example.org/").reason == Reason.PRIVATE


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://example.org:22/",
        "http://user:word@example.org/",
        "http:///path",
        "http://exa mple.org:x/",
    ],
)
def test_what_is_no_web_address_is_left(address: str) -> None:
    assert outside.look(address) == Outcome(State.LEFT, Reason.ODD)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (socket.gaierror(socket.EAI_NONAME, "none"), Outcome(State.BROKEN, Reason.NO_HOST)),
        (socket.gaierror(socket.EAI_AGAIN, "later"), Outcome(State.SILENT, Reason.TIMEOUT)),
        (TimeoutError(), Outcome(State.SILENT, Reason.TIMEOUT)),
        (ConnectionRefusedError(), Outcome(State.SILENT, Reason.TIMEOUT)),
        (ssl.SSLCertVerificationError(), Outcome(State.BROKEN, Reason.CERTIFICATE)),
    ],
)
def test_no_answer_is_told_from_no_server(
    monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: Outcome
) -> None:
    def fail(*args: object) -> Iterator[str]:
        raise error

    monkeypatch.setattr(outside, "_public_addresses", fail)

    assert outside.look("https://example.org/") == outcome


# --- What is due, and what is written down ----------------------------------------------------------


def address(name: str, days_ago: float | None, state: str = State.WORKS) -> LinkedAddress:
    now = timezone.now()
    checked = None if days_ago is None else now - datetime.timedelta(days=days_ago)
    return LinkedAddress.objects.create(
        address=name, state=state, since=now - datetime.timedelta(days=30), checked_at=checked
    )


class Looking:
    """Stands for the network: remembers what was asked."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.asked: list[str] = []
        self.waited = 0.0

    def look(self, address: str) -> Outcome:
        self.asked.append(address)
        return self.outcome

    def wait(self, seconds: float) -> None:
        self.waited += seconds


@pytest.fixture
def check(settings: Settings) -> Callable[..., Looking]:
    settings.CHECK_OUTSIDE_LINKS = True

    def run(outcome: Outcome = FINE) -> Looking:
        looking = Looking(outcome)
        checking.check_outside(looking.look, looking.wait)
        return looking

    return run


@pytest.mark.django_db
def test_what_is_new_comes_first_then_what_is_due(check: Any) -> None:
    address("https://a.example.org/", 7)
    address("https://b.example.org/", 2)
    address("https://c.example.org/", None, State.NEW)
    address("https://d.example.org/", 1, State.BROKEN)
    address("https://e.example.org/", 0.1, State.SILENT)
    address("/inside/", None)

    assert check().asked == [
        "https://c.example.org/",
        "https://a.example.org/",
        "https://d.example.org/",
    ]


@pytest.mark.django_db
def test_one_host_is_asked_little_and_with_pauses(check: Any) -> None:
    for n in range(25):
        address(f"https://one.example.org/{n}", None)
    address("https://other.example.org/", None)

    looking = check()

    assert len(looking.asked) == checking.MOST_OF_A_HOST + 1
    assert looking.waited == pytest.approx((checking.MOST_OF_A_HOST - 1) * checking.PAUSE)
    assert len(check().asked) == 5  # the rest the next time


@pytest.mark.django_db
def test_since_moves_only_when_the_state_does(check: Any) -> None:
    row = address("https://a.example.org/", 7)
    began = row.since

    check(Outcome(State.WORKS, answer=200))
    row.refresh_from_db()
    assert row.since == began
    LinkedAddress.objects.update(checked_at=None)

    check(Outcome(State.BROKEN, Reason.GONE, 404))
    row.refresh_from_db()
    assert (row.state, row.reason, row.answer) == (State.BROKEN, Reason.GONE, 404)
    assert row.since > began


@pytest.mark.django_db
def test_a_demo_leaves_the_world_alone(check: Any, settings: Settings) -> None:
    settings.CHECK_OUTSIDE_LINKS = False
    row = address("https://a.example.org/", None, State.NEW)

    assert check().asked == []
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.LEFT, Reason.SWITCHED_OFF)


@pytest.mark.django_db
def test_the_nightly_job_finds_and_checks(site: HomePage) -> None:
    from home.jobs import check_links

    NewsFactory(body=[("text", '<p><a href="/nowhere/">There</a> <a href="/join/">J</a></p>')])

    check_links.call()

    states = dict(LinkedAddress.objects.values_list("address", "state"))
    assert states["/nowhere/"] == State.BROKEN
    assert states["/join/"] == State.WORKS
    broken = LinkedAddress.objects.filter(state=State.BROKEN)
    assert [row.address for row in broken] == ["/nowhere/"], "a link of the first pages is broken"
