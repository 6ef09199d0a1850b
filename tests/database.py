"""The databases of the tests: one server a run, one migrated template, one copy a worker.

The process that pytest itself runs in (under xdist the controller) starts the server and stops it;
workers only copy the template. No test ever flushes a database: a flush would take Wagtail's root
page with it, and the ledger refuses TRUNCATE.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from portal import database

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "portal_template"
# Files outside of migrations that have a say in the schema.
SCHEMA_FILES = ("models.py", "apps.py", "chart.py")
CACHE = ROOT / "var" / "test-cache"
HANDOVER = "PORTAL_TEST_SERVER"  # how the controller tells the workers where the server is


def migration_digest() -> str:
    """Names the state that `migrate` leads to: everything that has a say in it, hashed."""
    digest = hashlib.sha256(database.chosen_major().encode())
    files = [ROOT / "portal" / "settings.py", ROOT / "portal" / "database.py"]
    files += [ROOT / "requirements.lock", Path(__file__)]
    for folder in ("core", "funding", "home", "membership", "portal"):
        for path in (ROOT / folder).rglob("*.py"):
            inside = path.relative_to(ROOT).parts
            if {"migrations", "models", "sql"} & set(inside) or path.name in SCHEMA_FILES:
                files.append(path)
        files += (ROOT / folder).rglob("*.sql")
    files += (path for path in (ROOT / "data").rglob("*") if path.is_file())
    for path in sorted(files):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:20]


class TestServer:
    """The server of one run of pytest and what its workers need to know of it."""

    __test__ = False

    def __init__(self, home: Path, problem: str = "") -> None:
        self.server = database.EmbeddedServer(home, durable=False)
        self.problem = problem

    # The controller's part.

    @classmethod
    def start(cls) -> "TestServer":
        """Start a server in a folder of its own and migrate its template.

        A migration that fails is not raised here but told to each test that needs a database, so
        that the others still run.
        """
        home = temporary_folder()
        self = cls(home)
        cached = CACHE / f"{migration_digest()}.data"
        use_cache = os.environ.get("PORTAL_TEST_CACHE", "1") == "1" and database.can_reach(
            ROOT, database.server_account()
        )
        if use_cache and cached.is_dir():
            self._restore(cached)
            self.server.start()
        else:
            self.server.start()
            with contextlib.closing(self.server.connect()) as connection:
                database.create_roles(connection)
            database.create_database(self.server, TEMPLATE)
            self.problem = self._migrate()
            if use_cache and not self.problem:
                self._keep(cached)
        os.environ[HANDOVER] = json.dumps({"home": str(home), "problem": self.problem})
        return self

    def _migrate(self) -> str:
        environment = os.environ | {
            "DATABASE_URL": self.server.url(database.APP_ROLE, TEMPLATE),
            "DATABASE_OWNER_URL": self.server.url(database.OWNER_ROLE, TEMPLATE),
        }
        for command in (["migrate", "--skip-checks", "--verbosity=0"], ["createcachetable"]):
            answer = subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode != 0:
                return f"manage.py {command[0]} failed:\n{answer.stderr[-6000:]}"
        return ""

    def _keep(self, cached: Path) -> None:
        """Keep the migrated data folder for the next run, and no older one."""
        self.server.stop()
        CACHE.mkdir(parents=True, exist_ok=True)
        part = CACHE / f"{cached.name}.{os.getpid()}"
        _copy(self.server.data, part)
        try:
            part.rename(cached)
        except OSError:  # another run was quicker
            shutil.rmtree(part, ignore_errors=True)
        kept = sorted(CACHE.glob("*.data"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-5]:
            shutil.rmtree(old, ignore_errors=True)
        self.server.start()

    def _restore(self, cached: Path) -> None:
        database.open_folder(self.server.folder)
        _copy(cached, self.server.data)
        cached.touch()

    def stop(self) -> None:
        self.server.stop()
        shutil.rmtree(self.server.home, ignore_errors=True)
        os.environ.pop(HANDOVER, None)

    # The workers' part.

    @classmethod
    def of_this_run(cls) -> "TestServer":
        told = json.loads(os.environ[HANDOVER])
        return cls(Path(told["home"]), told["problem"])

    def copy(self, name: str) -> None:
        """Make the database ``name``, a copy of the migrated template."""
        assert not self.problem, self.problem
        database.create_database(self.server, name, template=TEMPLATE)

    def drop(self, name: str) -> None:
        database.drop_database(self.server, name)


def temporary_folder() -> Path:
    """A new folder that the server's account can reach, wherever TMPDIR points."""
    for parent in (tempfile.gettempdir(), "/var/tmp", "/tmp"):
        home = Path(tempfile.mkdtemp(prefix="portal-test-", dir=parent))
        home.chmod(0o711)
        if database.can_reach(home, database.server_account()):
            return home
        home.rmdir()
    raise database.DatabaseProblem("No temporary folder can be reached by PostgreSQL's account.")


def _copy(source: Path, target: Path) -> None:
    """Copy a data folder with its owner and modes."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
