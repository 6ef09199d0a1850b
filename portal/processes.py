"""Who is this process: what a recorded pid still means after a crash.

A pid alone proves nothing, for the system gives numbers out again. So a record holds the pid and
the moment the process started, as the system states it, and only both together name a process.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def command_of(pid: int) -> str:
    """The command line of a process, words joined by blanks; empty when there is none to see."""
    if sys.platform == "linux":
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return ""
        return " ".join(os.fsdecode(word) for word in words if word)
    return _ps(pid, "command=")


def started(pid: int) -> str:
    """When a process started, in the system's own words; empty when no such process runs."""
    if sys.platform == "linux":
        try:
            line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        # The name in brackets may hold blanks; state and start time stand behind it.
        fields = line.rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    return "" if _ps(pid, "stat=").startswith("Z") else _ps(pid, "lstart=")


def _ps(pid: int, column: str) -> str:
    answer = subprocess.run(  # noqa: S603 (fixed words and a number)
        ["/bin/ps", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def is_running(pid: int) -> bool:
    return bool(started(pid))


def stop(
    pid: int, *, group: bool = False, first: int = signal.SIGTERM, seconds: float = 10
) -> None:
    """Ask a process (or its whole group) to end by the signal ``first``; kill it after a while."""
    send = os.killpg if group else os.kill
    for number, patience in ((first, seconds), (signal.SIGKILL, 5.0)):
        try:
            send(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not is_running(pid):
                return
            time.sleep(0.02)


def die_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """A ``preexec_fn``: the kernel sends the child ``number`` when its parent ends, however it ends.

    Linux alone can do that; elsewhere the next start finds the left-over process by its record.
    """
    parent = os.getpid()

    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, number)
            if os.getppid() != parent:
                os._exit(1)

    return arrange
