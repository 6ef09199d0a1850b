"""The sandbox's clock: signed webhooks with retries, and what else is due at a time.

The queue is a table, so nothing waiting is lost by a crash. Nothing is held locked while the
receiver answers: it may call the API back.
"""

import hashlib
import hmac
import http.client
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

from sandbox import aftermath, billing, checkout, payments, payouts
from sandbox.errors import Json
from sandbox.payments import Sandbox
from sandbox.store import Work

PATIENCE = 10.0
LONGEST_WAIT = 60.0
GIVE_UP_AFTER = 3 * 86_400
# What time brings, by kind of work: each takes the sandbox and the id of the object it is about.
DUE: dict[str, Callable[[Sandbox, str], None]] = {
    "settle": payments.settle,
    "expire": payments.expire_if_open,
    "debit": checkout.finish_debit,
    "renew": billing.renew_if_due,
    "advance": billing.advance,
    "dispute": aftermath.step_dispute,
    "refund": aftermath.step_refund,
    "payout": payouts.step,
}


def signature_header(body: bytes, secret: str, moment: int) -> str:
    """Stripe's scheme: an HMAC over the time stamp, a full stop and the raw body."""
    signed = str(moment).encode() + b"." + body
    return f"t={moment},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def send(sandbox: Sandbox, event: Json, fault: str = "") -> str:
    """Post an event once. Returns an empty string for a 2xx answer, else what went wrong.

    `fault` (`wrong_signature`, `stale`, `truncated`) spoils it as a forger, a replay or a broken line would.
    """
    body = json.dumps(event | {"pending_webhooks": 1}, indent=2).encode()
    secret = sandbox.settings.webhook_secret + ("x" if fault == "wrong_signature" else "")
    moment = int(time.time()) - (86_400 if fault == "stale" else 0)
    signature = signature_header(body, secret, moment)
    if fault == "truncated":
        body = body[: len(body) // 2]
    target = urlsplit(sandbox.settings.webhook_url)
    secure = target.scheme == "https"
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(
        target.hostname or "", target.port, timeout=PATIENCE
    )
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://docs.stripe.com/webhooks; sandbox)",
        "Stripe-Signature": signature,
    }
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or f"{type(error).__name__} {error}"
    finally:
        connection.close()
    return "" if 200 <= status < 300 else f"answered {status}"


def deliver(sandbox: Sandbox, work: Work) -> None:
    """Send one event; after a failure try again in 1, 2, 4, 8 … seconds, at most a minute."""
    with sandbox.store.transaction():
        event = sandbox.store.get(work.object)
    error = send(sandbox, event) if event is not None else ""
    with sandbox.store.transaction():
        if event is None or not error or time.time() > event["created"] + GIVE_UP_AFTER:
            sandbox.store.finish_work(work)
            return
        wait = min(2.0 ** min(work.attempts, 10), LONGEST_WAIT)
        sandbox.store.postpone_work(work, time.time() + wait, error)
    if work.attempts == 0:
        sys.stderr.write(f"webhook {event['type']} {event['id']}: {error}; will try again\n")


def keep_time(sandbox: Sandbox, work: Work) -> None:
    """Do what is due at this time to one object, such as settling a charge."""
    with sandbox.store.transaction():
        sandbox.store.finish_work(work)
        DUE[work.kind](sandbox, work.object)


class Worker(threading.Thread):
    """Does the due work of its kinds, one after the other, until stopped."""

    def __init__(self, sandbox: Sandbox, kinds: tuple[str, ...]) -> None:
        super().__init__(name="-".join(kinds), daemon=True)
        self.sandbox = sandbox
        self.kinds = kinds
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.step()
            except Exception:
                # One bad piece of work must not end the thread that does all the others.
                traceback.print_exc()
                self.stopping.wait(1)

    def step(self) -> None:
        store = self.sandbox.store
        with store.work_waits:
            with store.transaction():
                work = store.next_work(self.kinds)
            wait = work.due - time.time() if work else LONGEST_WAIT
            if work is None or wait > 0:
                store.work_waits.wait(min(wait, 1.0))
                return
        if self.stopping.is_set():
            return
        deliver(self.sandbox, work) if work.kind == "deliver" else keep_time(self.sandbox, work)

    def stop(self) -> None:
        self.stopping.set()
        with self.sandbox.store.work_waits:
            self.sandbox.store.work_waits.notify_all()
