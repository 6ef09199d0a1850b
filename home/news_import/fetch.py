"""Fetching a feed from an address that a person typed, without reaching what only we can reach.

Every address on the way, redirects too, is https on the usual port, and every number its name stands
for is public. The connection goes to the very number that was looked at: asked a second time, a name
may answer otherwise. Size and time are limited, whatever the other side does.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from django.utils.encoding import iri_to_uri

from core.network import is_public
from core.transactions import in_transaction
from home.news_import import refusals

MEGABYTE = 1024 * 1024
MOST_BYTES = 2 * MEGABYTE
MOST_HOPS = 4
# Of one wait, and of all together; in seconds.
PATIENCE = 5.0
ALL_PATIENCE = 15.0
LONGEST_ADDRESS = 500


@dataclass(frozen=True, slots=True)
class Fetched:
    """What stands at ``address``, the last one of the redirects."""

    address: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: bytes
    content_type: str
    location: str


def fetch(address: str) -> Fetched:
    """The feed at an address. Raises the subclasses of FeedRefused.

    Takes up to a quarter of a minute. Refuses to run inside a transaction, which would wait for
    another machine (RuntimeError).
    """
    if in_transaction():
        raise RuntimeError("Another machine is asked: fetch outside any transaction.")
    for _hop in range(MOST_HOPS):
        parts = _checked(address)
        host = parts.hostname or ""
        answer = _ask(parts, _public_number(host))
        if answer.status in (301, 302, 303, 307, 308) and answer.location:
            address = urljoin(address, answer.location)
            continue
        if answer.status != 200:
            raise refusals.AnsweredOtherwise(host=host, status=answer.status)
        return Fetched(address, answer.content, answer.content_type)
    raise refusals.TooManyRedirects


def _checked(address: str) -> SplitResult:
    """The address in its parts: https, a name, the usual port, nobody's password."""
    try:
        parts = urlsplit(address)
        port = parts.port
        name = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        raise refusals.NotHttps from None
    is_plain = address.isprintable() and " " not in address and len(address) <= LONGEST_ADDRESS
    if parts.scheme != "https" or not name or not is_plain or "@" in parts.netloc:
        raise refusals.NotHttps
    if port not in (None, 443):
        raise refusals.NotHttps
    return parts._replace(netloc=name)


def _public_number(host: str) -> str:
    """One of the numbers that the name stands for, all of which are public."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise refusals.UnknownHost(host=host) from None
    numbers = [str(entry[4][0]) for entry in found]
    if not numbers or not all(is_public(number) for number in numbers):
        raise refusals.NotPublic(host=host)
    return numbers[0]


class _Connection(http.client.HTTPSConnection):
    """A connection to a number, with the name for the certificate."""

    def __init__(self, host: str, number: str) -> None:
        self.context = ssl.create_default_context()
        super().__init__(host, 443, timeout=PATIENCE, context=self.context)
        self.number = number
        # Kept here as well: http.client lets go of its own as soon as an answer begins.
        self.line: socket.socket | None = None
        self.is_late = False

    def connect(self) -> None:
        plain = socket.create_connection((self.number, 443), PATIENCE)
        secure = self.context.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.line = self.sock = secure
        secure.do_handshake()

    def hang_up(self) -> None:
        self.is_late = True
        with contextlib.suppress(OSError):
            if self.line is not None:
                # Of the line itself: that of TLS would take its state away from who reads.
                socket.socket.shutdown(self.line, socket.SHUT_RDWR)


def _ask(parts: SplitResult, number: str) -> _Answer:
    """One question and its answer, no longer than the limits."""
    host = parts.hostname or ""
    connection = _Connection(host, number)
    # A side that sends a byte now and then never lets a single wait run out.
    patience = threading.Timer(ALL_PATIENCE, connection.hang_up)
    patience.daemon = True
    patience.start()
    try:
        target = iri_to_uri((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        connection.request("GET", target, headers=_HEADERS)
        answer = _read(connection.getresponse(), host)
        if connection.is_late:
            raise refusals.NoAnswer(host=host)  # what came till then is not the whole
        return answer
    except (OSError, http.client.HTTPException):
        raise refusals.NoAnswer(host=host) from None
    finally:
        patience.cancel()
        connection.close()


_HEADERS = {
    "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8",
    "Accept-Encoding": "identity",
    "User-Agent": "OpenLMIS-Foundation-portal (import of news)",
}


def _read(response: http.client.HTTPResponse, host: str) -> _Answer:
    content = b""
    if response.status == 200:
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise refusals.NotAFeed
        content = response.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise refusals.FeedTooLarge(most=MOST_BYTES // MEGABYTE)
        if response.length:
            raise refusals.NoAnswer(host=host)  # it said that there would be more
    return _Answer(
        response.status,
        content,
        response.getheader("Content-Type", ""),
        response.getheader("Location", ""),
    )
