"""A PostgreSQL of its own, the programs that work on it, and the reaper that kills them all."""

import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
from django.db import connection

from portal import database, processes
from portal.database import EmbeddedServer
from tests.database import ROOT, TEMPLATE, temporary_folder
from tests.faults.programs import Order

PATIENCE = 60  # seconds within which anything of ours must have happened


# --- The server -----------------------------------------------------------------------------------


@contextlib.contextmanager
def own_server(shared: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """A server that keeps what it commits, with a template of the shared server's schema.

    The shared one is not asked to be durable, and may not be killed: other tests stand on it.
    """
    home = temporary_folder()
    server = EmbeddedServer(home)
    try:
        server.start()
        with contextlib.closing(server.connect()) as superuser, superuser.cursor() as cursor:
            database.create_roles(superuser)
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                cursor.execute(f"SHOW {name}")
                assert cursor.fetchone() == ("on",), name
            # Nothing but the commit itself brings it to the disk: durability is never luck here.
            cursor.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            cursor.execute("SELECT pg_reload_conf()")
        database.create_database(server, TEMPLATE)
        dump = _client(shared, "pg_dump")
        _client(server, "psql", "-Xq", "-1", "-v", "ON_ERROR_STOP=1", given=dump)
        yield server
    finally:
        # One that was killed left its shared memory behind; the next one removes it. And this one
        # need not write out what goes with its folder.
        server.start()
        end(server, signal.SIGQUIT)
        shutil.rmtree(home, ignore_errors=True)


def _client(server: EmbeddedServer, program: str, *words: str, given: bytes = b"") -> bytes:
    """Run one of PostgreSQL's own client programs on the template, as the superuser."""
    path = database.binaries(server.home, server.major) / program
    place = [f"--host={server.socket_folder}", f"--port={database.PORT}", "-U", database.SUPERUSER]
    answer = subprocess.run(
        [str(path), *place, *words, TEMPLATE], input=given, capture_output=True, check=False
    )
    assert answer.returncode == 0, answer.stderr.decode()
    return answer.stdout


def end(server: EmbeddedServer, number: int) -> None:
    """End the server by SIGKILL, or by SIGQUIT, which is its immediate shutdown."""
    os.kill(server.pid, number)
    os.waitpid(server.pid, 0)


def crash(server: EmbeddedServer, number: int) -> None:
    """End the server and start it again, to recover by its log."""
    end(server, number)
    server.start()


# --- The programs ---------------------------------------------------------------------------------


class Nursery:
    """The process that forks the programs; all of them end with it."""

    def __init__(self, server: EmbeddedServer, signing_key: str, log: Path) -> None:
        self.log = log
        ours = {
            "DATABASE_URL": server.url(database.APP_ROLE, TEMPLATE),
            "LEDGER_SIGNING_KEY": signing_key,
        }
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults"],
                cwd=ROOT,
                env=os.environ | ours,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                start_new_session=True,
                preexec_fn=processes.die_with_parent(signal.SIGKILL),
            )
        self._is_ready = False

    def _hear(self) -> str:
        assert self.process.stdout is not None
        heard = self.process.stdout.readline().strip()
        assert heard, f"The nursery ended:\n{self.log.read_text()[-3000:]}"
        return heard

    def fork(self, order: Order) -> tuple[int, str]:
        """Start the program that is ordered; its pid and the moment, which together name it."""
        if not self._is_ready:
            assert self._hear() == "ready"
            self._is_ready = True
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(dataclasses.asdict(order)) + "\n")
        self.process.stdin.flush()
        pid = int(self._hear())
        return pid, processes.started(pid)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@dataclasses.dataclass
class Books:
    """One ledger that faults are tried on: its database, its folder outside, its programs."""

    server: EmbeddedServer
    nursery: Nursery
    database: str
    folder: Path
    orders: dict[str, Order] = dataclasses.field(default_factory=dict)
    programs: dict[str, tuple[int, str]] = dataclasses.field(default_factory=dict)

    @property
    def oracle(self) -> Path:
        return self.folder / "oracle"

    def start(self, name: str, **how: Any) -> None:
        self.orders[name] = Order(name, self.database, str(self.folder), **how)
        self.programs[name] = self.nursery.fork(self.orders[name])

    def is_running(self, name: str) -> bool:
        pid, moment = self.programs[name]
        return processes.started(pid) == moment != ""

    def start_the_dead(self) -> None:
        for name, order in self.orders.items():
            if not self.is_running(name):
                self.programs[name] = self.nursery.fork(order)

    def kill(self, name: str) -> bool:
        """Kill -9 a program; False where it was dead already."""
        if not self.is_running(name):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.programs[name][0], signal.SIGKILL)
        wait_until(lambda: not self.is_running(name))
        return True

    def kill_all(self) -> None:
        for name in self.programs:
            self.kill(name)
        self.orders.clear()
        self.programs.clear()

    def run(self, name: str, **how: Any) -> None:
        """Start a program and wait until it has ended, by itself or by its own hand."""
        self.start(name, **how)
        wait_until(lambda: not self.is_running(name))
        del self.orders[name], self.programs[name]

    def finish_what_waits(self) -> None:
        """Kill all programs, then do the jobs that wait and seal what is committed, undisturbed."""
        self.kill_all()
        self.run("handler-0", acts=0)
        self.run("sealer-0", acts=1)

    def connect(self, role: str) -> Any:
        return self.server.connect(role, self.database)

    def one(self, sql: str) -> Any:
        """The one value that the superuser is told; None where there is no row."""
        with contextlib.closing(self.connect(database.SUPERUSER)) as link, link.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0] if row else None


@contextlib.contextmanager
def pointed_at(server: EmbeddedServer, name: str, role: str = database.APP_ROLE) -> Iterator[None]:
    """Let this process's Django work on a database of that server."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(HOST=str(server.socket_folder), NAME=name, USER=role)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def wait_until(what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "It did not happen in time."
        time.sleep(0.01)


# --- The reaper -----------------------------------------------------------------------------------


class Reaper:
    """Kills something every moment, by lot, and sees to it that the dead are back soon."""

    def __init__(self, books: Books, seed: int) -> None:
        self.books = books
        self.dice = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.ways: dict[str, Callable[[], bool]] = {
            "writer": lambda: self._program("writer"),
            "sealer": lambda: self._program("sealer"),
            "handler": lambda: self._program("handler"),
            "connection ended": self._end_connection,
            "connection -9": self._kill_connection,
            "server -9": lambda: self._crash(signal.SIGKILL),
            "server shut down at once": lambda: self._crash(signal.SIGQUIT),
        }

    def reap(self, seconds: float, enough: Callable[[], bool]) -> None:
        """For so many seconds, and until each way to kill was taken and ``enough`` came to pass."""
        until = time.monotonic() + seconds
        lots: list[str] = []
        while time.monotonic() < until or len(self.killed) < len(self.ways) or not enough():
            assert time.monotonic() < until + PATIENCE, f"Too little happened: {self.killed}"
            time.sleep(self.dice.uniform(0.05, 0.5))
            self.books.start_the_dead()
            if not lots:
                lots = [*self.ways, "writer", "handler", "connection ended"]
                self.dice.shuffle(lots)
            way = lots.pop()
            if self.ways[way]():
                self.killed[way] += 1

    def _program(self, kind: str) -> bool:
        names = [name for name in self.books.programs if name.startswith(kind)]
        return self.books.kill(self.dice.choice(names))

    def _of_a_connection_at_work(self, what: str) -> int:
        """``what`` the server says of one of the programs' connections; 0 where there is none."""
        with contextlib.suppress(psycopg2.OperationalError):  # it lets nobody in yet
            return int(
                self.books.one(
                    f"SELECT ({what})::int FROM pg_stat_activity WHERE usename = "
                    f"'{database.APP_ROLE}' ORDER BY state = 'idle', random() LIMIT 1"
                )
                or 0
            )
        return 0

    def _end_connection(self) -> bool:
        return bool(self._of_a_connection_at_work("pg_terminate_backend(pid)"))

    def _kill_connection(self) -> bool:
        """PostgreSQL then ends all its processes and recovers, for one may have spoilt the memory."""
        pid = self._of_a_connection_at_work("pid")
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def _crash(self, number: int) -> bool:
        crash(self.books.server, number)
        return True
