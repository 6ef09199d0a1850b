"""The sandbox as a real process, and a receiver for its webhooks, for tests."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import stripe

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
SECRET_KEY = "sk_test_51SandboxTests"
WEBHOOK_SECRET = "whsec_sandbox_tests"
GOOD = {
    "email": "amina@example.org",
    "name": "Amina Banda",
    "number": "4242 4242 4242 4242",
    "expiry": "12/40",
    "cvc": "123",
}


def environment(**changes: str) -> dict[str, str]:
    ours = {"SANDBOX_SECRET_KEY": SECRET_KEY, "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET}
    return {**os.environ, "PORTAL_MODE": "test", **ours, **changes}


def wait_for(look: Callable[[], T], seconds: float = 10) -> T:
    """Look until what is seen is true; fail after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if seen := look():
            return seen
        time.sleep(0.02)
    raise AssertionError("it did not come to pass in time")


class Running:
    """One sandbox process. `kill` is kill -9; `start` starts it again at the same port."""

    def __init__(self, state: Path, webhook_url: str = "", *flags: str) -> None:
        self.flags = ["--state", str(state), "--webhook-url", webhook_url, *flags]
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox", "--port", str(self.port), *self.flags]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["sandbox"]
        self.port = urlsplit(self.url).port or 0
        self.client = stripe.StripeClient(
            SECRET_KEY, base_addresses={"api": self.url}, max_network_retries=0
        )

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def stop(self) -> int:
        self.process.terminate()
        return self.end()

    def end(self) -> int:
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def request(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body.encode() or None, headers or {})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def json(self, path: str) -> dict[str, Any]:
        response, text = self.request(
            "GET", path, headers={"Authorization": f"Bearer {SECRET_KEY}"}
        )
        assert response.status == 200, text
        return json.loads(text)

    def session(self, amount: int = 5000, currency: str = "usd", **more: Any) -> Any:
        price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "A gift"}}
        options = more.pop("options", {})
        return self.client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "success_url": "http://portal.test/thanks?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://portal.test/back",
                "line_items": [{"price_data": price, "quantity": 1}],
                **more,
            },
            options,
        )

    def subscription_session(self, amount: int = 5000, currency: str = "usd", **more: Any) -> Any:
        """A checkout session that subscribes, every month if nothing else is said."""
        price = {
            "currency": currency,
            "product_data": {"name": "A monthly gift"},
            "recurring": more.pop("recurring", {"interval": "month"}),
            "unit_amount": amount,
        }
        items = [{"price_data": price, "quantity": 1}]
        return self.session(mode="subscription", line_items=items, **more)

    def subscribe(self, amount: int = 5000, currency: str = "usd", **more: Any) -> Any:
        """Subscribe on the hosted page, by default with a good card. Returns the subscription."""
        typed = more.pop("typed", {})
        session = self.subscription_session(amount, currency, **more)
        response, page = self.pay(session, **typed)
        assert response.status == 303, page
        if response.headers["Location"].startswith("/c/pay/"):
            self.answer_bank(session)
        key = self.client.v1.checkout.sessions.retrieve(session.id).subscription
        return self.client.v1.subscriptions.retrieve(str(key))

    def answer_bank(self, session: Any, answer: str = "confirm") -> tuple[HTTPResponse, str]:
        """Press a button on the page that stands for a bank's own (3-D Secure)."""
        return self.request("POST", f"/c/pay/{session.id}", urlencode({"answer": answer}))

    def pay(self, session: Any, **typed: str) -> tuple[HTTPResponse, str]:
        return self.request("POST", f"/c/pay/{session.id}", urlencode(GOOD | typed))

    def control(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Do something at the control. A refusal fails the test."""
        response, text = self.try_control(verb, **fields)
        assert response.status == 200, text
        return json.loads(text)

    def try_control(self, verb: str, **fields: Any) -> tuple[HTTPResponse, str]:
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        return self.request("POST", f"/control/api/{verb}", json.dumps(fields), headers)

    def charge(self, amount: int = 5000, currency: str = "usd", **typed: str) -> Any:
        """Pay on the hosted page, by default with a good card. Returns the charge."""
        session = self.session(amount, currency)
        self.pay(session, **typed)
        intent = self.client.v1.checkout.sessions.retrieve(session.id).payment_intent
        return self.client.v1.charges.list({"payment_intent": str(intent)}).data[0]

    def event_types(self) -> list[str]:
        """Oldest first."""
        events = self.client.v1.events.list({"limit": 100})
        return [event.type for event in reversed(events.data)]


@dataclass
class Receiver:
    """Stands where the portal's webhook view stands. Answers with `answers`, then 200."""

    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 200:
                    receiver.received.append((dict(self.headers), body, time.monotonic()))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/?from=sandbox"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def types(self) -> dict[str, str]:
        """The types of the events that were taken, by the event's id."""
        events = [json.loads(body) for _, body, _ in self.received]
        return {event["id"]: event["type"] for event in events}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def heading(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html)
    assert found
    return found[1].replace("\u00a0", " ")
