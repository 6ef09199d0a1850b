"""The ledger's benchmark: `make bench-ledger`, or

    .venv/bin/python -m bench.ledger [--seconds 5] [--rounds 3] [--only post,read] [--entries 1000000]

Prints a table and writes ``bench/results/<name>.json``. Exits with 0 where every goal is met, with 1
where one is not, with 2 where rows had to be left out.
"""

import argparse
import functools
import itertools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import ledger_proofs, tpcb
from bench.client import POOLS
from bench.rows import Row, interleaved, left_out, row, show, table, write
from bench.stage import Clients, Stage, Unavailable, facts, hordak_version, own_server, say
from portal.database import DatabaseProblem

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = ("post", "bulk", "read", "seal", "verify", "csv")
WRITERS = (1, 4, 8)
BATCH = 100  # entries of a commit in bulk
WARM_UP = 0.5  # seconds of an unmeasured round before the measured ones
SMALL = 1_000  # entries of the small ledger
READ_POOLS = 5  # pools that a filled ledger is spread over
READS = 10  # calls of each read at one go; then the other ledger has its turn
TURNS = 5  # of each ledger in a round: reads are short, so short disturbances must fall on both
FILLERS = 2  # processes that fill a ledger

# What is wanted, by peer, writers and where they post. What is not named is for information.
SPREAD, HOT = "spread over accounts", "on one hot account"
GOALS_OF_POST = {
    ("hordak", 1, SPREAD): "ratio ≥ 2.5",
    ("hordak", 1, HOT): "ratio ≥ 2.5",
    ("hordak", 4, SPREAD): "ratio ≥ 3",
    ("hordak", 4, HOT): "ratio ≥ 3",
    ("pgbench", 8, SPREAD): "ratio ≥ 0.9",
    ("pgbench", 8, HOT): "ratio ≥ 0.5",
}
# Hordak's ways to write many, as `bench.peers.hordak_driver` calls them. Its manual knows the first
# alone, so that is the one to beat; the second shows what Django can do under hordak's triggers.
WAYS_OF_BULK = (
    ("", "django-hordak's Transaction and Legs in one transaction (entries/s)", "ratio ≥ 15"),
    ("bulk_create", "django-hordak's tables by bulk_create (entries/s)", ""),
)
GOAL_OF_READS = "ratio ≤ 1.3"


class Run:
    """One run of the benchmark: its flags, its rows so far, and what was left out and why."""

    def __init__(self, stage: Stage, flags: argparse.Namespace) -> None:
        self.stage = stage
        self.seconds: float = flags.seconds
        self.rounds: int = flags.rounds
        self.entries: int = flags.entries
        self.file = RESULTS / f"{flags.name}.json"
        self.rows: list[Row] = []
        self.left_out: list[str] = []
        self.filled: dict[int, str] = {}

    def add(self, what: str, measure: Callable[[], list[Row]]) -> None:
        """Measure and keep the rows, at once on disk too; note what could not be measured."""
        say(f"— {what}")
        try:
            found = measure()
        except Unavailable as reason:
            say(f"  LEFT OUT: {reason}")
            self.left_out.append(f"{what}: {reason}")
            found = [left_out(what)]
        for one in found:
            say(f"  {one.what}: {one.ours} / {one.peer}")
        self.rows += found
        write(self.rows, self.file)

    def ledger(self, entries: int) -> str:
        """The database of a ledger of that many entries, filled when it is first asked for."""
        if entries not in self.filled:
            name = self.stage.books(f"bench_of_{entries}")
            say(f"Filling a ledger of {entries:,} entries …")
            with self.stage.clients(name, FILLERS) as clients:
                self._fill(clients, 0, min(SMALL, entries))
                self.stage.settle(name)  # the rest is posted with plans for tables that hold rows
                self._fill(clients, min(SMALL, entries), entries)
            self.stage.settle(name)
            self.filled[entries] = name
        return self.filled[entries]

    def _fill(self, clients: Clients, first: int, last: int) -> None:
        """Post the events ``first`` to ``last`` (not itself) of a filled ledger, in equal shares."""
        edges = [first + (last - first) * place // FILLERS for place in range(FILLERS + 1)]
        order = {"job": "fill", "pools": READ_POOLS}
        clients.share([{**order, "first": a, "last": b} for a, b in itertools.pairwise(edges)])

    # --- Sections ---------------------------------------------------------------------------------

    def post(self) -> None:
        """One entry a commit: against hordak both by Python, against pgbench both by pgbench."""
        self.add("post, against django-hordak", self._post_by_python)
        self.add("post, against pgbench's TPC-B", self._post_by_pgbench)

    def _post_by_python(self) -> list[Row]:
        found = []
        with (
            self.stage.clients("bench_post", max(WRITERS)) as ours,
            self.stage.hordak("bench_hordak", max(WRITERS)) as theirs,
        ):
            for where, pools in ((SPREAD, POOLS), (HOT, 1)):
                for writers in WRITERS:
                    sides = [
                        self._writing(ours, writers, pools, 1),
                        self._writing(ours, writers, pools, 1, "use_case"),
                        self._writing(theirs, writers, pools, 1),
                    ]
                    self._settle()
                    alone, inside, peer = interleaved(sides, self.rounds)
                    what = f"post, {_writers(writers)} {where}"
                    goal = GOALS_OF_POST.get(("hordak", writers, where), "")
                    found += [
                        row(f"{what}: against django-hordak (entries/s)", alone, peer, goal),
                        row(f"{what}, in a caller's transaction: the same", inside, peer),
                    ]
        return found

    def _post_by_pgbench(self) -> list[Row]:
        found = []
        tpcb.prepare(self.stage)
        name = self.stage.books("bench_post")
        for where, spread in ((SPREAD, True), (HOT, False)):
            for writers in WRITERS:
                mine = functools.partial(tpcb.post_rate, self.stage, name, writers, spread=spread)
                theirs = functools.partial(tpcb.tpcb_rate, self.stage, writers)
                sides = [functools.partial(side, seconds=self.seconds) for side in (mine, theirs)]
                for side in (mine, theirs):
                    side(seconds=WARM_UP)  # unmeasured, as beside hordak
                self.stage.settle(name)
                ours, peer = interleaved(sides, self.rounds)
                what = f"post, {_writers(writers)} {where}: against pgbench's TPC-B (tps)"
                goal = GOALS_OF_POST.get(("pgbench", writers, where), "")
                found.append(row(what, ours, peer, goal))
        return found

    def bulk(self) -> None:
        """Many entries a commit: ours and hordak's by Python, TPC-B by pgbench, taking turns."""
        self.add(f"bulk, {BATCH} entries a commit", self._bulk)

    def _bulk(self) -> list[Row]:
        found: list[Row] = []
        try:
            tpcb.prepare(self.stage)
            has_pgbench = True
        except Unavailable as reason:
            self.left_out.append(f"bulk, against pgbench: {reason}")
            found.append(left_out("bulk, against pgbench"))
            has_pgbench = False
        with (
            self.stage.clients("bench_post", max(WRITERS)) as ours,
            self.stage.hordak("bench_hordak", max(WRITERS)) as theirs,
        ):
            for where, pools in ((SPREAD, POOLS), (HOT, 1)):
                for writers in WRITERS:
                    start = f"bulk, {_writers(writers)} {where}: against"
                    sides = [self._writing(ours, writers, pools, BATCH)]
                    peers = []
                    for way, what, goal in WAYS_OF_BULK:
                        peers.append((f"{start} {what}", goal))
                        sides.append(self._writing(theirs, writers, pools, BATCH, way))
                    if has_pgbench:
                        what = "pgbench's TPC-B (ours by Python, entries/s; tps)"
                        peers.append((f"{start} {what}", "ratio ≥ 3.5"))
                        sides.append(
                            functools.partial(tpcb.tpcb_rate, self.stage, writers, self.seconds)
                        )
                    self._settle()
                    mine, *rates = interleaved(sides, self.rounds)
                    found += [
                        row(what, mine, rate, goal)
                        for (what, goal), rate in zip(peers, rates, strict=True)
                    ]
        return found

    def _writing(
        self, clients: Clients, writers: int, pools: int, size: int, way: str = ""
    ) -> Callable[[], float]:
        """A round of writing, after a short one that is not measured."""
        order = {"pools": pools, "size": size, "way": way}
        clients.writes(writers, min(WARM_UP, self.seconds), **order)
        return lambda: clients.writes(writers, self.seconds, **order)

    def _settle(self) -> None:
        """Statistics for the planner on both sides, as pgbench makes them for its own tables.

        A database that is a minute old has none yet: what autovacuum does first would fall on
        whichever row comes later.
        """
        for name in ("bench_post", "bench_hordak"):
            self.stage.settle(name)

    def read(self) -> None:
        """The same reads of a small ledger and of a large one, taking turns."""
        self.add("reads of a pool", self._read)
        self.add("reads of django-hordak", self._read_of_hordak)

    def _read(self) -> list[Row]:
        found = []
        names = [self.ledger(self.entries), self.ledger(SMALL)]
        with self.stage.clients(names[0], 1) as large, self.stage.clients(names[1], 1) as small:
            for job in ("read", "page"):
                medians = self._medians(large, small, job)
                found += [
                    row(
                        f"{what} at {self.entries:,} entries against {SMALL:,} (µs)",
                        *times,
                        GOAL_OF_READS,
                    )
                    for what, times in medians.items()
                ]
        return found

    def _medians(self, large: Clients, small: Clients, job: str) -> dict[str, tuple[float, float]]:
        """The median time of each read in the large and in the small ledger, in microseconds."""
        found: dict[str, tuple[list[float], list[float]]] = {}
        for clients in (large, small):
            clients.order(job=job, calls=3)  # unmeasured: connection, caches
        for _ in range(self.rounds * TURNS):
            for place, clients in enumerate((large, small)):
                for what, time in clients.order(job=job, calls=READS).items():
                    found.setdefault(what, ([], []))[place].append(time)
        return {
            what: (sorted(at)[len(at) // 2], sorted(beside)[len(beside) // 2])
            for what, (at, beside) in found.items()
        }

    def _read_of_hordak(self) -> list[Row]:
        names = {entries: f"bench_hordak_of_{entries}" for entries in (self.entries, SMALL)}
        for entries, name in names.items():
            say(f"Filling django-hordak with {entries:,} transactions …")
            with self.stage.hordak(name, FILLERS) as clients:
                share = {"job": "fill", "entries": entries // FILLERS, "pools": READ_POOLS}
                clients.share([share] * FILLERS)
            self.stage.settle(name)
        with (
            self.stage.hordak(names[self.entries], 1) as large,
            self.stage.hordak(names[SMALL], 1) as small,
        ):
            ((at, beside),) = self._medians(large, small, "read").values()
        what = (
            f"django-hordak's own balance at {self.entries:,} transactions against {SMALL:,} (µs)"
        )
        return [row(what, at, beside)]

    def seal(self) -> None:
        """The sealer beside writers at full speed, and proofs in a large tree."""
        self.add(
            "sealing beside writers",
            lambda: ledger_proofs.seal_rows(self.stage, seconds=self.seconds, rounds=self.rounds),
        )
        self.add(
            "proofs",
            lambda: ledger_proofs.proof_rows(
                self.stage, self.ledger(self.entries), self.entries, rounds=self.rounds
            ),
        )

    def verify(self) -> None:
        """The offline verifier on a small and on a large download."""
        self.add(
            "the offline verifier",
            lambda: ledger_proofs.verify_rows(
                self.stage,
                (self.ledger(SMALL), SMALL),
                (self.ledger(self.entries), self.entries),
            ),
        )

    def csv(self) -> None:
        """The CSV of everything."""
        self.add(
            "CSV",
            lambda: ledger_proofs.csv_rows(
                self.stage, self.ledger(self.entries), self.entries, rounds=self.rounds
            ),
        )


def _writers(count: int) -> str:
    return "1 writer" if count == 1 else f"{count} writers"


def read_flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-ledger", description="The ledger's benchmark.")
    parser.add_argument("--seconds", type=float, default=5, help="of a round of writing")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the large ledger")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections: %(default)s")
    parser.add_argument("--name", default="ledger", help="of the file in bench/results")
    flags = parser.parse_args(arguments)
    flags.only = flags.only.split(",")
    for section in flags.only:
        if section not in SECTIONS:
            parser.error(f"there is no section {section!r}; there are {', '.join(SECTIONS)}")
    if flags.seconds <= 0 or flags.rounds < 1:
        parser.error("--seconds and --rounds must be more than 0")
    if flags.entries < 2 * SMALL:
        parser.error(f"--entries must be at least {2 * SMALL}")
    if not flags.name.replace("-", "").replace("_", "").isalnum():
        parser.error("--name is a plain word")
    return flags


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends us as Ctrl-C does: the server is stopped and its folder deleted."""
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    flags = read_flags(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        with own_server() as server:
            run = Run(Stage(server), flags)
            about = facts(server)
            if {"post", "bulk"} & set(flags.only):
                for version in (tpcb.version, hordak_version):
                    try:
                        about.append(version())
                    except Unavailable as reason:
                        say(str(reason))
            for section in SECTIONS:
                if section in flags.only:
                    getattr(run, section)()
    except KeyboardInterrupt:
        say("Ended; nothing is left running.")
        return 130
    except (Unavailable, DatabaseProblem) as reason:
        say(str(reason))
        return 2
    show("\n".join(about))
    show(f"{flags.rounds} rounds of {flags.seconds:g} s, medians\n")
    show(table(run.rows))
    for reason_of_gap in run.left_out:
        show(f"\nLEFT OUT — {reason_of_gap}")
    if any(one.met is False for one in run.rows):
        return 1
    return 2 if run.left_out else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
