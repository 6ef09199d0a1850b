"""What every test stands on: environment, databases, and what a test may not do."""

import asyncio
import contextlib
import dataclasses
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import environment

environment.apply()

import pytest  # noqa: E402
from pytest_django import DjangoDbBlocker, Settings  # noqa: E402

from portal import database  # noqa: E402
from tests import browser as tests_browser  # noqa: E402
from tests.database import HANDOVER, TEMPLATE, TestServer, temporary_folder  # noqa: E402

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
_started: TestServer | None = None
_var: Path | None = None


# --- Start and end of a run -----------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the server (once a run) before Django reads where it is."""
    global _started, _var
    if config.option.help or config.option.version or config.option.collectonly:
        os.environ.setdefault("DATABASE_URL", environment.NO_DATABASE)
    elif not IS_WORKER:
        os.environ.pop(HANDOVER, None)
        _var = temporary_folder()
        environment.make_folders(_var)
        os.environ["PORTAL_VAR"] = str(_var)
        _started = TestServer.start()
        # A run that is broken off anywhere still ends here.
        config.add_cleanup(_stop)
        url = _started.server.url
        os.environ["DATABASE_URL"] = url(database.APP_ROLE, TEMPLATE)
        os.environ["DATABASE_OWNER_URL"] = url(database.OWNER_ROLE, TEMPLATE)
    import django

    django.setup()


def _stop() -> None:
    global _started, _var
    if _started is not None:
        _started.stop()
        _started = None
    if _var is not None:
        shutil.rmtree(_var, ignore_errors=True)
        _var = None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse, with the reason, whatever would end in a flush."""
    from django.test import TestCase, TransactionTestCase

    marker = item.get_closest_marker("django_db")
    flushes = bool(marker and (marker.kwargs.get("transaction") or marker.args[:1] == (True,)))
    names = set(getattr(item, "fixturenames", ()))
    flushes |= bool(names & {"transactional_db", "live_server", "django_db_reset_sequences"})
    case = getattr(item, "cls", None)
    if case is not None and issubclass(case, TransactionTestCase):
        flushes |= not issubclass(case, TestCase)
    if flushes:
        pytest.fail(
            "This test would end in a flush, which the ledger refuses and which would take "
            "Wagtail's root page. A test that commits uses the fixture committed_db.",
            pytrace=False,
        )


# What one worker does whole, for it stands on one costly thing: a demo or a server of its own.
WHOLE = ("tests/e2e/", "tests/faults/", "tests/portal/test_run.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out single tests (as xdist does by itself), but those of WHOLE together and first."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((part for part in WHOLE if nodeid.startswith(part)), nodeid)

    return Scheduling(config, log) if config.getoption("dist") == "load" else None


# --- Databases ------------------------------------------------------------------------------------


def _use(name: str) -> None:
    """Point Django's connection, in every thread, at the database ``name``."""
    from django.contrib.contenttypes.models import ContentType
    from django.db import connections

    connections["default"].close()
    connections["default"].settings_dict["NAME"] = name
    ContentType.objects.clear_cache()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[TestServer]:
    """In place of pytest-django's: a copy of the migrated template, used as the app's role."""
    run = TestServer.of_this_run()
    if run.problem:
        pytest.fail(run.problem, pytrace=False)
    name = f"portal_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    run.copy(name)
    _use(name)
    yield run
    from django.db import connections

    connections["default"].close()
    run.drop(name)


@contextlib.contextmanager
def _standing_on(name: str) -> Iterator[None]:
    from django.db import connections

    before = connections["default"].settings_dict["NAME"]
    _use(name)
    try:
        yield
    finally:
        _use(before)


@contextlib.contextmanager
def _furnished(run: TestServer, part: str, furnish: Callable[[], object]) -> Iterator[str]:
    """One more database of this worker, in which ``furnish`` has been done once and committed."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"portal_{worker}_{part}"
    run.copy(name)
    try:
        with _standing_on(name):
            furnish()
        yield name
    finally:
        run.drop(name)


@pytest.fixture(scope="session")
def _site_database(
    django_db_setup: TestServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    from tests.factories.home import make_site

    with django_db_blocker.unblock(), _furnished(django_db_setup, "site", make_site) as name:
        yield name


@pytest.fixture(scope="session")
def _demo_database(
    django_db_setup: TestServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    from django.core.management import call_command

    def load() -> None:
        call_command("load_demo", verbosity=0)

    with django_db_blocker.unblock(), _furnished(django_db_setup, "demo", load) as name:
        yield name


@pytest.fixture(scope="module")
def on_site(_site_database: str) -> Iterator[None]:
    """The module's tests find the pages, groups and languages of a new site, made once a worker.

    Of the module, because the database must be chosen before a test's transaction begins.
    """
    with _standing_on(_site_database):
        yield


@pytest.fixture(scope="module")
def on_demo(_demo_database: str) -> Iterator[None]:
    """The module's tests find what `manage.py load_demo` makes, made once a worker."""
    with _standing_on(_demo_database):
        yield


@dataclasses.dataclass(frozen=True)
class CommittedDatabase:
    """A database of one test's own, in which commits stay until the test ends."""

    name: str
    app_url: str
    owner_url: str


@contextlib.contextmanager
def own_database(run: TestServer) -> Iterator[CommittedDatabase]:
    """A fresh copy of the migrated template, which every thread's connection uses meanwhile."""
    name = f"portal_own_{uuid.uuid4().hex[:12]}"
    run.copy(name)
    try:
        with _standing_on(name):
            yield CommittedDatabase(
                name=name,
                app_url=run.server.url(database.APP_ROLE, name),
                owner_url=run.server.url(database.OWNER_ROLE, name),
            )
    finally:
        run.drop(name)


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest, django_db_setup: TestServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[CommittedDatabase]:
    """For tests that commit: races, threads, other processes. `own_database`, until the test ends.

    Do not mark such a test with django_db: there is no transaction around it.
    """
    if request.node.get_closest_marker("django_db") or "db" in request.fixturenames:
        pytest.fail("committed_db is used alone: without the mark django_db and the fixture db.")
    with django_db_blocker.unblock(), own_database(django_db_setup) as own:
        yield own


@pytest.fixture
def owner_connection(django_db_setup: TestServer) -> Iterator[Any]:
    """A psycopg2 connection as the role that owns the tables, to the test's present database.

    It does not see what the test's own transaction has not committed, and what it writes itself
    is rolled back at the end unless the test commits it.
    """
    from django.db import connections

    name = str(connections["default"].settings_dict["NAME"])
    connection = django_db_setup.server.connect(database.OWNER_ROLE, name)
    connection.autocommit = False
    yield connection
    connection.rollback()
    connection.close()


# --- Browser --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium (Playwright's Browser); the test is skipped, loudly, where there is none.

    PORTAL_REQUIRE_BROWSER=1 turns the skip into a failure.

    Ended with the module: while Playwright runs, its event loop runs in this thread, and Django
    refuses every query there. For the same reason a module that drives the browser asks nothing of
    the database itself.
    """
    path = tests_browser.find_chromium()
    if path is None:
        reason = "No Chromium found: install the package chromium, or name one by CHROMIUM=/path."
        if os.environ.get("PORTAL_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with tests_browser.launch(path) as browser:
        yield browser
    assert asyncio._get_running_loop() is None


@pytest.fixture
def gettext() -> None:
    """GNU gettext is there; else the test is skipped, or fails where PORTAL_REQUIRE_GETTEXT=1."""
    if shutil.which("xgettext") is None:
        reason = "There is no xgettext: install the package gettext."
        if os.environ.get("PORTAL_REQUIRE_GETTEXT") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Forget the language of the last request: it stays with the thread, test after test."""
    from django.utils import translation

    translation.activate("en")
    yield
    translation.deactivate()


@pytest.fixture
def own_checkpoints(settings: Settings, tmp_path: Path) -> None:
    """The files of checkpoints belong to one database."""
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
