"""The whole portal as `make run` starts it, for the browser tests: its own folder, its own port."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from portal import demo_secrets, processes
from tests.database import temporary_folder

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 300  # the demo's content is loaded while other tests keep the machine busy
# What else the tests' own environment says (its database, its mode) is not for the demo.
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PORTAL_PG")


class Demo:
    """A demo that runs: where it is, who has an account, and what an operator can do with it."""

    def __init__(self, var: Path, port: int) -> None:
        self.var = var
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "PORTAL_MODE": "demo",
            "PORTAL_VAR": str(var),
            "PORT": str(port),
        }

    @property
    def accounts(self) -> dict[str, demo_secrets.DemoAccount]:
        return demo_secrets.load(self.var).accounts

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One manage.py command beside the running portal."""
        return subprocess.run(
            [sys.executable, "-m", "portal.run", "manage", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def python(self, code: str) -> None:
        """Let ``code`` run beside the running portal, with what `tests.e2e.members` has."""
        done = self.manage("shell", "-v0", "-c", f"from tests.e2e.members import *\n{code}")
        assert done.returncode == 0, done.stderr

    def processes(self) -> dict[str, int]:
        """The process of each part, by its name; empty until all of them have started."""
        try:
            record = json.loads((self.var / "processes.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {part["name"]: part["pid"] for part in record["processes"] if record["ready"]}

    @contextlib.contextmanager
    def without_worker(self) -> Iterator[None]:
        """Meanwhile the webhook is taken in, and nothing is done about it yet."""
        worker = self.processes()["worker"]
        os.killpg(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(worker, signal.SIGCONT)


@contextlib.contextmanager
def running_demo() -> Iterator[Demo]:
    """Start everything with a fresh database, and stop it."""
    var = temporary_folder()
    demo = Demo(var, _free_port())
    said = var / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.run"],
            cwd=ROOT,
            env=demo.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(),
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not demo.processes():
            words = said.read_text(encoding="utf-8")
            assert process.poll() is None, f"The demo did not start:\n{words}"
            assert time.monotonic() < until, f"The demo is not up in time:\n{words}"
            time.sleep(0.1)
        yield demo
    finally:
        process.terminate()
        try:
            process.wait(timeout=45)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(var, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
