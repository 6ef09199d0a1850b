"""The worker as a program: killed, cut off, stopped. Real processes, real commits."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from core.jobs import recovery
from core.jobs.models import Worker
from portal import database
from tests.core import jobs_for_tests as jobs
from tests.database import temporary_folder

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.fault


class WorkerProgram:
    """``manage.py run_worker`` and what it says."""

    def __init__(self, database_url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run_worker", "--queues=default"],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def says(self, text: str) -> bool:
        return any(text in line for line in self.said)

    def kill_everything(self) -> None:
        """As a power cut would: supervisor and worker at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join(10)


@pytest.fixture
def start() -> Iterator[Callable[[str], WorkerProgram]]:
    programs: list[WorkerProgram] = []

    def start_one(database_url: str) -> WorkerProgram:
        programs.append(WorkerProgram(database_url))
        return programs[-1]

    yield start_one
    for program in programs:
        program.kill_everything()


def wait_until(what: Callable[[], Any], seconds: float = 40) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "It did not happen in time."
        time.sleep(0.05)
    return found


def the_worker() -> Worker:
    found: Worker = wait_until(Worker.objects.first)
    return found


def the_job() -> Any:
    """The job of the test: the schedule may have come due meanwhile, and has jobs of its own."""
    return DBTaskResult.objects.get(task_path__startswith=jobs.__name__)


def status() -> str:
    return str(the_job().status)


def log_of(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().split() if log.exists() else []


def let_go(folder: Path) -> None:
    (folder / "go").touch()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_kill_9_of_the_worker_in_the_middle_of_a_job_loses_nothing(
    committed_db: Any, start: Callable[[str], WorkerProgram], tmp_path: Path
) -> None:
    program = start(committed_db.app_url)
    jobs.waits_for_a_file.enqueue(folder=str(tmp_path))
    jobs_after = jobs.note.enqueue(text="behind it")
    wait_until(lambda: log_of(tmp_path) == ["began"])
    first = the_worker()

    os.kill(first.pid, signal.SIGKILL)

    wait_until(lambda: log_of(tmp_path) == ["began", "began"])
    let_go(tmp_path)
    wait_until(lambda: set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL"})
    assert log_of(tmp_path) == ["began", "began", "ended"]
    assert DBTaskResult.objects.get(pk=jobs_after.id).return_value == "behind it"
    assert the_worker().pid != first.pid
    assert program.says("was killed by SIGKILL")
    assert program.process.poll() is None


def test_kill_9_of_supervisor_and_worker_together_loses_nothing(
    committed_db: Any, start: Callable[[str], WorkerProgram], tmp_path: Path
) -> None:
    program = start(committed_db.app_url)
    jobs.waits_for_a_file.enqueue(folder=str(tmp_path))
    wait_until(lambda: log_of(tmp_path) == ["began"])
    program.kill_everything()
    # The time that a silent worker is given passes.
    Worker.objects.update(seen_at=Now() - recovery.DEAD_AFTER * 2)

    start(committed_db.app_url)

    wait_until(lambda: log_of(tmp_path) == ["began", "began"])
    let_go(tmp_path)
    wait_until(lambda: status() == "SUCCESSFUL")


def test_a_job_that_kills_every_worker_ends_failed_and_the_queue_goes_on(
    committed_db: Any, start: Callable[[str], WorkerProgram], tmp_path: Path
) -> None:
    start(committed_db.app_url)
    poison = jobs.kills_its_worker.enqueue(folder=str(tmp_path))

    wait_until(lambda: DBTaskResult.objects.get(pk=poison.id).status == "FAILED")

    assert log_of(tmp_path) == ["began", "began"]
    after = jobs.note.enqueue(text="goes on")
    wait_until(lambda: DBTaskResult.objects.get(pk=after.id).status == "SUCCESSFUL")


def test_sigterm_lets_the_job_in_hand_finish_and_takes_no_other(
    committed_db: Any, start: Callable[[str], WorkerProgram], tmp_path: Path
) -> None:
    program = start(committed_db.app_url)
    first = jobs.waits_for_a_file.enqueue(folder=str(tmp_path))
    wait_until(lambda: log_of(tmp_path) == ["began"])
    second = jobs.note.enqueue(text="not any more")

    program.process.send_signal(signal.SIGTERM)
    wait_until(lambda: program.says("stopping"))
    let_go(tmp_path)

    assert program.process.wait(20) == 0
    assert DBTaskResult.objects.get(pk=first.id).status == "SUCCESSFUL"
    assert DBTaskResult.objects.get(pk=second.id).status == "READY"
    assert not Worker.objects.exists()


def test_a_worker_whose_supervisor_is_gone_ends_by_itself(
    committed_db: Any, start: Callable[[str], WorkerProgram]
) -> None:
    program = start(committed_db.app_url)
    pid = the_worker().pid

    os.kill(program.process.pid, signal.SIGKILL)

    wait_until(lambda: not Worker.objects.exists())
    wait_until(lambda: not is_alive(pid))


def test_a_worker_that_was_taken_for_dead_makes_room_for_another(
    committed_db: Any, start: Callable[[str], WorkerProgram]
) -> None:
    program = start(committed_db.app_url)
    first = the_worker()

    Worker.objects.all().delete()

    wait_until(lambda: Worker.objects.exclude(pk=first.pk).exists())
    assert program.says("taken for dead")


def test_an_idle_worker_starts_a_new_job_within_a_second(
    committed_db: Any, start: Callable[[str], WorkerProgram]
) -> None:
    start(committed_db.app_url)
    the_worker()
    jobs.note.enqueue(text="first")
    wait_until(lambda: status() == "SUCCESSFUL")
    DBTaskResult.objects.all().delete()

    jobs.note.enqueue(text="second")
    wait_until(lambda: status() == "SUCCESSFUL")

    row = the_job()
    assert (row.started_at - row.enqueued_at).total_seconds() < 1


@pytest.fixture
def own_server(django_db_setup: Any, django_db_blocker: Any) -> Iterator[database.EmbeddedServer]:
    """A server for one test, so that nobody else notices when it stops; Django points at it."""
    home = temporary_folder()
    server = database.EmbeddedServer(home, durable=False)
    server.start()
    server.prepare()
    _migrate(server)
    settings = connections["default"].settings_dict
    before = {name: settings[name] for name in ("HOST", "NAME")}
    with django_db_blocker.unblock():
        connections["default"].close()
        settings.update(HOST=str(server.socket_folder), NAME=database.DATABASE)
        try:
            yield server
        finally:
            connections["default"].close()
            settings.update(before)
            server.stop()


def _migrate(server: database.EmbeddedServer) -> None:
    url = server.url(database.OWNER_ROLE)
    for label in ("core", "django_tasks_database"):
        subprocess.run(
            [sys.executable, "manage.py", "migrate", label, "--verbosity=0", "--skip-checks"],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": url, "DATABASE_OWNER_URL": url},
            check=True,
        )


def test_a_restart_of_the_database_in_the_middle_of_a_job_is_survived(
    own_server: database.EmbeddedServer, start: Callable[[str], WorkerProgram], tmp_path: Path
) -> None:
    program = start(own_server.url(database.APP_ROLE))
    jobs.waits_for_a_file.enqueue(folder=str(tmp_path))
    wait_until(lambda: log_of(tmp_path) == ["began"])

    own_server.stop()
    let_go(tmp_path)
    time.sleep(2)
    connections["default"].close()
    own_server.start()

    wait_until(lambda: status() == "SUCCESSFUL")
    assert log_of(tmp_path)[-1] == "ended"
    assert len(log_of(tmp_path)) >= 3  # the first try ended without its database
    assert program.process.poll() is None
