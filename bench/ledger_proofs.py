"""Rows of the sealed log: sealing, proofs, the offline verifier, and the CSV of everything."""

import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.client import POOLS
from bench.rows import Row, interleaved, row
from bench.stage import HEAD_START, ROOT, Clients, Stage, Unavailable, environment_for, run

SEAL_WRITERS = 8
PROOFS = 200  # proofs timed a round
MEGABYTE = 1024 * 1024


def seal_rows(stage: Stage, *, seconds: float, rounds: int) -> list[Row]:
    """One process seals while `SEAL_WRITERS` post as fast as they can.

    "Keeps up" cannot mean a ratio of 1: what was posted in the last moment is not sealed yet. It
    means that what is left when the writers stop is a moment's posting, and that it does not grow
    with time, which the ratio says.
    """
    name = stage.books("bench_seal")
    posted: list[float] = []
    backlog: list[float] = []
    left = 0.0  # entries not sealed yet when a round begins

    with stage.clients(name, SEAL_WRITERS) as writers, stage.clients(name, 1) as sealer:

        def one_round() -> float:
            """Entries sealed a second, as what was posted in the round is left beside it."""
            nonlocal left
            start = time.monotonic() + HEAD_START
            order = {"seconds": seconds, "start": start}
            sealer.send(sealer.processes[0], job="keep_sealing", **order)
            answers = writers.share(
                [{"job": "write", "pools": POOLS, "size": 1, **order}] * SEAL_WRITERS
            )
            sealed = sealer.answer(sealer.processes[0])
            entries = sum(answer["entries"] for answer in answers)
            posted.append(entries / max(answer["seconds"] for answer in answers))
            backlog.append(left + entries - sealed["entries"])
            left = backlog[-1] - sealer.order(job="seal_all")["sealed"]
            if left:
                raise Unavailable(f"{left} entries were posted and could not be sealed.")
            return float(sealed["entries"] / sealed["seconds"])

        one_round()  # unmeasured: connections, plans and caches
        stage.settle(name)
        posted.clear()
        backlog.clear()
        (rate,) = interleaved([one_round], rounds)
    middle = sorted(posted)[len(posted) // 2]
    behind = sorted(backlog)[len(backlog) // 2] / middle
    return [
        row(
            f"sealing beside {SEAL_WRITERS} writers (entries/s), against what they post",
            rate,
            middle,
            "ratio ≥ 0.95",
        ),
        row("sealing: backlog when the writers stop (seconds of their posting)", behind, None,
            "ours ≤ 1"),
    ]  # fmt: skip


def sealed_size(clients: Clients, entries: int) -> float:
    """Seal all ``entries`` of a filled ledger; entries sealed a second, 0.0 where all were."""
    begin = time.monotonic()
    sealed = clients.order(job="seal_all")["sealed"]
    if sealed not in (0, entries):
        raise Unavailable(f"Of {entries} entries {sealed} were sealed.")
    return float(sealed / (time.monotonic() - begin))


def proof_rows(stage: Stage, name: str, entries: int, *, rounds: int) -> list[Row]:
    """Inclusion proofs of random entries in the tree of all ``entries``."""
    with stage.clients(name, 1) as clients:
        rate = sealed_size(clients, entries)
        hashes: list[int] = []

        def one_round() -> float:
            """Milliseconds of a proof."""
            answer = clients.order(job="prove", size=entries, calls=PROOFS)
            hashes.append(answer["hashes"])
            return float(answer["microseconds"] / 1e3)

        one_round()
        (milliseconds,) = interleaved([one_round], rounds)
    rows = [
        row(f"a proof at {entries:,} entries (ms)", milliseconds, None, "ours ≤ 5"),
        row(
            f"hashes of the longest proof at {entries:,} entries, against log2 of the size",
            float(max(hashes)),
            float(math.ceil(math.log2(entries))),
            "ratio ≤ 1",
        ),
    ]
    if rate:
        rows.append(row(f"sealing {entries:,} entries at one go (entries/s)", rate))
    return rows


def verify_rows(stage: Stage, small: tuple[str, int], large: tuple[str, int]) -> list[Row]:
    """The offline verifier on downloads of both ledgers, each a (database, entries)."""
    times, peaks = [], []
    for name, entries in (small, large):
        with tempfile.TemporaryDirectory(dir=stage.server.home) as folder:
            with stage.clients(name, 1) as clients:
                sealed_size(clients, entries)
            files = Path(folder)
            save = [sys.executable, "-m", "bench.client", "save", folder, str(entries)]
            run(save, environment_for(stage.server, name), "Downloading the ledger")
            answer = _verify(files)
            times.append(answer["seconds"])
            peaks.append(answer["peak"] / MEGABYTE)
    return [
        row(f"the verifier on {large[1]:,} entries offline (s)", times[1], None, "ours ≤ 60"),
        row(
            f"the verifier's peak memory at {large[1]:,} against {small[1]:,} entries (MB)",
            peaks[1],
            peaks[0],
            "ratio ≤ 1.2",
        ),
    ]


def _verify(files: Path) -> dict[str, float]:
    """Seconds and bytes that `tools/verify_ledger.py` takes for the download in ``files``."""
    script = ROOT / "tools" / "verify_ledger.py"
    if not script.exists():
        raise Unavailable("There is no tools/verify_ledger.py.")
    answer = files / "answer.json"
    said = subprocess.run(
        [sys.executable, "-m", "bench.memory", str(answer), str(script),
         "download", str(files / "entries.jsonl"),
         "--checkpoint", str(files / "checkpoint"), "--keys", str(files / "keys.txt")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode != 0:
        raise Unavailable(f"The verifier does not accept the ledger:\n{said.stdout}{said.stderr}")
    found: dict[str, float] = json.loads(answer.read_text())
    return found


def csv_rows(stage: Stage, name: str, entries: int, *, rounds: int) -> list[Row]:
    """The CSV of every posting, streamed by a process that does nothing else; beside how it was
    made before the database wrote it."""
    answers: dict[str, dict[str, float]] = {}

    def rate(by: str) -> float:
        said = run(
            [sys.executable, "-m", "bench.client", "csv", by],
            environment_for(stage.server, name),
            "Streaming the CSV",
        )
        found: dict[str, float] = json.loads(said)
        if found["lines"] < 2 * entries + 1:
            raise Unavailable(f"The CSV of {entries} entries has {found['lines']} lines.")
        answers[by] = found
        return found["lines"] / found["seconds"]

    copied, by_rows = interleaved([lambda: rate("copy"), lambda: rate("rows")], rounds)
    return [
        row(
            f"CSV of {entries:,} entries: peak memory over the base process (MB)",
            (answers["copy"]["peak"] - answers["copy"]["base"]) / MEGABYTE,
            None,
            "ours ≤ 64",
        ),
        row(
            f"CSV of {entries:,} entries by COPY, against row by row (rows/s)",
            copied,
            by_rows,
            "ratio ≥ 2",
        ),
    ]
