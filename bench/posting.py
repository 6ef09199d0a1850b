"""A client that posts to the web server as fast as it answers.

    python -m bench.posting             answer orders (`bench.pacing`)

Over one kept connection per thread, with requests made beforehand and answers read no further than
needed: what is measured is the server, not the client.
"""

import json
import secrets
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import stripe

from bench.pacing import Order, serve

BATCH = 50  # bodies made and signed at a time; their making is not in the measured seconds
PADDING = "x" * 2_000  # an event of a checkout session has some 3 KB


def _event() -> bytes:
    """An event that Stripe might send; of a type that is kept and ignored, so no job calls Stripe."""
    key = secrets.token_hex(12)
    body = {
        "id": f"evt_{key}",
        "object": "event",
        "api_version": stripe.api_version,
        "created": int(time.time()),
        "data": {"object": {"id": f"cus_{key}", "object": "customer", "description": PADDING}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "customer.updated",
    }
    return json.dumps(body, indent=2).encode()


def _request(path: str, host: str, body: bytes, signed_with: str) -> bytes:
    signature = stripe.WebhookSignature.generate_signature_header(body.decode(), signed_with)
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Stripe-Signature: {signature}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


class Poster(threading.Thread):
    """One connection: post until the time is over; ``done`` answers, ``spent`` seconds waiting."""

    def __init__(self, address: str, secret: str, start: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self.target = urlsplit(address)
        self.secret = secret
        self.start_at = start
        self.seconds = seconds
        self.done = 0
        self.spent = 0.0
        self.failure = ""

    def run(self) -> None:
        try:
            self._post()
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"

    def _post(self) -> None:
        host, port = self.target.hostname or "", self.target.port or 80
        time.sleep(max(0.0, self.start_at - time.monotonic()))
        with socket.create_connection((host, port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = connection.makefile("rb")
            while self.spent < self.seconds:
                requests = [
                    _request(self.target.path, f"{host}:{port}", _event(), self.secret)
                    for _ in range(BATCH)
                ]
                begin = time.monotonic()
                for request in requests:
                    connection.sendall(request)
                    self._read(answers)
                self.done += len(requests)
                self.spent += time.monotonic() - begin

    def _read(self, answers: Any) -> None:
        status = answers.readline().split()
        length = 0
        while (line := answers.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answers.read(length)
        if status[1] != b"200":
            raise RuntimeError(f"answered {status[1].decode()}")


def post(order: Order) -> dict[str, Any]:
    """Post signed events to ``address`` with ``threads`` connections, to the peer just the same."""
    posters = [
        Poster(order["address"], order["secret"], order["start"], order["seconds"])
        for _ in range(order["threads"])
    ]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    if failures := {poster.failure for poster in posters if poster.failure}:
        raise RuntimeError("; ".join(failures))
    return {"rate": sum(poster.done / poster.spent for poster in posters)}


if __name__ == "__main__":
    serve({"post": post})
