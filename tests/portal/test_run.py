"""`make run` itself: the whole demo started, read, stopped, killed and started again.

One data folder for all of these tests; each finds the demo running, or starts it.
"""

import dataclasses
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import bootstrap, demo_secrets, processes
from tests.database import ROOT, temporary_folder

# The first start of a folder is a part of the test that comes first.
pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]

FIRST_START = 300  # seconds of patience while other tests keep the machine busy
LATER_START = 60  # the promise is 10 on a machine of its own; what is held here is what was done
PREPARING = ("Bringing the database up to this code", "Loading the demo's content")


@dataclasses.dataclass
class Answer:
    status: int
    kind: str
    text: str


class Launcher:
    """One data folder and the `python -m portal.run` that runs on it."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "PORTAL_PG") if name in os.environ
        } | {"PORTAL_MODE": "demo", "PORTAL_VAR": str(var), "PORT": str(self.port)}

    @property
    def out(self) -> str:
        return (self.var.parent / "out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return (self.var.parent / "err").read_text(encoding="utf-8")

    def start(self, patience: float) -> float:
        """Start the demo; the seconds until its address stands on the screen."""
        began = time.monotonic()
        with (
            open(self.var.parent / "out", "wb") as out,
            open(self.var.parent / "err", "wb") as err,
        ):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.run"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=processes.die_with_parent(),
            )
        while "Ctrl-C stops everything" not in self.out:
            assert self.process.poll() is None, self.err
            assert time.monotonic() - began < patience, self.err
            time.sleep(0.05)
        return time.monotonic() - began

    def end(self, number: signal.Signals) -> int:
        """Send the launcher a signal and wait for its end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.process = None

    def pids(self) -> dict[str, int]:
        """Everything that runs for this folder: what the record names, and the database."""
        record = json.loads((self.var / "processes.json").read_text(encoding="utf-8"))
        assert record["ready"]
        found = {part["name"]: int(part["pid"]) for part in record["processes"]}
        (server,) = self.var.glob("postgres-*/data/postmaster.pid")
        found["database"] = int(server.read_text().split("\n", 1)[0])
        return found

    def family(self) -> dict[int, str]:
        """Every process of this folder and its children (gunicorn's and the worker's), by pid."""
        if sys.platform != "linux":
            return {pid: processes.started(pid) for pid in self.pids().values()}
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                line = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(path.parent.name)] = int(line.rpartition(")")[2].split()[1])
        family = set(self.pids().values())
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return {pid: processes.started(pid) for pid in family}

    def get(self, path: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(
                answer.status, answer.headers.get_content_type(), answer.read().decode("utf-8")
            )
        finally:
            connection.close()

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "portal.run", "manage", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def still_running(family: dict[int, str], patience: float) -> dict[int, str]:
    """Those of ``family`` that run after ``patience`` seconds; number and start time both count."""
    until = time.monotonic() + patience
    while True:
        left = {
            pid: processes.command_of(pid)
            for pid, moment in family.items()
            if processes.started(pid) == moment
        }
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    """The demo, started once with everything still to be made."""
    folder = temporary_folder()
    launcher = Launcher(folder / "var")
    launcher.start(FIRST_START)
    assert all(line in launcher.err for line in PREPARING)
    yield launcher
    if launcher.process is not None:
        launcher.end(signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def demo(launcher: Launcher) -> Launcher:
    """The demo, running."""
    if launcher.process is None:
        launcher.start(LATER_START)
    return launcher


# --- What it shows --------------------------------------------------------------------------------

PAGES = {
    "/": ["OpenLMIS Foundation", "Core software", "Malawi"],
    "/news/": ["Ministries of low-income countries join for nothing"],
    "/news/feed/": ["<feed", "Ministries of low-income countries join for nothing"],
    "/pools/": ["Core software", "USD", "available"],
    "/pools/core-software/": ["Core software", "USD", "/pools/core-software/entries/"],
    "/pools/core-software/entries.csv": ["contributions", "USD"],
    "/members/": ["Join as an organisation", "/members/"],
    "/evangelists/": ["Ingrid Solheim"],
    "/communities/": ["DHIS2"],
    "/implementations/": ["Malawi", "Angola"],
    "/fr/": ["Français", 'lang="fr"'],
    "/healthz": ['"database": "ok"', '"migrations": "ok"', '"worker": "ok"'],
    "/sitemap.xml": ["<urlset", "/pools/core-software/"],
    "/robots.txt": ["Sitemap: ", "/sitemap.xml"],
}


@pytest.mark.parametrize("path", PAGES)
def test_an_address_answers_with_real_content(demo: Launcher, path: str) -> None:
    answer = demo.get(path)
    assert answer.status == 200
    assert [words for words in PAGES[path] if words not in answer.text] == []


def test_an_unknown_address_gets_the_sites_own_page(demo: Launcher) -> None:
    answer = demo.get("/no/such/page/")
    assert (answer.status, answer.kind) == (404, "text/html")
    assert "There is no page at this address" in answer.text
    assert "OpenLMIS Foundation" in answer.text


def test_the_address_and_the_accounts_are_on_the_screen(demo: Launcher) -> None:
    assert f"The portal runs at http://127.0.0.1:{demo.port}/" in demo.out
    accounts = demo_secrets.load(demo.var).accounts
    assert {"staff", "member", "donor", "evangelist"} <= set(accounts)
    for account in accounts.values():
        (line,) = (line for line in demo.out.splitlines() if account.email in line)
        assert account.password in line
        assert account.start in line


def test_passwords_are_kept_in_the_data_folder_and_are_its_owners_alone(demo: Launcher) -> None:
    secrets = demo.var / demo_secrets.FILE
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    passwords = [account.password for account in demo_secrets.load(demo.var).accounts.values()]
    assert len(set(passwords)) == len(passwords)
    # Nor does any log of it tell them.
    for log in (demo.var / "log").iterdir():
        text = log.read_text(encoding="utf-8", errors="replace")
        assert not any(password in text for password in passwords), log.name


def test_a_command_runs_beside_the_portal_on_its_database(demo: Launcher) -> None:
    answer = demo.manage("verify_ledger")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "The ledger is sound" in answer.stdout
    assert demo.get("/healthz").status == 200


def test_a_second_start_on_the_folder_says_where_the_first_is(demo: Launcher) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "portal.run"],
        cwd=ROOT,
        env=demo.environment | {"PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"The portal runs already: http://127.0.0.1:{demo.port} ")
    assert demo.get("/healthz").status == 200


# --- Ending, being killed, starting again -----------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_that_was_started(demo: Launcher, number: signal.Signals) -> None:
    family = demo.family()
    assert {"sandbox", "web", "worker", "database"} <= set(demo.pids())
    assert demo.end(number) == 0
    assert demo.err.endswith("Stopped.\n")
    assert still_running(family, patience=2) == {}
    assert not (demo.var / "processes.json").exists()
    bootstrap.check_port("127.0.0.1", demo.port)
    # And it is up again at once, for nothing is made twice.
    seconds = demo.start(LATER_START)
    assert not any(line in demo.err for line in PREPARING)
    print(f"A later start took {seconds:.1f} s.")
    assert demo.get("/pools/core-software/").status == 200


def test_after_a_kill_the_next_start_recovers(demo: Launcher) -> None:
    before = demo.get("/pools/core-software/entries.csv").text
    accounts = demo_secrets.load(demo.var).accounts
    family = demo.family()
    assert demo.end(signal.SIGKILL) == -signal.SIGKILL
    assert (demo.var / "processes.json").exists()  # nobody was there to take it away
    if sys.platform == "linux":
        assert still_running(family, patience=20) == {}
    demo.start(LATER_START)
    assert not any(line in demo.err for line in PREPARING)
    assert still_running(family, patience=0) == {}
    assert demo.get("/pools/core-software/entries.csv").text == before
    assert demo_secrets.load(demo.var).accounts == accounts
    assert demo.manage("verify_ledger").returncode == 0


def test_what_a_killed_start_left_running_is_stopped_and_no_one_elses_process(
    demo: Launcher,
) -> None:
    """As on a system whose kernel does not end the children of a killed process."""
    demo.end(signal.SIGTERM)
    left, other = (
        subprocess.Popen(["/bin/sleep", "300"], start_new_session=True) for _ in range(2)
    )
    try:
        record = [
            {"name": "web", "pid": left.pid, "started": processes.started(left.pid)},
            # The system has given this number to another program since.
            {"name": "worker", "pid": other.pid, "started": "1"},
        ]
        (demo.var / "processes.json").write_text(json.dumps({"processes": record}))
        demo.start(LATER_START)
        assert left.wait(timeout=10) == -signal.SIGTERM
        assert other.poll() is None
        assert demo.get("/healthz").status == 200
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_a_part_that_dies_is_started_again(demo: Launcher) -> None:
    pids = demo.pids()
    for name in ("web", "worker", "database"):
        os.kill(pids[name], signal.SIGKILL)
    until = time.monotonic() + LATER_START
    while True:
        try:
            answer = demo.get("/healthz")
            now = demo.pids()
        except (OSError, http.client.HTTPException, ValueError):
            pass  # no web, or no database: its file of the process is gone for a moment
        else:
            renewed = all(now[name] != pids[name] for name in ("web", "worker", "database"))
            if renewed and answer.status == 200 and '"worker": "ok"' in answer.text:
                break
        assert time.monotonic() < until, demo.err
        time.sleep(0.1)
    assert "The web ended (status -9); it is started again." in demo.err
    assert "PostgreSQL ended; it is started again." in demo.err


def test_a_command_without_a_portal_brings_its_own_database_and_stops_it(demo: Launcher) -> None:
    database = demo.pids()["database"]
    demo.end(signal.SIGTERM)
    answer = demo.manage("verify_ledger")
    assert answer.returncode == 0, answer.stderr
    assert not processes.is_running(database)
    assert list(demo.var.glob("postgres-*/data/postmaster.pid")) == []


def test_ctrl_c_in_a_command_is_the_commands_own(demo: Launcher) -> None:
    """A shell goes on after it; the launcher ends when its command ends."""
    code = (
        "import time\n"
        "try:\n"
        "    print('waiting', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('went on')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "portal.run", "manage", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env=demo.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as command:
        assert command.stdout is not None
        assert "waiting" in command.stdout.readline()
        os.killpg(command.pid, signal.SIGINT)
        assert command.stdout.read() == "went on\n"
    assert command.returncode == 0
    assert demo.get("/healthz").status == 200
