"""What may enter the inbox: a signed, fresh, well-formed event."""

import json
import time
from dataclasses import dataclass
from typing import Any

import stripe

LARGEST_BODY = 256 * 1024
TOLERANCE = 300  # seconds, into the past and into the future


class Forged(Exception):
    """The signature, or its time, does not hold."""


class NotAnEvent(Exception):
    """The body is signed, but it is no event of Stripe's API."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """The parts of an event that the inbox keeps beside its text."""

    id: str
    type: str
    created: int
    body: str


def verify(body: bytes, header: str, secrets: list[str]) -> None:
    """Raise Forged unless one of ``secrets`` signed the raw ``body`` within the tolerance.

    Several secrets stand while one is replaced by another. The library alone would take one
    secret, accept times in the future, and raise other errors on bytes that are no UTF-8.
    """
    try:
        text = body.decode("utf-8")
        header.encode("ascii")
        timestamp = int(next(part[2:] for part in header.split(",") if part.startswith("t=")))
        if len(str(timestamp)) > 15:
            raise ValueError("No time is that long.")
    except (UnicodeError, ValueError, StopIteration) as error:
        raise Forged("The body or its signature cannot be read.") from error
    if abs(time.time() - timestamp) > TOLERANCE:
        raise Forged("The signature is too old or from the future.")
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(text, header, secret, TOLERANCE)
        except stripe.SignatureVerificationError:
            continue
        return
    raise Forged("No known secret made this signature.")


def read(body: bytes) -> ReceivedEvent:
    """The event in a verified body. Raises NotAnEvent."""
    try:
        text = body.decode("utf-8")
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAnEvent("The body is not JSON.") from error
    return of_mapping(event, text)


def of_mapping(event: Any, text: str) -> ReceivedEvent:
    """The event in decoded JSON, with ``text`` as its body. Raises NotAnEvent."""
    if not isinstance(event, dict) or event.get("object") != "event":
        raise NotAnEvent("The body is not an event.")
    key, kind, created = event.get("id"), event.get("type"), event.get("created")
    data = event.get("data")
    if (
        not isinstance(key, str)
        or not 5 <= len(key) <= 255
        or not isinstance(kind, str)
        or not 1 <= len(kind) <= 100
        or type(created) is not int
        or not 0 <= created < 2**33
        or not isinstance(data, dict)
        or not isinstance(data.get("object"), dict)
        or "\0" in key + kind
    ):
        raise NotAnEvent("The event lacks its id, type, time or object.")
    return ReceivedEvent(id=key, type=kind, created=created, body=text)
