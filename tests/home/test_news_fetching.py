"""What another site may do while it is asked for a feed: too much, too slowly, half of it."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from home.news_import import fetch, refusals

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def say(handler: Any, content: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def drip(handler: Any) -> None:
    """A byte now and then, for ever: no single wait runs out."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


ANSWERS: dict[str, Answer] = {
    "/feed": lambda handler: say(handler, b"<feed/>", Content_Type="application/atom+xml"),
    "/moved?to=1": lambda handler: say(handler, b"x" * 99, 301, Location="/feed"),
    "/large": lambda handler: say(handler, b"x" * (fetch.MOST_BYTES + 10)),
    "/half": lambda handler: say(handler, b"half", Content_Length="1000"),
    "/packed": lambda handler: say(handler, b"\x1f\x8b", Content_Encoding="gzip"),
    "/broken": lambda handler: handler.wfile.write(b"no HTTP at all\r\n\r\n"),
    "/drip": drip,
}


class Site(http.server.BaseHTTPRequestHandler):
    asked: list[Any] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers)
        with contextlib.suppress(OSError):
            ANSWERS[self.path](self)

    def log_message(self, *_args: Any) -> None:
        """Nothing: the tests' output stays readable."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A public site, as far as the names go; it speaks without TLS on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    real = socket.create_connection

    def connect(connection: Any) -> None:
        connection.line = connection.sock = real(server.server_address, fetch.PATIENCE)

    monkeypatch.setattr(fetch._Connection, "connect", connect)
    monkeypatch.setattr(fetch, "_public_number", lambda host: "93.184.216.34")
    yield
    server.shutdown()
    server.server_close()


def test_a_feed_is_read_also_where_it_moved_to(site: None) -> None:
    found = fetch.fetch("https://other.example.org/moved?to=1")
    assert found == fetch.Fetched(
        "https://other.example.org/feed", b"<feed/>", "application/atom+xml"
    )
    assert Site.asked[-1]["Host"] == "other.example.org"
    assert Site.asked[-1]["Cookie"] is None


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("large", refusals.FeedTooLarge),
        ("half", refusals.NoAnswer),
        ("packed", refusals.NotAFeed),
        ("broken", refusals.NoAnswer),
    ],
)
def test_what_is_not_answered_as_it_should_is_refused(
    site: None, path: str, refusal: type[refusals.FeedRefused]
) -> None:
    with pytest.raises(refusal):
        fetch.fetch(f"https://other.example.org/{path}")


def test_who_sends_a_byte_now_and_then_is_left(site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "ALL_PATIENCE", 0.5)
    began = time.monotonic()
    with pytest.raises(refusals.NoAnswer):
        fetch.fetch("https://other.example.org/drip")
    assert time.monotonic() - began < 10


def test_nobody_answers(site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_connection: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(fetch._Connection, "connect", refuse)
    with pytest.raises(refusals.NoAnswer, match=r"other\.example\.org"):
        fetch.fetch("https://other.example.org/feed")


def test_the_connection_goes_to_the_number_and_the_certificate_is_of_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[Any] = []

    class Secure:
        def do_handshake(self) -> None:
            said.append("handshake")

    def wrap(_plain: Any, *, server_hostname: str, **_how: Any) -> Secure:
        said.append(server_hostname)
        return Secure()

    connection = fetch._Connection("other.example.org", "93.184.216.34")
    monkeypatch.setattr(
        fetch.socket, "create_connection", lambda address, _patience: said.append(address)
    )
    monkeypatch.setattr(connection.context, "wrap_socket", wrap)
    connection.connect()
    assert said == [("93.184.216.34", 443), "other.example.org", "handshake"]
    assert connection.context.check_hostname
