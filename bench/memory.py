"""The most memory a process ever held, and a way to run another program and learn its own.

    python -m bench.memory ANSWER SCRIPT ARGUMENTS …    run SCRIPT; write bytes and seconds to ANSWER

A parent cannot learn this from `getrusage(RUSAGE_CHILDREN)` exactly: on Linux a child begins with
the peak of the process that started it. So the program runs in a process that asks for itself.
"""

import json
import resource
import runpy
import sys
import time
from pathlib import Path


def peak_memory() -> int:
    """The peak of this process's resident memory, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(answer: str, script: str, *arguments: str) -> int:
    sys.argv = [script, *arguments]
    begin = time.monotonic()
    status: object = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        status = end.code
    seconds = time.monotonic() - begin
    Path(answer).write_text(json.dumps({"peak": peak_memory(), "seconds": seconds}))
    return status if isinstance(status, int) else int(status is not None)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
