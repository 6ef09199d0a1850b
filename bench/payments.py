"""The benchmark of payments: `make bench-payments`, or

    .venv/bin/python -m bench.payments [--seconds 5] [--rounds 3] [--only webhook] [--events 10000]

Prints a table and writes ``bench/results/<name>.json``. Exits as `bench.ledger` does.
"""

import argparse
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from bench.rows import Row, interleaved, row, show, table, write
from bench.stage import (
    HEAD_START,
    ROOT,
    Clients,
    Stage,
    Unavailable,
    environment_for,
    facts,
    own_server,
    run,
    say,
)
from portal.database import DatabaseProblem

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = ("webhook", "drain")
POSTERS, THREADS = 2, 4  # processes, and connections of each
WORKERS_OF_GUNICORN, THREADS_OF_GUNICORN = 2, 4  # as portal/gunicorn.py has them
GOAL = "ratio ≥ 0.3"
EVENTS_OF_A_GIFT = 5  # what the sandbox sends for one gift paid by card
GOOD_CARD = "4242424242424242"
PATIENCE = 3_600


@contextlib.contextmanager
def program(command: Sequence[str], env: dict[str, str], **pipes: Any) -> Iterator[Any]:
    """A program beside us, ended with the ``with``."""
    with subprocess.Popen(
        list(command), cwd=ROOT, env=env, start_new_session=True, text=True, **pipes
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port: int = place.getsockname()[1]
    return port


@contextlib.contextmanager
def web_server(env: dict[str, str]) -> Iterator[str]:
    """The portal behind gunicorn, as portal/gunicorn.py sets it up; its address."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "bench.web:application", "--preload"]
    command += ["--worker-class", "gthread", "--keep-alive", "5", "--log-level", "warning"]
    command += ["--workers", str(WORKERS_OF_GUNICORN), "--threads", str(THREADS_OF_GUNICORN)]
    env = {**env, "ALLOWED_HOSTS": "*", "SITE_URL": f"http://127.0.0.1:{port}"}
    address = f"http://127.0.0.1:{port}"
    with program([*command, "--bind", f"127.0.0.1:{port}"], env) as process:
        for _ in range(300):
            if process.poll() is not None:
                raise Unavailable("gunicorn ended; it said why above.")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/bench/hello/", timeout=1).close()
                break
            time.sleep(0.1)
        else:
            raise Unavailable("gunicorn does not answer.")
        yield address


@contextlib.contextmanager
def sandbox(env: dict[str, str], webhook: str) -> Iterator[str]:
    """The sandbox, which sends its events to ``webhook``; its address."""
    state = Path(env["PORTAL_VAR"]) / "sandbox.sqlite3"
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--state", str(state)]
    env = {
        **env,
        "SANDBOX_SECRET_KEY": env["STRIPE_SECRET_KEY"],
        "SANDBOX_WEBHOOK_SECRET": env["STRIPE_WEBHOOK_SECRETS"],
    }
    command += ["--webhook-url", webhook]
    with program(command, env, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        if not line:
            raise Unavailable("The sandbox ended; it said why above.")
        yield json.loads(line)["sandbox"]


class Run:
    """One run: its flags and its rows so far."""

    def __init__(self, stage: Stage, flags: argparse.Namespace) -> None:
        self.stage = stage
        self.flags = flags
        self.rows: list[Row] = []

    def add(self, one: Row) -> None:
        say(f"  {one.what}: {one.ours} / {one.peer}")
        self.rows.append(one)
        write(self.rows, RESULTS / f"{self.flags.name}.json")

    def webhook(self) -> None:
        """Signed events, each new, into the inbox; beside a view that says hello."""
        say("— the webhook endpoint")
        env = environment_for(self.stage.server, self.stage.books("bench_webhook"))
        secret = env["STRIPE_WEBHOOK_SECRETS"]
        posting = [sys.executable, "-m", "bench.posting"]
        with web_server(env) as address, Clients(posting, env, POSTERS) as clients:

            def side(path: str, seconds: float) -> float:
                order = {"job": "post", "address": address + path, "secret": secret}
                start = time.monotonic() + HEAD_START
                whole = {**order, "start": start, "seconds": seconds, "threads": THREADS}
                return sum(answer["rate"] for answer in clients.share([whole] * POSTERS))

            paths = ("/payments/stripe/webhook/", "/bench/hello/")
            for path in paths:
                side(path, 1)
            sides = [functools.partial(side, path, self.flags.seconds) for path in paths]
            ours, peer = interleaved(sides, self.flags.rounds)
        what = "webhook: a signed event into the inbox, against a view that says hello (requests/s)"
        self.add(row(what, ours, peer, GOAL))

    def drain(self) -> None:
        """Events of gifts, sent by the sandbox while no worker runs; then one worker takes them."""
        gifts = -(-self.flags.events // EVENTS_OF_A_GIFT)
        say(f"— an inbox of {gifts * EVENTS_OF_A_GIFT:,} events")
        name = self.stage.books("bench_drain")
        env = environment_for(self.stage.server, name)
        giving = [sys.executable, "-m", "bench.giving"]
        with web_server(env) as address:
            webhook = f"{address}/payments/stripe/webhook/"
            with sandbox(env, webhook) as stripe:
                env["STRIPE_API_BASE"] = stripe
                run([*giving, "begin", str(gifts), GOOD_CARD], env, "Paying the gifts")
                judge = functools.partial(self._judge, [*giving, "judge", str(gifts)], env)
                self._until(lambda: judge()["events"] >= gifts * EVENTS_OF_A_GIFT, 2)
                self.stage.settle(name)
                command = [sys.executable, "manage.py", "run_worker", "--queues", "default"]
                begin = time.monotonic()
                with program(command, env, stderr=subprocess.DEVNULL):
                    self._until(lambda: self._waiting(name) == 0, 0.5)
                    seconds = time.monotonic() - begin
                found = judge()
        for wrong in found["wrong"]:
            say(f"  WRONG: {wrong}")
        count = found["events"]
        self.add(row("inbox: events taken by one worker (events/s)", found["done"] / seconds))
        self.add(row("inbox: events lost", count - found["done"], goal="ours ≤ 0"))
        self.add(row("inbox: events tried more than once", found["twice"]))
        self.add(
            row("inbox: things wrong in payments or books", len(found["wrong"]), goal="ours ≤ 0")
        )

    def _waiting(self, name: str) -> int:
        from bench.stage import ask

        sql = (
            "SELECT (SELECT count(*) FROM payments_stripeevent WHERE processed_at IS NULL)"
            " + (SELECT count(*) FROM payments_payment WHERE entry_id IS NULL)"
        )
        waiting: int = ask(self.stage.server, sql, name)
        return waiting

    def _judge(self, command: Sequence[str], env: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(command, env, "Judging"))
        return found

    def _until(self, reached: Any, pause: float) -> None:
        until = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > until:
                raise Unavailable("It took more than an hour.")
            time.sleep(pause)


def read_flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-payments", description="Benchmark of payments.")
    parser.add_argument("--seconds", type=float, default=5, help="of a round of posting")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--events", type=int, default=10_000, help="in the inbox to drain")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections: %(default)s")
    parser.add_argument("--name", default="payments", help="of the file in bench/results")
    flags = parser.parse_args(arguments)
    flags.only = flags.only.split(",")
    for section in flags.only:
        if section not in SECTIONS:
            parser.error(f"there is no section {section!r}; there are {', '.join(SECTIONS)}")
    return flags


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    flags = read_flags(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        with own_server() as server:
            about = facts(server)
            this = Run(Stage(server), flags)
            for section in SECTIONS:
                if section in flags.only:
                    getattr(this, section)()
    except KeyboardInterrupt:
        say("Ended; nothing is left running.")
        return 130
    except (Unavailable, DatabaseProblem) as reason:
        say(str(reason))
        return 2
    show("\n".join(about))
    show(f"{flags.rounds} rounds of {flags.seconds:g} s, medians\n")
    show(table(this.rows))
    return 1 if any(one.met is False for one in this.rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
