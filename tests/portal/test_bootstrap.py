"""`make run` on a machine that lacks something: one clear line, and nothing written."""

import ast
import errno
import fcntl
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal import bootstrap, run
from portal.bootstrap import Problem
from tests.database import ROOT, temporary_folder

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another")
Usage = namedtuple("Usage", "total used free")
MACHINE = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


@pytest.fixture
def var() -> Iterator[Path]:
    """A data folder that does not exist yet, in a place the database's account can reach."""
    folder = temporary_folder()
    yield folder / "var"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone that has no .venv yet; what would be run to make one is only noted."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_text("# locked\n")
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "PYTHON", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.setattr(bootstrap, "RECORD", str(tmp_path / ".venv" / "installed.json"))
    return tmp_path


def start(
    var: Path, program: str = "portal/bootstrap.py run", **changes: str
) -> subprocess.CompletedProcess[str]:
    """What `make run` starts (with this Python in place of .venv's), until it has refused."""
    return subprocess.run(
        [sys.executable, *program.split()],
        cwd=ROOT,
        env={**MACHINE, "PORTAL_MODE": "demo", "PORTAL_VAR": str(var), **changes},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(answer: subprocess.CompletedProcess[str]) -> str:
    """The one line on the error channel of a start that came to nothing."""
    assert answer.returncode == 2, answer.stderr
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    return line


# --- Python ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 6), (3, 10), (2, 7)])
def test_an_old_python_is_told_so(version: tuple[int, int]) -> None:
    with pytest.raises(Problem, match=r"is too old: the portal needs Python 3\.11 or later"):
        bootstrap.check_python(version)


def test_a_new_python_is_taken() -> None:
    bootstrap.check_python((3, 11))
    bootstrap.check_python((4, 0))


def test_an_old_python_can_read_the_file_that_tells_it() -> None:
    source = Path(bootstrap.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))


def old_pythons() -> list[str]:
    found = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
    installed = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"))
    older = [str(path) for path in installed if int(path.parts[-3].split(".")[1]) in range(6, 11)]
    return older or [path for path in found if path]


@pytest.mark.skipif(not old_pythons(), reason="no old Python is installed here")
def test_a_real_old_python_is_told_in_one_line(var: Path) -> None:
    answer = subprocess.run(
        [old_pythons()[0], "portal/bootstrap.py", "run"],
        cwd=ROOT,
        env={**MACHINE, "PORTAL_MODE": "demo", "PORTAL_VAR": str(var)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is too old" in refused(answer)
    assert not var.exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_virtual_environments_is_told_what_to_install(
    clone: Path, var: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Problem, match="python3-venv"):
        bootstrap.prepare("run", {"PORTAL_VAR": str(var), "PORT": str(free_port())})
    assert not (clone / ".venv").exists()
    assert not var.exists()


# --- Port -----------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80.5", "http", " 8000"])
def test_a_port_that_is_none_is_refused(var: Path, port: str) -> None:
    assert refused(start(var, PORT=port)) == (
        f"PORT is '{port}'; it must be a number from 1 to 65535."
    )
    assert not var.exists()


@pytest.mark.parametrize("program", ["portal/bootstrap.py run", "-m portal.run"])
def test_a_taken_port_is_refused_and_another_named(var: Path, program: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        said = refused(start(var, program, PORT=str(port)))
    other = port + 1 if port < 65535 else 8001
    assert said == f"Port {port} on 127.0.0.1 is taken; choose another: make run PORT={other}"


def test_a_port_that_was_left_a_moment_ago_is_free() -> None:
    with socket.socket() as holder, socket.socket() as reader:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        host, port = holder.getsockname()
        reader.connect((host, port))
        served, _ = holder.accept()
        served.close()  # the side that closes first is left waiting
    bootstrap.check_port(host, port)


def test_a_host_that_is_not_here_is_refused(var: Path) -> None:
    assert refused(start(var, HOST="192.0.2.1")).startswith("Port 8000 on 192.0.2.1 cannot be used")


# --- Disk -----------------------------------------------------------------------------------------


def test_too_little_disk_is_told_before_anything_is_written(
    clone: Path, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(clone.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**10, 0, 100 * 1024 * 1024))
    with pytest.raises(Problem) as problem:
        bootstrap.prepare("run", {"PORTAL_VAR": str(var), "PORT": str(free_port())})
    assert str(problem.value) == (
        f"The disk of {clone} has 100 MB free; the portal needs 900 MB. Nothing has been written."
    )
    assert sorted(clone.iterdir()) == before
    assert not var.exists()


def test_the_disk_of_the_data_folder_is_asked_too(
    clone: Path, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {str(clone): 10**12, str(var.parent): 20 * 1024 * 1024}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, free[str(path)]))
    with pytest.raises(Problem, match=f"The disk of {var.parent} has 20 MB free"):
        bootstrap.prepare("run", {"PORTAL_VAR": str(var), "PORT": str(free_port())})
    assert not (clone / ".venv").exists()


@pytest.mark.fault
def test_a_disk_that_fills_up_while_packages_are_installed_is_told_in_one_line(
    clone: Path, var: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """pip says it in the middle of a long trace."""
    pip = "import sys; sys.exit('Trace\\nERROR: [Errno 28] No space left on device\\nmore')"
    words = [sys.executable, "-c", pip]
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **rest: real(words, **rest))
    environment = {"PORTAL_VAR": str(var), "PORT": str(free_port())}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert bootstrap.main(["run"]) == 2
    said = capfd.readouterr().err.splitlines()
    assert said == ["Making .venv …", "The folder .venv cannot be made: the disk is full."]


@pytest.mark.fault
def test_a_disk_that_is_full_when_the_record_is_written_is_told_in_one_line(
    clone: Path, var: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*paths: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def make(words: list[str], failure: str) -> None:
        (clone / ".venv").mkdir(exist_ok=True)

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(bootstrap, "command", make)
    monkeypatch.setenv("PORTAL_VAR", str(var))
    monkeypatch.setenv("PORT", str(free_port()))
    assert bootstrap.main(["run"]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == "The disk is full."
    # The next start does not take the half-made environment for a whole one.
    assert bootstrap.installed() == {}


@pytest.mark.fault
@only_root
def test_a_start_on_a_full_disk_is_told_in_one_line(var: Path) -> None:
    """A file system with room for the first few files alone, as the launcher itself meets it."""
    var.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=711", "tmpfs", str(var)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("No file system can be mounted here.")
    try:
        (var / "ballast").write_bytes(b"." * 60 * 1024)
        said = refused(start(var, "-m portal.run", PORT=str(free_port())))
        assert "disk" in said
        assert "full" in said
    finally:
        subprocess.run(["umount", str(var)], check=True)


# --- Data folder ----------------------------------------------------------------------------------


@only_root
def test_a_data_folder_that_the_database_cannot_reach_is_refused() -> None:
    closed = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    try:
        said = refused(start(closed / "var", "-m portal.run", PORT=str(free_port())))
        assert said == (
            f"PORTAL_VAR={closed}/var is closed to nobody, the account PostgreSQL runs as when "
            "root starts it; choose a folder that account can enter."
        )
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(closed)


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refused(start(tmp_path / "file" / "var", "-m portal.run", PORT=str(free_port())))
    assert said.startswith(f"The folder {tmp_path}/file/var cannot be made: ")


def test_one_portal_a_folder(var: Path) -> None:
    var.mkdir(mode=0o711)
    with open(var / "run.lock", "w", encoding="utf-8") as lock:
        lock.write("http://127.0.0.1:8000 (process 42)")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = refused(start(var, "-m portal.run", PORT=str(free_port())))
    assert said == (
        "The portal runs already: http://127.0.0.1:8000 (process 42). "
        "Stop it there by Ctrl-C, or choose another PORTAL_VAR."
    )


# --- Mode and database ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["", "test", "production", "Demo"])
def test_the_launcher_runs_the_demo_and_nothing_else(var: Path, mode: str) -> None:
    said = refused(start(var, "-m portal.run", PORTAL_MODE=mode))
    assert said.startswith(f"PORTAL_MODE is {mode!r}; portal.run runs the demo")
    assert not var.exists()


GOOD = "postgresql://portal_owner:geheim@127.0.0.1:1/portal"


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ({"DATABASE_URL": GOOD}, "DATABASE_OWNER_URL is not"),
        ({"DATABASE_URL": GOOD, "DATABASE_OWNER_URL": GOOD}, "DATABASE_URL leads to no database: "),
        (
            {"DATABASE_URL": GOOD.replace("127.0.0.1", "nowhere.invalid")},
            "DATABASE_URL leads to no database: ",
        ),
        ({"DATABASE_URL": GOOD.replace("geheim", "geh/eim")}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": GOOD.replace(":1/", ":port/")}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": GOOD.replace("portal_owner:", "x") + "?no=1"}, "DATABASE_URL leads to"),
        ({"DATABASE_URL": "mysql://root:geheim@127.0.0.1/portal"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": ""}, "DATABASE_URL must look like"),
    ],
)
def test_a_wrong_database_address_is_told_in_one_line_without_its_password(
    var: Path, addresses: dict[str, str], said: str
) -> None:
    if len(addresses) == 1 and addresses["DATABASE_URL"] != GOOD:
        addresses = {**addresses, "DATABASE_OWNER_URL": GOOD}
    line = refused(start(var, "-m portal.run", PORT=str(free_port()), **addresses))
    assert said in line
    assert "geheim" not in line
    assert "geh/eim" not in line


# --- What is kept, and clean ----------------------------------------------------------------------


def test_a_second_start_installs_nothing(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def make(words: list[str], failure: str) -> None:
        ran.append(words)
        Path(bootstrap.PYTHON).parent.mkdir(parents=True, exist_ok=True)
        Path(bootstrap.PYTHON).touch()

    monkeypatch.setattr(bootstrap, "command", make)
    bootstrap.install("run")
    assert [words[-2:] for words in ran] == [
        ["venv", bootstrap.VENV],
        ["-r", str(clone / "requirements.lock")],
    ]
    assert "--require-hashes" in ran[1]
    assert "--only-binary=:all:" in ran[1]  # no compiler is needed, and none is tried
    ran.clear()
    bootstrap.install("run")
    assert ran == []
    # Another lock, or one that changed, is installed; a .venv moved here from elsewhere is not
    # believed.
    (clone / "requirements.lock").write_text("# locked anew\n")
    bootstrap.install("run")
    assert ran != []
    monkeypatch.setattr(bootstrap, "ROOT", str(clone / "elsewhere"))
    assert bootstrap.installed() == {}


def test_clean_deletes_data_and_caches_and_leaves_the_packages(
    clone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = [clone / ".venv" / "lib" / "__pycache__", clone / "portal"]
    gone = [clone / "var" / "log", clone / ".mypy_cache", clone / "portal" / "__pycache__"]
    for folder in kept + gone:
        folder.mkdir(parents=True)
    bootstrap.clean({})
    assert [folder for folder in kept if not folder.is_dir()] == []
    assert [folder for folder in [*gone, clone / "var"] if folder.exists()] == []
    bootstrap.clean({})  # nothing there is no error


def test_clean_refuses_while_the_portal_runs(clone: Path) -> None:
    var = clone / "var"
    var.mkdir()
    with open(var / "run.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Problem, match=r"is running: stop it by Ctrl-C"):
            bootstrap.clean({})
    assert (var / "run.lock").exists()


def test_the_record_of_processes_is_replaced_whole(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var.mkdir()
    place = run.Place(var, True, "127.0.0.1", 8000)
    run.write_record(place, [], ready=False)
    before = place.record.read_text()

    def full(self: Path, *arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        run.write_record(place, [], ready=True)
    assert place.record.read_text() == before
