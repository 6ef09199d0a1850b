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
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox import api, chaos, checkout_page, control, portal_page
from sandbox.payments import Sandbox, Settings
from sandbox.store import Store
from sandbox.webhooks import DUE, Worker

LARGEST_BODY = 1_000_000
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


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
            self.reply(411 if not length else 413, b"", {"Connection": "close"})
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
            self.reply(500, b"The sandbox failed; its log says why.\n", {"Connection": "close"})

    def route(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/v1/"):
            self.call_api(path, body)
        elif path == "/control" or path.startswith("/control/"):
            asked = control.Asked(self.command, path, self.headers, body)
            answer = control.handle(self.sandbox, asked)
            self.reply(answer.status, answer.body, answer.headers)
        elif path.startswith("/c/pay/"):
            self.hosted(checkout_page, path.removeprefix("/c/pay/"), body)
        elif path.startswith("/p/session/"):
            self.hosted(portal_page, path.removeprefix("/p/session/"), body)
        elif self.command == "POST":
            self.reply(404, b"", {})
        elif path == "/checkout.css":
            cached = {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=60"}
            self.reply(200, checkout_page.STYLE, cached)
        elif path == "/healthz":
            self.reply(200, b'{"status": "ok"}', {"Content-Type": "application/json"})
        elif path == "/":
            self.reply(200, _overview(self.sandbox).encode(), PAGE_HEADERS)
        else:
            self.reply(404, b"Not found\n", {"Content-Type": "text/plain; charset=utf-8"})

    def call_api(self, path: str, body: bytes) -> None:
        with self.sandbox.store.transaction():
            fault = chaos.take_fault(self.sandbox.store, self.command, path)
        if fault.cuts and not fault.comes_after:
            self.cut(fault)
            return
        asked = api.Asked(self.command, self.path, self.headers, body)
        answer = api.handle(self.sandbox, asked, fault)
        if fault.cuts:
            self.cut(fault)
        else:
            self.reply(answer.status, answer.body, answer.headers)

    def cut(self, fault: chaos.Fault) -> None:
        """End the connection without an answer, after letting the caller wait."""
        self.close_connection = True
        time.sleep(fault.seconds)
        if fault.resets:
            # Closed so, the kernel sends a reset in place of an orderly end.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())

    def hosted(self, pages: Any, session_id: str, body: bytes) -> None:
        """A page for people: `pages` is the module that shows it and takes its forms."""
        language = self.headers.get("Accept-Language", "")
        if self.command == "POST":
            page = pages.submit(self.sandbox, session_id, body, language)
        else:
            page = pages.show(self.sandbox, session_id, language)
        location = {"Location": page.location} if page.location else {}
        self.reply(page.status, page.html.encode(), PAGE_HEADERS | location)

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: what goes wrong is written where it goes wrong."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _overview(sandbox: Sandbox) -> str:
    with sandbox.store.transaction():
        counts = [
            (label, sandbox.store.count(kind))
            for label, kind in (
                ("Checkout sessions", "checkout.session"),
                ("Charges", "charge"),
                ("Events", "event"),
            )
        ]
        waiting = [
            (sandbox.store.get(work.object) or {}, work)
            for kind in ("deliver", "held webhook")
            for work in sandbox.store.waiting_work(kind, 20)
        ]
    target = sandbox.settings.webhook_url or "nowhere (no --webhook-url)"
    rows = "".join(
        f"<tr><td>{escape(event.get('type', ''))}<td>{work.attempts}<td>{escape(work.error)}"
        for event, work in waiting
    )
    queue = (
        "<table><thead><tr><th scope=col>Event<th scope=col>Attempts<th scope=col>Last answer"
        f"<tbody>{rows}</table>"
        if rows
        else "<p>Every webhook has been delivered.</p>"
    )
    numbers = "".join(f"<li><span>{label}</span> <b>{count}</b></li>" for label, count in counts)
    return checkout_page.document(
        "A stand-in for Stripe",
        f"""<h1>A stand-in for Stripe</h1>
<p>The portal talks to this program as it would talk to Stripe. People come here only to pay, on a
page that the portal sends them to. Webhooks go to <strong>{escape(target)}</strong>.</p>
<ul class="bill">{numbers}</ul>
<p><a href="/control">Control</a>: refunds, disputes, payouts, and faults on demand.</p>
<h2>Webhooks that wait</h2>
{queue}
{checkout_page.table_of_cards("en")}""",
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


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A stand-in for Stripe in which no money moves."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111, help="0 takes any free port")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file, made if missing")
    parser.add_argument("--webhook-url", default="", help="where events are posted")
    parser.add_argument(
        "--public-url", default="", help="how browsers reach this program, if not by host and port"
    )
    parser.add_argument(
        "--settle-after",
        type=float,
        default=1.0,
        help="seconds until a charge has its balance transaction; 0: at once",
    )
    parser.add_argument(
        "--debit-after",
        type=float,
        default=5.0,
        help="seconds until a bank answers to a debit, in place of days",
    )
    parser.add_argument(
        "--step-after",
        type=float,
        default=2.0,
        help="seconds until a card's dispute opens, a refund or a payout goes its next step",
    )
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code; 2 when it refuses to start."""
    arguments = _arguments(given)
    refusal = _refusal(arguments, dict(os.environ))
    if refusal:
        sys.stderr.write(f"sandbox: {refusal}\n")
        return 2
    try:
        store = Store(arguments.state)
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"sandbox: cannot use {arguments.state}: {error}\n")
        return 2
    handler = type("BoundHandler", (Handler,), {})
    try:
        server = Server((arguments.host, arguments.port), handler)
    except OSError as error:
        sys.stderr.write(
            f"sandbox: cannot listen at {arguments.host}:{arguments.port}: {error.strerror}\n"
        )
        return 2
    own_url = f"http://{arguments.host}:{server.server_port}"
    settings = Settings(
        secret_key=os.environ["SANDBOX_SECRET_KEY"],
        webhook_secret=os.environ["SANDBOX_WEBHOOK_SECRET"],
        webhook_url=arguments.webhook_url,
        base_url=arguments.public_url.rstrip("/") or own_url,
        settle_after=arguments.settle_after,
        debit_after=arguments.debit_after,
        step_after=arguments.step_after,
    )
    serve(server, Sandbox(store, settings))
    return 0


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
