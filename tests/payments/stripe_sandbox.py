"""The sandbox as the tests' Stripe: a process of its own, spoken to over real HTTP."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.test import Client

from core.jobs.testing import run_pending_jobs
from funding.payments.checkout import begin_checkout
from funding.payments.models import Payment
from funding.payments.stripe_client import client
from tests.factories.payments import signature

ROOT = Path(__file__).resolve().parents[2]
GOOD, DECLINED, NO_FUNDS = "4242424242424242", "4000000000000002", "4000000000009995"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_browser = urllib.request.build_opener(_NoRedirect)


class Sandbox:
    """A running sandbox, and a person at its checkout page."""

    def __init__(self, url: str) -> None:
        self.url = url

    def pay(self, address: str, card: str = GOOD, **typed: str) -> tuple[int, str]:
        """Type a card on the checkout page; the answer's status and where it sends the payer.

        A bank debit: `pay(address, "", method="sepa_debit", iban=…)`. Where the card's bank asks
        first, the payer is sent to /c/pay/…; `answer_bank` answers there.
        """
        person = {"email": "ada@example.org", "name": "Ada Payer"}
        return self._send(
            address, person | {"number": card, "expiry": "12/50", "cvc": "123"} | typed
        )

    def answer_bank(self, address: str, answer: str = "confirm") -> tuple[int, str]:
        """Answer the card's bank (3-D Secure) at the same address: `confirm` or `refuse`."""
        return self._send(address, {"answer": answer})

    def _send(self, address: str, typed: dict[str, str]) -> tuple[int, str]:
        body = urllib.parse.urlencode(typed).encode()
        try:
            with _browser.open(address, body, timeout=10) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Location") or ""

    def control(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Do something at the sandbox's control, as `control("open_dispute", charge=…)`.

        The verbs are in sandbox/README.md. A refusal raises urllib's HTTPError.
        """
        request = urllib.request.Request(
            f"{self.url}/control/api/{verb}",
            json.dumps(fields).encode(),
            {"Authorization": f"Bearer {django_settings.STRIPE_SECRET_KEY}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def events(self, payment: Payment) -> list[dict[str, Any]]:
        """The events about one payment, oldest first."""
        listed = client().v1.events.list({"limit": 100})
        events = [event.to_dict(for_json=True) for event in listed.auto_paging_iter()]
        ours = str(payment.public_id)
        return [
            event
            for event in reversed(events)
            if (event["data"]["object"].get("metadata") or {}).get("payment") == ours
        ]

    def events_about(self, key: str) -> list[dict[str, Any]]:
        """The events about one object, or about what belongs to one charge, oldest first."""
        listed = client().v1.events.list({"limit": 100})
        events = [event.to_dict(for_json=True) for event in listed.auto_paging_iter()]
        return [
            event
            for event in reversed(events)
            if key in (event["data"]["object"]["id"], event["data"]["object"].get("charge"))
        ]

    def deliver(self, *events: dict[str, Any]) -> None:
        """Post events to the webhook as the sandbox would, and let the jobs run."""
        for event in events:
            body = json.dumps(event, indent=2).encode()
            response = Client().post(
                "/payments/stripe/webhook/",
                body,
                content_type="application/json; charset=utf-8",
                headers={"Stripe-Signature": signature(body)},
            )
            assert response.status_code == 200, response.content
        run_pending_jobs()

    def pay_and_deliver(self, payment: Payment, card: str = GOOD) -> None:
        self.pay(begin_checkout(payment), card)
        self.deliver(*self.events(payment))
        payment.refresh_from_db()


@contextlib.contextmanager
def running_sandbox(state: Path, *flags: str) -> Iterator[Sandbox]:
    environment = os.environ | {
        "SANDBOX_SECRET_KEY": django_settings.STRIPE_SECRET_KEY,
        "SANDBOX_WEBHOOK_SECRET": django_settings.STRIPE_WEBHOOK_SECRETS[0],
    }
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--state", str(state), *flags]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Sandbox(json.loads(process.stdout.readline())["sandbox"])
        finally:
            process.terminate()
            process.wait(timeout=10)
