"""The loop that every Python client of the benchmark runs, ours and the peer's: one and the same.

A client is a process that reads orders (one JSON object a line) from its input and answers each
by one line. Standard library only: the peer's virtual environment runs this file too.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Order = Mapping[str, Any]
# Does one transaction and returns how many entries it put into the books.
Step = Callable[[], int]


def pace(step: Step, order: Order) -> dict[str, float]:
    """Repeat ``step`` from the moment ``start`` for ``seconds``.

    ``start`` is a moment of the system's monotonic clock, which all processes share, so that all
    clients of a round begin together. Answers with ``entries`` done and ``seconds`` that passed
    until the last of them was committed.
    """
    time.sleep(max(0.0, order["start"] - time.monotonic()))
    begin = order["start"]
    until = begin + order["seconds"]
    entries = 0
    now = time.monotonic()
    while now < until:
        entries += step()
        now = time.monotonic()
    return {"entries": entries, "seconds": now - begin}


def median_microseconds(call: Callable[[], object], calls: int) -> float:
    """The median time of ``call``, in microseconds."""
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * 1e6


def serve(jobs: Mapping[str, Callable[[Order], dict[str, Any]]]) -> None:
    """Answer orders until the input ends, as it does when the benchmark itself ends."""
    # What the programs print themselves must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answers.write(json.dumps({"ready": sorted(jobs)}) + "\n")
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(jobs[order["job"]](order)) + "\n")
