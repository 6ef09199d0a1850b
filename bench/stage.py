"""Where the benchmark runs: one durable server of its own, its databases, and the clients."""

import contextlib
import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from portal import bootstrap, database
from tests import environment

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "bench_template"
HORDAK = ["django-hordak", "psycopg2-binary"]
HEAD_START = 0.2  # seconds from an order to the moment all clients begin


class Unavailable(Exception):
    """Something that a row needs is not there; the text says what, and how to get it."""


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


# --- Server and databases -------------------------------------------------------------------------


@contextlib.contextmanager
def own_server() -> Iterator[database.EmbeddedServer]:
    """A server in a new folder under ``var``, durable; stopped and deleted whatever happens."""
    home = database.choose_home(
        Path(bootstrap.data_folder(os.environ)),
        explicit=bool(os.environ.get("PORTAL_VAR")),
        say=say,
    )
    database.open_folder(home / "bench")
    folder = Path(tempfile.mkdtemp(prefix="server-", dir=home / "bench"))
    folder.chmod(0o711)  # the account that PostgreSQL runs as passes through
    server = database.EmbeddedServer(folder, durable=True)
    try:
        server.start()
        with contextlib.closing(server.connect()) as connection:
            database.create_roles(connection)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def ask(server: database.EmbeddedServer, sql: str, name: str = "postgres") -> Any:
    """The first value that ``sql`` answers, as a superuser; None where it answers nothing."""
    with contextlib.closing(server.connect(database=name)) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def facts(server: database.EmbeddedServer) -> list[str]:
    """What one must know of the machine to read the numbers; refuses a server that is not durable."""
    for name in ("synchronous_commit", "fsync", "full_page_writes"):
        if ask(server, f"SHOW {name}") != "on":
            raise Unavailable(
                f"The server runs with {name} off: its numbers would be worth nothing."
            )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        f"{cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"PostgreSQL {ask(server, 'SHOW server_version')}, shared_buffers "
        f"{ask(server, 'SHOW shared_buffers')}, synchronous_commit, fsync and full_page_writes on",
        f"one commit alone takes {lone_commit(server):.2f} ms (median)",
        f"load of the machine before the start: {os.getloadavg()[0]:.2f}",
    ]


def lone_commit(server: database.EmbeddedServer) -> float:
    """The median time of the smallest durable commit, in milliseconds: what the disk can do."""
    times = []
    with contextlib.closing(server.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE bench_commit (n int)")
        for number in range(200):
            begin = time.perf_counter()
            cursor.execute("INSERT INTO bench_commit VALUES (%s)", [number])
            times.append(time.perf_counter() - begin)
        cursor.execute("DROP TABLE bench_commit")
    return sorted(times)[len(times) // 2] * 1e3


def environment_for(server: database.EmbeddedServer, name: str) -> dict[str, str]:
    """The environment of a process of ours that works on the database ``name``.

    Each has a folder of its own: the portal signs no log that does not continue the last it signed.
    """
    folder = server.home / "var" / name
    if not folder.exists():
        folder.mkdir(parents=True)
        environment.make_folders(folder)
    kept = {key: value for key, value in os.environ.items() if key not in environment.UNSET}
    return {
        **kept,
        **environment.VARIABLES,
        "PORTAL_VAR": str(folder),
        "DATABASE_URL": server.url(database.APP_ROLE, name),
        "DATABASE_OWNER_URL": server.url(database.OWNER_ROLE, name),
    }


def run(command: Sequence[str], env: Mapping[str, str], what: str) -> str:
    """Run a program to its end and hand back what it printed; raises Unavailable where it fails."""
    answer = subprocess.run(
        list(command), cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        end = "\n".join(answer.stderr.strip().splitlines()[-5:])
        raise Unavailable(f"{what} failed:\n{end}")
    return answer.stdout


@dataclasses.dataclass
class Stage:
    """The server, and what was made on it so far; each thing is made when it is first asked for."""

    server: database.EmbeddedServer
    made: set[str] = dataclasses.field(default_factory=set)

    def books(self, name: str) -> str:
        """The database ``name`` with the portal's tables and the benchmark's pools."""
        if TEMPLATE not in self.made:
            say("Migrating the portal's database …")
            database.create_database(self.server, TEMPLATE)
            env = environment_for(self.server, TEMPLATE)
            for command in (["migrate", "--skip-checks", "--verbosity=0"], ["createcachetable"]):
                run([sys.executable, "manage.py", *command], env, f"manage.py {command[0]}")
            run([sys.executable, "-m", "bench.client", "pools"], env, "Opening the pools")
            self.made.add(TEMPLATE)
        if name not in self.made:
            database.create_database(self.server, name, template=TEMPLATE)
            self.made.add(name)
        return name

    def clients(self, name: str, count: int) -> "Clients":
        """``count`` processes of ours on the database ``name``."""
        env = environment_for(self.server, self.books(name))
        return Clients([sys.executable, "-m", "bench.client"], env, count)

    def hordak(self, name: str, count: int) -> "Clients":
        """``count`` processes of django-hordak on the database ``name``, which is its own."""
        python = hordak_python()
        env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        env["HORDAK_DATABASE"] = json.dumps(
            {
                "HOST": str(self.server.socket_folder),
                "PORT": str(database.PORT),
                "USER": database.OWNER_ROLE,
                "NAME": name,
            }
        )
        if name not in self.made:
            database.create_database(self.server, name)
            driver = [python, "-m", "bench.peers.hordak_driver", "migrate"]
            run(driver, env, "Migrating django-hordak's database")
            self.made.add(name)
        return Clients([python, "-m", "bench.peers.hordak_driver", "serve"], env, count)

    def settle(self, name: str) -> None:
        """Vacuum and analyse a database that was just filled: what autovacuum would do in time."""
        ask(self.server, "VACUUM (ANALYZE)", name)


# --- Clients --------------------------------------------------------------------------------------


class Clients:
    """Processes that answer orders (`bench.pacing`). They end with this object's ``with``."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], count: int) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self._start(list(command), dict(env), count)

    def _start(self, command: list[str], env: dict[str, str], count: int) -> None:
        try:
            for _ in range(count):
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,  # Ctrl-C is for us; we end them
                )
                self.processes.append(process)
            for process in self.processes:
                self.answer(process)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process, in the middle of an order or not."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    stream.close()  # type: ignore[union-attr]

    def send(self, process: subprocess.Popen[str], **order: Any) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise Unavailable("A client ended; it said why above.") from None

    def answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Unavailable("A client ended; it said why above.")
        found: dict[str, Any] = json.loads(line)
        return found

    def order(self, **order: Any) -> dict[str, Any]:
        """Give the first process an order and wait for its answer."""
        self.send(self.processes[0], **order)
        return self.answer(self.processes[0])

    def share(self, orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Give each process an order of its own and wait for all answers."""
        used = self.processes[: len(orders)]
        for process, order in zip(used, orders, strict=True):
            self.send(process, **order)
        return [self.answer(process) for process in used]

    def writes(self, writers: int, seconds: float, **order: Any) -> float:
        """Entries a second that ``writers`` processes post together.

        ``pools`` says to how many pools by chance, ``size`` how many entries make a commit, ``way``
        how, where a peer knows more than one.
        """
        start = time.monotonic() + HEAD_START
        whole = {"job": "write", "seconds": seconds, "start": start, **order}
        answers = self.share([whole] * writers)
        # Each ends with its last commit: the slowest one's end is the end of the round.
        entries = sum(answer["entries"] for answer in answers)
        return float(entries / max(answer["seconds"] for answer in answers))


# --- The peer's virtual environment ---------------------------------------------------------------


def hordak_python() -> str:
    """The Python of django-hordak's own virtual environment, which is made where it is missing."""
    folder = Path(bootstrap.data_folder(os.environ)) / "bench" / "hordak"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        say("Installing django-hordak in a virtual environment of its own …")
        venv.create(folder, with_pip=True, clear=True)
        run([str(python), "-m", "pip", "install", "--quiet", *HORDAK], os.environ, "pip install")
        ready.touch()
    return str(python)


def hordak_version() -> str:
    code = (
        "from importlib.metadata import version as v;"
        "print('django-hordak', v('django-hordak') + ', Django', v('Django'))"
    )
    return run([hordak_python(), "-c", code], os.environ, "Asking hordak's version").strip()
