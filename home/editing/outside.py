"""Asks another site whether an address of it still works, and nothing else.

What is asked for was written by people, so it is held short: http and https, the usual ports,
never an address of a private network (also not one that a public name or a redirect leads to),
little time, no body read.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from core.network import is_public
from home.models import LinkedAddress

State = LinkedAddress.State
Reason = LinkedAddress.Reason

PORTS = {"http": 80, "https": 443}
SECONDS = 10.0
SECONDS_IN_ALL = 20.0
REDIRECTS = 5
GONE = {404, 410}
# Answers to a program that a browser does not get.
REFUSED = {400, 401, 403, 405, 406, 418, 429, 451, 999}
# Servers that know no HEAD say one of these; a GET tells more.
TRY_GET = {400, 403, 404, 405, 406, 410, 500, 501, 503}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found at an address, why, and the server's answer where there was one."""

    state: LinkedAddress.State
    reason: LinkedAddress.Reason = Reason.NONE
    answer: int | None = None


class _Left(Exception):
    """An address that is not asked at all."""

    def __init__(self, reason: LinkedAddress.Reason) -> None:
        self.reason = reason


def look(address: str) -> Outcome:
    """Ask once, following redirects. Never raises; blocks for some twenty seconds at most."""
    until = time.monotonic() + SECONDS_IN_ALL
    try:
        for _hop in range(REDIRECTS + 1):
            status, onward = _ask(address, until)
            if not onward:
                return _judged(status)
            address = urljoin(address, onward)
        return Outcome(State.BROKEN, Reason.REDIRECTS)
    except _Left as left:
        return Outcome(State.LEFT, left.reason)
    except ssl.SSLCertVerificationError:
        return Outcome(State.BROKEN, Reason.CERTIFICATE)
    except socket.gaierror as error:
        is_unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        return Outcome(*((State.BROKEN, Reason.NO_HOST) if is_unknown else _SLOW))
    except (OSError, http.client.HTTPException):
        return Outcome(*_SLOW)
    except (ValueError, UnicodeError):
        return Outcome(State.LEFT, Reason.ODD)


_SLOW = (State.SILENT, Reason.TIMEOUT)


def _judged(status: int) -> Outcome:
    if status in GONE:
        return Outcome(State.BROKEN, Reason.GONE, status)
    if status in REFUSED:
        return Outcome(State.WORKS, Reason.REFUSED, status)
    if status >= 400:
        return Outcome(State.SILENT, Reason.ERROR, status)
    return Outcome(State.WORKS, answer=status)


def _ask(address: str, until: float) -> tuple[int, str]:
    """The answer's number, and where it leads on to (or nothing)."""
    status, onward = _request("HEAD", address, until)
    if status in TRY_GET:
        status, onward = _request("GET", address, until)
    return status, onward if 300 <= status < 400 else ""


def _request(method: str, address: str, until: float) -> tuple[int, str]:
    parts = urlsplit(address)
    host = parts.hostname
    if parts.scheme not in PORTS or not host or parts.username or parts.password:
        raise _Left(Reason.ODD)
    if (parts.port or PORTS[parts.scheme]) not in PORTS.values():
        raise _Left(Reason.ODD)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(_connection(parts.scheme, host, parts.port, until)) as connection:
        # The path may hold signs that only browsers write out.
        line = connection.sock
        # Each wait is limited; an answer that comes drop by drop would never end.
        ending = threading.Timer(max(0.0, until - time.monotonic()), _hang_up, [line])
        ending.daemon = True
        ending.start()
        try:
            connection.request(method, _quoted(target), headers=_headers())
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", "")
        finally:
            ending.cancel()


def _hang_up(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Of the line itself: that of TLS would take its state away from who reads.
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def _headers() -> dict[str, str]:
    return {
        "User-Agent": f"OpenLMIS-Foundation-link-check (+{settings.SITE_URL}/)",
        "Accept": "*/*",
        "Connection": "close",
    }


def _quoted(target: str) -> str:
    from django.utils.encoding import iri_to_uri

    return iri_to_uri(target)


def _connection(
    scheme: str, host: str, port: int | None, until: float
) -> http.client.HTTPConnection:
    """A connection to the very address that was looked at: the name is not asked a second time."""
    ascii_host = host.encode("idna").decode() if not host.isascii() else host
    number = port or PORTS[scheme]
    seconds = min(SECONDS, until - time.monotonic())
    if seconds <= 0:
        raise TimeoutError
    ip = next(_public_addresses(ascii_host, number))
    raw = socket.create_connection((ip, number), timeout=seconds)
    connection = http.client.HTTPConnection(ascii_host, number, timeout=seconds)
    try:
        connection.sock = (
            ssl.create_default_context().wrap_socket(raw, server_hostname=ascii_host)
            if scheme == "https"
            else raw
        )
    except BaseException:
        raw.close()
        raise
    return connection


def _public_addresses(host: str, port: int) -> Iterator[str]:
    """The addresses of a host. Raises _Left where any of them is not one of the public network."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(is_public(text) for text in found):
        raise _Left(Reason.PRIVATE)
    return iter(found)
