"""The whole portal on one machine: what `make run` starts, and what it stops again.

    python -m portal.run                   database, web server, worker, sandbox; until Ctrl-C
    python -m portal.run manage COMMAND …  one manage.py command with the demo's own database

Everything it starts is a process group of its own and is recorded with its start time in
``var/processes.json``. Ctrl-C and SIGTERM stop all of it. Where this process is killed, the kernel
ends its children (Linux), and the next start stops whatever is left by the record.
"""

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

import environ
import psycopg2

from funding.ledger.notes import parse_signer
from portal import bootstrap, database, demo_secrets, processes, translations
from portal.bootstrap import Problem

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90  # until the web server must have answered
STOP_SECONDS = 15
# What the sandbox is told of the demo's card payments of the past.
HISTORY = "sandbox-history.json"
WITNESS = ROOT / "tools" / "witness.py"
WITNESS_NAME = "witness.openlmis-foundation.invalid"
RESTARTS = 5  # of a part that ends by itself, before we give up


class Stopped(Exception):
    """A signal asked us to end."""


@dataclasses.dataclass
class Part:
    """One program of the portal."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0


@dataclasses.dataclass
class Place:
    """Where this portal lives: folders, addresses."""

    var: Path
    explicit: bool  # somebody chose `var`
    host: str
    port: int

    @property
    def address(self) -> str:
        """How a browser on this machine reaches the portal."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def record(self) -> Path:
        return self.var / "processes.json"

    def log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def read_place() -> Place:
    return Place(
        var=Path(bootstrap.data_folder(os.environ)),
        explicit=bool(os.environ.get("PORTAL_VAR")),
        host=os.environ.get("HOST") or "127.0.0.1",
        port=bootstrap.read_port(os.environ.get("PORT") or "8000"),
    )


# --- What an earlier start left -------------------------------------------------------------------


@contextlib.contextmanager
def only_one(place: Place, what: str = "") -> Iterator[None]:
    """One portal a data folder; a second start says where the first one is.

    ``what`` runs here, where it is not the portal itself.
    """
    with open(place.var / "run.lock", "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise Problem(
                f"The portal runs already: {lock.read().strip() or 'it is starting'}. "
                "Stop it there by Ctrl-C, or choose another PORTAL_VAR."
            ) from None
        lock.truncate(0)
        lock.write(f"{what or place.address} (process {os.getpid()})")
        lock.flush()
        yield


def stop_leftovers(place: Place) -> None:
    """Stop what a killed start left behind: processes whose pid and start time both agree."""
    try:
        left = json.loads(place.record.read_text(encoding="utf-8"))["processes"]
    except (OSError, ValueError, KeyError):
        left = []
    for process in left:
        if process["started"] and processes.started(process["pid"]) == process["started"]:
            processes.stop(process["pid"], group=True, seconds=STOP_SECONDS)
    place.record.unlink(missing_ok=True)


def write_record(place: Place, parts: list[Part], **more: object) -> None:
    running = [
        {"name": part.name, "pid": part.process.pid, "started": processes.started(part.process.pid)}
        for part in parts
        if part.process is not None
    ]
    part_file = place.record.with_suffix(".part")
    part_file.write_text(json.dumps({**more, "processes": running}, indent=2), encoding="utf-8")
    part_file.replace(place.record)


def wait_for_port(place: Place) -> None:
    """A server that has just been stopped may hold its port for a moment."""
    until = time.monotonic() + 3
    while True:
        try:
            bootstrap.check_port(place.host, place.port)
        except Problem:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


# --- Database -------------------------------------------------------------------------------------


def given_database() -> dict[str, str] | None:
    """The database that the environment names, after a try to reach it; None for the embedded one.

    Raises Problem, in one line and without the password, where it cannot be used.
    """
    if "DATABASE_URL" not in os.environ:
        return None
    if not os.environ.get("DATABASE_OWNER_URL"):
        raise Problem(
            "DATABASE_URL is set but DATABASE_OWNER_URL is not: the role that owns the tables and "
            "the one that uses them must differ (docs/settings.md#database_owner_url)."
        )
    found = {}
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        found[name] = os.environ[name]
        check_database(name, found[name])
    return found


def check_database(name: str, url: str) -> None:
    shape = f"{name} must look like postgresql://user:password@host:5432/database."
    if not url.startswith(("postgres://", "postgresql://")):
        raise Problem(shape)
    try:
        parts = environ.Env.db_url_config(url)
    except Exception:
        raise Problem(shape) from None
    if not parts.get("NAME"):
        raise Problem(shape)
    try:
        psycopg2.connect(
            dbname=parts["NAME"],
            user=parts["USER"] or None,
            password=parts["PASSWORD"] or None,
            host=parts["HOST"] or None,
            port=parts["PORT"] or None,
            connect_timeout=10,
            **parts.get("OPTIONS", {}),
        ).close()
    except (psycopg2.Error, TypeError) as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise Problem(f"{name} leads to no database: {reason}") from None


def embedded_database(place: Place) -> database.EmbeddedServer:
    home = database.choose_home(place.var, explicit=place.explicit, say=say)
    return database.EmbeddedServer(home)


# --- Environment of the parts ---------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Ports:
    """Where the programs listen that stand in for others: Stripe, and a witness of the ledger."""

    sandbox: int
    witness: int


def environment(place: Place, addresses: dict[str, str], ports: Ports) -> dict[str, str]:
    """What settings.py reads, for the demo. What the caller has set stays."""
    secrets = demo_secrets.load(place.var)
    sandbox = f"http://127.0.0.1:{ports.sandbox}"
    loopback = place.host in ("127.0.0.1", "localhost", "::1")
    made = {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PORTAL_VAR": str(place.var),
        "HOST": place.host,
        "PORT": str(place.port),
        "SITE_URL": place.address,
        # Asked to listen to a network, the demo does not know by which names it is called there.
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]" if loopback else "*",
        "SECRET_KEY": secrets.secret_key,
        "EMAIL_URL": "consolemail://",
        "STRIPE_API_BASE": sandbox,
        "STRIPE_SECRET_KEY": secrets.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRETS": secrets.stripe_webhook_secret,
        "SANDBOX_SECRET_KEY": secrets.stripe_secret_key,
        "SANDBOX_WEBHOOK_SECRET": secrets.stripe_webhook_secret,
        "LEDGER_SIGNING_KEY": secrets.ledger_signing_key,
        "LEDGER_WITNESSES": f"{witness_key(place)}@http://127.0.0.1:{ports.witness}",
        "PYTHONUNBUFFERED": "1",
    }
    if "STRIPE_SECRET_KEY" in os.environ:
        # Keys of one's own mean the real processor, in its test mode; no sandbox is started.
        del made["STRIPE_API_BASE"]
    return {**made, **os.environ, **addresses}


def witness_key(place: Place) -> str:
    """The public key of the demo's witness, whose own key is made at the first start."""
    key = place.var / "witness.key"
    verb = ["vkey"] if key.exists() else ["keygen", "--name", WITNESS_NAME]
    answer = subprocess.run(
        [sys.executable, str(WITNESS), *verb, "--key", str(key)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise Problem(f"The witness has no key: {answer.stderr.strip()}")
    return answer.stdout.strip()


def choose_ports(place: Place) -> Ports:
    sandbox = free_port(place, os.environ.get("SANDBOX_PORT"), place.port + 1)
    return Ports(sandbox, free_port(place, os.environ.get("WITNESS_PORT"), sandbox + 1))


def free_port(place: Place, given: str | None, first: int) -> int:
    """The same port at each start where it is free: checkout pages that are open keep working."""
    if given:
        port = bootstrap.read_port(given)
        bootstrap.check_port("127.0.0.1", port)
        return port
    for port in range(first, min(first + 50, 65535)):
        with contextlib.suppress(Problem):
            bootstrap.check_port("127.0.0.1", port)
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- Bringing data up to the code -----------------------------------------------------------------


def digest(*patterns: str) -> str:
    """Names the state of the files that the patterns match below the repository's root."""
    total = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


SIMULATED = "simulated"  # in place of the digest of the demo's content


class Prepared:
    """What has been done to a data folder, so that a second start does not do it again."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.done: dict[str, str] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                self.done = json.loads(path.read_text(encoding="utf-8"))

    def holds(self, what: str, state: str) -> bool:
        return self.done.get(what) == state

    def note(self, what: str, state: str) -> None:
        self.done[what] = state
        if self.path is not None:
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps(self.done, indent=2), encoding="utf-8")
            part.replace(self.path)


def prepared_of(server: database.EmbeddedServer | None) -> Prepared:
    """Kept beside the data it speaks of; a database of one's own is looked at afresh each time."""
    return Prepared(server.folder / "prepared.json" if server else None)


def prepare(
    place: Place, env: dict[str, str], prepared: Prepared, *, simulating: bool = False
) -> None:
    """Static files, migrations, demo content: whichever are not up to date.

    ``simulating``: nothing is loaded this time. A folder in which a year was simulated stays without
    the demo's content at each later start.
    """
    (place.var / "log").mkdir(exist_ok=True)
    translations.compile_stale()
    files = Prepared(place.var / "prepared.json")
    static = digest("static/**/*", "requirements.lock", "portal/settings.py")
    migrations = digest("*/migrations/*", "*/*/migrations/*", "data/**/*", "requirements.lock")
    collecting = None
    if not files.holds("static", static) or not (place.var / "static").is_dir():
        collecting = manage_in_background(place, env, "collectstatic", "--noinput")
    if not prepared.holds("migrations", migrations):
        say("Bringing the database up to this code …")
        manage(place, env, "prepare_database", "--verbosity=0")
        prepared.note("migrations", migrations)
    # Loading adds what is missing, so a folder of an older demo gets what this one has besides.
    demo = digest("portal/demo*.py", "portal/texts/*.py", "membership/demo.py", "*/*/demo*.py")
    wanted = not simulating and not prepared.holds("demo", SIMULATED)
    if wanted and not prepared.holds("demo", demo):
        say("Loading the demo's content …")
        manage(place, env, "load_demo", "--history", str(place.var / HISTORY))
        prepared.note("demo", demo)
    if collecting is not None:
        finish(place, collecting, "collectstatic")
        files.note("static", static)


def manage(place: Place, env: dict[str, str], *words: str) -> None:
    finish(place, manage_in_background(place, env, *words), words[0])


def manage_in_background(place: Place, env: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    with open(place.log(words[0]), "wb") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )


def finish(place: Place, process: subprocess.Popen[bytes], name: str) -> None:
    try:
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if status:
        raise Problem(f"manage.py {name} failed: {last_words(place.log(name))}")


def last_words(log: Path) -> str:
    """The line of a log that says why its program ended."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if "No space left on device" in text:
        return "the disk is full."
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1] if lines else 'it said nothing.'} (see {log})"


# --- Starting, watching, stopping -----------------------------------------------------------------


def parts_of(place: Place, env: dict[str, str], ports: Ports) -> list[Part]:
    python = sys.executable
    parts = [
        Part(
            "web",
            [python, "-m", "gunicorn", "--config", "portal/gunicorn.py", "portal.wsgi"],
            env,
        ),
        Part("worker", [python, "manage.py", "run_worker"], env),
    ]
    # Neither imports anything of the portal, nor is told of it more than it needs.
    shared = ("PATH", "HOME", "LANG")
    plain: dict[str, str] = {name: env[name] for name in shared if name in env}
    plain["PYTHONUNBUFFERED"] = "1"
    if env["LEDGER_WITNESSES"].endswith(f":{ports.witness}"):
        log_key = str(parse_signer(env["LEDGER_SIGNING_KEY"]).verifier)
        command = [python, str(WITNESS), "run", "--port", str(ports.witness), "--log", log_key]
        command += ["--key", str(place.var / "witness.key")]
        command += ["--state", str(place.var / "witness.json")]
        parts.insert(0, Part("witness", command, plain))
    if env.get("STRIPE_API_BASE", "").endswith(f":{ports.sandbox}"):
        command = [python, "-m", "sandbox", "--port", str(ports.sandbox)]
        command += ["--state", str(place.var / "sandbox.sqlite3")]
        command += ["--webhook-url", f"{place.address}/payments/stripe/webhook/"]
        if (history := place.var / HISTORY).exists():
            command += ["--history", str(history)]
        needed = ("SANDBOX_SECRET_KEY", "SANDBOX_WEBHOOK_SECRET")
        own = plain | {name: env[name] for name in needed}
        parts.insert(0, Part("sandbox", command, own))
    return parts


def start(place: Place, part: Part) -> None:
    with open(place.log(part.name), "ab") as log:
        part.process = subprocess.Popen(
            part.command,
            cwd=ROOT,
            env=part.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us alone: the parts are stopped in order
            preexec_fn=processes.die_with_parent(signal.SIGTERM),
        )


def wait_until_healthy(place: Place, parts: list[Part]) -> None:
    """Wait for `/healthz`. Raises Problem where a part ends instead, or nothing answers."""
    until = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until:
        for part in parts:
            if part.process is not None and part.process.poll() is not None:
                raise Problem(f"The {part.name} does not start: {last_words(place.log(part.name))}")
        try:
            with opener.open(f"{place.address}/healthz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.1)
    raise Problem(f"The site did not answer within {START_SECONDS} seconds; see {place.var}/log/.")


def watch(place: Place, parts: list[Part], server: database.EmbeddedServer | None) -> NoReturn:
    """Start again what ends by itself, until a signal comes."""
    while True:
        time.sleep(0.5)
        if server is not None and not processes.is_running(server.pid):
            say("PostgreSQL ended; it is started again.")
            server.start()
        for part in parts:
            if part.process is None or part.process.poll() is None:
                continue
            part.restarts += 1
            if part.restarts > RESTARTS:
                raise Problem(f"The {part.name} keeps ending: {last_words(place.log(part.name))}")
            say(f"The {part.name} ended (status {part.process.returncode}); it is started again.")
            start(place, part)
            write_record(place, parts, address=place.address, ready=True)


def stop(parts: list[Part], server: database.EmbeddedServer | None) -> None:
    """Stop the parts together, the database last."""
    running = [part.process for part in parts if part.process is not None]
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if server is not None:
        server.stop()


def introduction(place: Place, ports: Ports, parts: list[Part]) -> str:
    accounts = demo_secrets.load(place.var).accounts.values()
    wide = max(len(account.what) for account in accounts)
    long = max(len(account.email) for account in accounts)
    lines = ["", f"  The portal runs at {place.address}/", ""]
    lines += [
        f"  {account.what:<{wide}}  {account.email:<{long}}  {account.password}  {account.start}"
        for account in accounts
    ]
    lines += ["", f"  Mail it sends   {place.address}/demo/mail/"]
    if any(part.name == "sandbox" for part in parts):
        lines.append(
            f"  Card payments   a sandbox at http://127.0.0.1:{ports.sandbox}/ "
            "(card 4242 4242 4242 4242; 4000 0000 0000 0002 is declined)"
        )
    lines += [f"  Logs            {place.var}/log/", "", "  Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def serve(place: Place, out: TextIO) -> NoReturn:
    """Start everything, say where it is, and watch over it until a signal comes."""
    parts: list[Part] = []
    server: database.EmbeddedServer | None = None
    stop_leftovers(place)
    wait_for_port(place)
    ports = choose_ports(place)
    addresses = given_database()
    try:
        if addresses is None:
            server = embedded_database(place)
            server.start()
            addresses = prepare_embedded(server)
        env = environment(place, addresses, ports)
        prepare(place, env, prepared_of(server))
        parts = parts_of(place, env, ports)
        for part in parts:
            place.log(part.name).unlink(missing_ok=True)
            start(place, part)
            write_record(place, parts, address=place.address, ready=False)
        wait_until_healthy(place, parts)
        write_record(place, parts, address=place.address, ready=True)
        out.write(introduction(place, ports, parts))
        out.flush()
        watch(place, parts, server)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stop(parts, server)
        place.record.unlink(missing_ok=True)


def prepare_embedded(server: database.EmbeddedServer) -> dict[str, str]:
    server.prepare()
    return {
        "DATABASE_URL": server.url(database.APP_ROLE),
        "DATABASE_OWNER_URL": server.url(database.OWNER_ROLE),
        "DATABASE_APP_ROLE": database.APP_ROLE,
    }


def one_command(place: Place, words: list[str]) -> int:
    """Run one manage.py command beside a running portal; where none runs, on what it would run on.

    Then the database is started, brought up to the code as a start would, and stopped again.
    """
    server: database.EmbeddedServer | None = None
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(only_one(place, f"manage.py {' '.join(words)}"))
            alone = True
        except Problem:
            alone = False
        addresses = given_database()
        try:
            if addresses is None:
                server = embedded_database(place)
                server.start()
                addresses = prepare_embedded(server)
            env = environment(place, addresses, Ports(place.port + 1, place.port + 2))
            simulating = words[:1] == ["simulate"]
            prepared = prepared_of(server)
            if alone:
                prepare(place, env, prepared, simulating=simulating)
            # Ctrl-C is the command's own (a shell goes on after it); we end when it ends.
            signal.signal(signal.SIGINT, leave_it)
            status = subprocess.call([sys.executable, "manage.py", *words], cwd=ROOT, env=env)
            if simulating and status == 0 and not {"--help", "-h"} & set(words):
                prepared.note("demo", SIMULATED)
            return status
        finally:
            if server is not None and not server.adopted:
                server.stop()


def leave_it(number: int, frame: FrameType | None) -> None:
    """In place of SIG_IGN, which a child would inherit."""


def on_signal(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped


def main(arguments: list[str]) -> int:
    """Returns the exit code: 2 where the portal cannot start, with one line that says why."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        mode = os.environ.get("PORTAL_MODE", "")
        if mode != "demo":
            raise Problem(
                f"PORTAL_MODE is {mode!r}; portal.run runs the demo (PORTAL_MODE=demo). "
                "Production: docs/operating.md."
            )
        place = read_place()
        database.open_folder(place.var)
        if arguments[:1] == ["manage"]:
            return one_command(place, arguments[1:])
        with only_one(place):
            serve(place, sys.stdout)
    except Stopped:
        say("Stopped.")
        return 0
    except (Problem, database.DatabaseProblem) as problem:
        say(str(problem))
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        say(f"The disk is full: {error.filename or 'a file'} could not be written.")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
