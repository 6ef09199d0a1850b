"""The program: flags, the HTTP server, and a small page that says what is going on."""

import argparse
import json
import os
import signal
import socket
import sqlite3
import struct
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox import api, chaos, checkout_page, control, history, hosted, portal_page
from sandbox.payments import Sandbox, Settings
from sandbox.store import Store
from sandbox.web import Asked, Reply, bill, json_reply, page, table, tag
from sandbox.webhooks import DUE, Worker

LARGEST_BODY = 1_000_000
# The pages for people: the start of their address, the kind of session, what takes a visit.
HOSTED = {
    "/c/pay/": ("checkout.session", checkout_page.turn),
    "/p/session/": ("billing_portal.session", portal_page.turn),
}
STYLE = files("sandbox").joinpath("checkout.css").read_bytes()


class Handler(BaseHTTPRequestHandler):
    """Hands /v1/ to the API and the rest to the pages. Logs no requests: cards pass here."""

    protocol_version = "HTTP/1.1"
    server_version = "StripeSandbox"
    sys_version = ""
    timeout = 60
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True
    sandbox: Sandbox  # given by the class that serve() makes

    def do_GET(self) -> None:
        self.answer(b"")

    do_HEAD = do_DELETE = do_GET

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self.reply(Reply(413 if length else 411, headers={"Connection": "close"}))
            return
        self.answer(self.rfile.read(int(length)))

    def answer(self, body: bytes) -> None:
        try:
            self.route(body)
        except ConnectionError:
            self.close_connection = True  # the other side has gone
        except Exception:
            traceback.print_exc()
            self.close_connection = True
            failed = b"The sandbox failed; its log says why.\n"
            self.reply(Reply(500, failed, {"Connection": "close"}))

    def route(self, body: bytes) -> None:
        asked = Asked(self.command, self.path, self.headers, body)
        if asked.path.startswith("/v1/"):
            self.call_api(asked)
        else:
            self.reply(_page(self.sandbox, asked))

    def call_api(self, asked: Asked) -> None:
        with self.sandbox.store.transaction():
            fault = chaos.take_fault(self.sandbox.store, asked.method, asked.path)
        if fault.cuts and not fault.comes_after:
            self.cut(fault)
            return
        answer = api.handle(self.sandbox, asked, fault)
        if fault.cuts:
            self.cut(fault)
        else:
            self.reply(answer)

    def cut(self, fault: chaos.Fault) -> None:
        """End the connection without an answer, after letting the caller wait."""
        self.close_connection = True
        time.sleep(fault.seconds)
        if fault.resets:
            # Closed so, the kernel sends a reset in place of an orderly end.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())

    def reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: what goes wrong is written where it goes wrong."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _page(sandbox: Sandbox, asked: Asked) -> Reply:
    """What is there beside the API."""
    path = asked.path
    if path == "/control" or path.startswith("/control/"):
        return control.handle(sandbox, asked)
    for start, (kind, turn) in HOSTED.items():
        if path.startswith(start):
            return hosted.answer(sandbox, kind, path.removeprefix(start), asked, turn)
    if asked.method == "POST":
        return Reply(404)
    if path == "/checkout.css":
        cached = {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=60"}
        return Reply(200, STYLE, cached)
    if path == "/healthz":
        return json_reply(200, {"status": "ok"})
    if path == "/":
        return _overview(sandbox)
    return Reply(404, b"Not found\n", {"Content-Type": "text/plain; charset=utf-8"})


def _overview(sandbox: Sandbox) -> Reply:
    kinds = {"Checkout sessions": "checkout.session", "Charges": "charge", "Events": "event"}
    with sandbox.store.transaction():
        counts = [(label, str(sandbox.store.count(kind))) for label, kind in kinds.items()]
        waiting = [
            (sandbox.known(work.object)["type"], str(work.attempts), work.error)
            for kind in ("deliver", "held webhook")
            for work in sandbox.store.waiting_work(kind, 20)
        ]
    target = tag("strong", sandbox.settings.webhook_url or "nowhere (no --webhook-url)")
    queue = table(("Event", "Attempts", "Last answer"), waiting)
    about = (
        "The portal talks to this program as it would talk to Stripe. People come here only to "
        "pay, on a page that the portal sends them to. Webhooks go to "
    )
    control_link = tag("a", "Control", href="/control")
    return page(
        "A stand-in for Stripe",
        tag("h1", "A stand-in for Stripe"),
        tag("p", about, target, "."),
        bill(counts),
        tag("p", control_link, ": refunds, disputes, payouts, and faults on demand."),
        tag("h2", "Webhooks that wait"),
        queue if waiting else tag("p", "Every webhook has been delivered."),
        hosted.table_of_cards("en"),
        kind="wide",
    )


def _refusal(arguments: argparse.Namespace, environment: dict[str, str]) -> str:
    """Why the sandbox will not start with these settings; empty when it will."""
    if environment.get("PORTAL_MODE") == "production":
        return "PORTAL_MODE is production: the sandbox does not run there. Use Stripe's own API."
    if not environment.get("SANDBOX_SECRET_KEY", "").startswith("sk_test_"):
        return "SANDBOX_SECRET_KEY must be set and start with sk_test_."
    if not environment.get("SANDBOX_WEBHOOK_SECRET", "").startswith("whsec_"):
        return "SANDBOX_WEBHOOK_SECRET must be set and start with whsec_."
    target = urlsplit(arguments.webhook_url)
    if arguments.webhook_url and (target.scheme not in ("http", "https") or not target.hostname):
        return "--webhook-url must be an http or https address."
    return ""


FLAGS: tuple[tuple[str, type, Any, str], ...] = (
    ("--host", str, "127.0.0.1", "where to listen"),
    ("--port", int, 12111, "0 takes any free port"),
    ("--webhook-url", str, "", "where events are posted"),
    ("--history", str, "", "JSON file of card payments from before: see sandbox/history.py"),
    ("--public-url", str, "", "how browsers reach this program, if not by host and port"),
    (
        "--settle-after",
        float,
        1.0,
        "seconds until a charge has its balance transaction; 0: at once",
    ),
    ("--debit-after", float, 5.0, "seconds until a bank answers to a debit, in place of days"),
    (
        *("--step-after", float, 2.0),
        "seconds until a card's dispute opens, a refund or a payout goes its next step",
    ),
)


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A stand-in for Stripe in which no money moves."
    )
    parser.add_argument("--state", type=Path, required=True, help="SQLite file, made if missing")
    for name, kind, default, help_ in FLAGS:
        parser.add_argument(name, type=kind, default=default, help=help_)
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code; 2 when it refuses to start."""
    arguments = _arguments(given)
    refusal = _refusal(arguments, dict(os.environ))
    if refusal:
        return _will_not(refusal)
    try:
        store = Store(arguments.state)
    except (OSError, sqlite3.Error) as error:
        return _will_not(f"cannot use {arguments.state}: {error}")
    host = arguments.host
    try:
        server = Server((host, arguments.port), type("BoundHandler", (Handler,), {}))
    except OSError as error:
        return _will_not(f"cannot listen at {host}:{arguments.port}: {error.strerror}")
    settings = Settings(
        secret_key=os.environ["SANDBOX_SECRET_KEY"],
        webhook_secret=os.environ["SANDBOX_WEBHOOK_SECRET"],
        webhook_url=arguments.webhook_url,
        base_url=arguments.public_url.rstrip("/") or f"http://{host}:{server.server_port}",
        settle_after=arguments.settle_after,
        debit_after=arguments.debit_after,
        step_after=arguments.step_after,
    )
    sandbox = Sandbox(store, settings)
    if arguments.history:
        try:
            history.take_in(sandbox, Path(arguments.history))
        except (OSError, ValueError, KeyError, TypeError) as error:
            return _will_not(f"cannot use {arguments.history}: {error!r}")
    serve(server, sandbox)
    return 0


def _will_not(why: str) -> int:
    sys.stderr.write(f"sandbox: {why}\n")
    return 2


def serve(server: ThreadingHTTPServer, sandbox: Sandbox) -> None:
    server.RequestHandlerClass.sandbox = sandbox  # type: ignore[attr-defined]
    workers = [Worker(sandbox, ("deliver",)), Worker(sandbox, tuple(DUE))]

    def stop(*_: object) -> None:
        # shutdown() waits for the loop that this signal interrupted, so it needs its own thread.
        threading.Thread(target=server.shutdown).start()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    for worker in workers:
        worker.start()
    sys.stdout.write(json.dumps({"sandbox": sandbox.settings.base_url}) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.join(timeout=2)
    server.server_close()
    sandbox.store.close()
