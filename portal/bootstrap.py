"""Make .venv, then hand over to the portal. Run by the system's Python: standard library only.

    python3 portal/bootstrap.py run      the demo: python -m portal.run
    python3 portal/bootstrap.py dev      only make .venv, with what tests and checks need
    python3 portal/bootstrap.py clean    delete data and caches

Whatever a machine may lack is said in one line before anything is written. The syntax stays
that of Python 3.6 on purpose: an old Python must get as far as being told that it is too old.
"""

import errno
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
RECORD = os.path.join(VENV, "installed.json")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis")
MEGABYTE = 1024 * 1024
# What a first start writes: packages, database, static files; and what a later one may.
NEEDED_FIRST = 900 * MEGABYTE
NEEDED_LATER = 150 * MEGABYTE


class Problem(Exception):
    """Why the portal cannot start here: one line for the person at the terminal."""


def check_python(version: "tuple[int, ...]" = tuple(sys.version_info[:2])) -> None:
    if version[:2] < OLDEST:
        raise Problem(
            f"Python {version[0]}.{version[1]} is too old: the portal needs Python 3.11 or later "
            "(make run PYTHON=/path/to/python3.12)."
        )


def check_venv() -> None:
    """Debian's Python comes without ensurepip until python3-venv is installed."""
    import importlib.util

    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise Problem(
                f"This Python cannot make virtual environments (no module {module}): install "
                "python3-venv, or name another Python by make run PYTHON=…"
            )


def check_disk(folder: str, needed: int) -> None:
    """Ask before anything is written; ``folder`` need not exist yet."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(os.path.abspath(folder))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Problem(
            f"The disk of {folder} has {free // MEGABYTE} MB free; the portal needs "
            f"{needed // MEGABYTE} MB. Nothing has been written."
        )


def read_port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise Problem(f"PORT is '{text}'; it must be a number from 1 to 65535.")
    return int(text)


def check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # A port that only lingers after a connection is free; one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = port + 1 if port < 65535 else 8001
                raise Problem(
                    f"Port {port} on {host} is taken; choose another: make run PORT={other}"
                ) from error
            raise Problem(f"Port {port} on {host} cannot be used: {error.strerror}.") from error


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def installed() -> "dict[str, str]":
    """Which locks .venv holds, by digest; nothing where .venv is broken or elsewhere's."""
    try:
        with open(RECORD) as file:
            record = json.load(file)
    except (OSError, ValueError):
        return {}
    return record["locks"] if record.get("root") == ROOT and os.path.exists(PYTHON) else {}


def works(python: str) -> bool:
    """Whether .venv's Python runs, is new enough and has pip: a moved or half-made one does not."""
    test = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.call([python, "-c", test], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def install(what: str) -> None:
    """Make .venv hold the lock of ``what``; quick and without a network when it already does."""
    lock = LOCKS[what]
    wanted = digest(os.path.join(ROOT, lock))
    locks = installed()
    if locks.get(lock) == wanted:
        return
    check_venv()
    if not works(PYTHON):
        say("Making .venv …")
        shutil.rmtree(VENV, ignore_errors=True)
        command([sys.executable, "-m", "venv", VENV], "The folder .venv cannot be made")
    say(f"Installing the packages of {lock} (once) …")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    command(
        [*pip, "--require-hashes", "--only-binary=:all:", "-r", os.path.join(ROOT, lock)],
        "The packages cannot be installed",
    )
    locks[lock] = wanted
    with open(RECORD + ".part", "w") as file:
        json.dump({"root": ROOT, "locks": locks}, file)
    os.replace(RECORD + ".part", RECORD)


def command(words: "list[str]", failure: str) -> None:
    """Run a command; where it fails, say why in one line."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    said = process.communicate()[0].decode("utf-8", "replace")
    if process.returncode:
        if "No space left on device" in said:
            raise Problem(f"{failure}: the disk is full.")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        reason = errors[-1] if errors else f"status {process.returncode}"
        raise Problem(f"{failure}: {reason}")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def data_folder(environment: "Mapping[str, str]") -> str:
    return os.path.realpath(environment.get("PORTAL_VAR") or os.path.join(ROOT, "var"))


def fallback_home(var: str) -> str:
    """Where database and binaries go when the database's account cannot enter ``var``."""
    name = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return f"/var/tmp/openlmis-portal-{name}"


def clean(environment: "Mapping[str, str]") -> None:
    """Delete the data folder and every cache. Raises Problem while the portal runs."""
    import fcntl

    var = data_folder(environment)
    if os.path.isdir(var):
        with open(os.path.join(var, "run.lock"), "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Problem("The portal is running: stop it by Ctrl-C, then clean.") from None
    folders = [var, fallback_home(var)]
    folders += [os.path.join(ROOT, name) for name in CACHES]
    for base, names, _ in os.walk(ROOT):
        names[:] = [name for name in names if name not in (".venv", ".git", "var")]
        folders += [os.path.join(base, name) for name in names if name == "__pycache__"]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(what: str, environment: "Mapping[str, str]", beside: bool = False) -> None:
    """All checks, then the packages. ``beside``: the portal may run already, so no port is asked."""
    check_python()
    var = data_folder(environment)
    if what == "run" and not beside:
        port = read_port(environment.get("PORT") or "8000")
        # A record of running processes may be of our own, left by a crash: portal.run clears it
        # away and looks at the port again.
        if not os.path.exists(os.path.join(var, "processes.json")):
            check_port(environment.get("HOST") or "127.0.0.1", port)
    lock = LOCKS[what]
    first = installed().get(lock) != digest(os.path.join(ROOT, lock))
    check_disk(VENV, NEEDED_FIRST if first else NEEDED_LATER)
    check_disk(var, NEEDED_LATER)
    install(what)


def main(arguments: "list[str]") -> int:
    what = arguments[0] if arguments else "run"
    try:
        if what == "clean":
            clean(os.environ)
        else:
            prepare(what, os.environ, arguments[1:2] == ["manage"])
    except Problem as problem:
        say(str(problem))
        return 2
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except OSError as error:
        say("The disk is full." if error.errno == errno.ENOSPC else str(error))
        return 2
    if what == "run":
        os.chdir(ROOT)
        os.execv(PYTHON, [PYTHON, "-m", "portal.run", *arguments[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
