"""The judge: what was promised against what stands, when the killing is over.

One function for each invariant; each returns what it found wrong, a sentence a thing. It reads the
tables by its own SQL wherever the portal has a check of its own, so that both would have to err.
"""

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.db import connection

from funding.ledger import balances, proofs
from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.entries import FigureLine, Line, NewEntry
from funding.ledger.models import Entry, Figure, Posting
from funding.ledger.notes import Verifier
from tests.database import ROOT
from tests.faults.oracle import Note, notes_of
from tools import verify_ledger

Findings = list[str]


@dataclass
class Case:
    """What the judge is shown: the folder outside the database; Django's connection leads inside."""

    folder: Path
    key: Verifier

    def notes(self, program: str) -> list[Note]:
        return notes_of(self.folder / "oracle", program)

    @cached_property
    def acknowledged(self) -> list[Note]:
        return [note for note in self.notes("writer") if "entry" in note]

    @cached_property
    def books(self) -> dict[int, NewEntry]:
        """Every entry as it stands, put together from its rows: no stored hash is believed."""
        lines: dict[int, list[Line]] = defaultdict(list)
        for number, pool, account, currency, amount in Posting.objects.values_list(
            "entry_id", "pool__code", "account__code", "currency", "amount"
        ):
            lines[number].append(Line(pool, account, currency, amount))
        figures: dict[int, list[FigureLine]] = defaultdict(list)
        for number, pool, currency, name, amount in Figure.objects.values_list(
            "entry_id", "pool__code", "currency", "name", "amount"
        ):
            figures[number].append(FigureLine(pool, currency, name, amount))
        return {
            entry.pk: NewEntry(
                key=entry.idempotency_key,
                kind=entry.kind,
                date=entry.effective_date,
                memo=entry.memo,
                source=entry.source,
                reverses=entry.reverses_id,
                decision=entry.kind == "transfer",
                lines=tuple(lines[entry.pk]),
                figures=tuple(figures[entry.pk]),
            )
            for entry in Entry.objects.all()
        }

    @cached_property
    def leaves(self) -> list[tuple[int, int, bytes]]:
        found = rows("SELECT sequence, entry_id, hash FROM ledger_leaf ORDER BY sequence")
        return [(sequence, entry, bytes(leaf)) for sequence, entry, leaf in found]

    @cached_property
    def outside(self) -> dict[int, str]:
        """The checkpoints in the files outside of the database, by size."""
        files = (self.folder / "checkpoints").glob("*.checkpoint")
        return {int(path.stem): path.read_text(encoding="utf-8") for path in files}


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


# --- Entries --------------------------------------------------------------------------------------


def acknowledged(case: Case) -> Findings:
    """Every entry that was acknowledged stands under its number, with the content it had then."""
    found = []
    for note in case.acknowledged:
        stands = case.books.get(note["entry"])
        if stands is None:
            found.append(f"Entry {note['entry']} ({note['key']}) was acknowledged and is gone.")
        elif (stands.key, stands.content_hash()) != (note["key"], note["hash"]):
            found.append(f"Entry {note['entry']} is not what was acknowledged as {note['key']}.")
    return found


def once(case: Case) -> Findings:
    """No event stands in the books twice, by whichever key: its source names it."""
    times = Counter(entry.source for entry in case.books.values())
    found = [f"{source} is in the books {n} times." for source, n in times.items() if n > 1]
    numbers: dict[str, set[int]] = defaultdict(set)
    for note in case.acknowledged:
        numbers[note["key"]].add(note["entry"])
    found += [f"{k} was acknowledged as entries {n}." for k, n in numbers.items() if len(n) > 1]
    return found


def balanced(case: Case) -> Findings:
    """Every entry has two postings or more and adds up to zero per pool and currency."""
    lame = rows(
        "SELECT e.id FROM ledger_entry e LEFT JOIN ledger_posting p ON p.entry_id = e.id"
        " GROUP BY e.id HAVING count(p.amount) < 2 OR count(p.amount) <> e.posting_count"
    )
    uneven = rows(
        "SELECT entry_id, pool_id, currency, sum(amount) FROM ledger_posting"
        " GROUP BY 1, 2, 3 HAVING sum(amount) <> 0"
    )
    return [f"Entry {number} has not all its postings." for (number,) in lame] + [
        f"Entry {number} is off by {amount} {currency} in pool {pool}."
        for number, pool, currency, amount in uneven
    ]


# --- Sums -----------------------------------------------------------------------------------------

_SUMS = """
SELECT of, is_kept, sum(amount) FROM (
    SELECT 'account ' || account_id AS of, true AS is_kept, amount FROM ledger_accountbalance
    UNION ALL SELECT 'account ' || account_id, false, amount FROM ledger_posting
    UNION ALL SELECT concat_ws(' ', 'figure', pool_id, currency, name), true, amount
        FROM ledger_figuretotal
    UNION ALL SELECT concat_ws(' ', 'figure', pool_id, currency, name), false, amount
        FROM ledger_figure
) every GROUP BY 1, 2
"""


def sums(case: Case) -> Findings:
    """Kept balances and totals are the sums of what was posted: by the portal's check and by ours."""
    kept: Counter[str] = Counter()
    for of, is_kept, amount in rows(_SUMS):
        kept[of] += int(amount) if is_kept else -int(amount)
    return [f"The kept sum of {of} is off by {by}." for of, by in kept.items() if by] + list(
        balances.differences()
    )


def two_roads(case: Case) -> Findings:
    """Figures and accounts lead to one number for what each pool has available (rule 5)."""
    off: Counter[tuple[str, str]] = Counter()
    for entry in case.books.values():
        for figure in entry.figures:
            off[figure.pool, figure.currency] += FIGURE_SIGNS[figure.name] * figure.amount
        for line in entry.lines:
            off[line.pool, line.currency] -= line.amount if line.account in AVAILABLE else 0
    return [
        f"The two roads of {pool} differ by {by} {cur}." for (pool, cur), by in off.items() if by
    ]


# --- The log --------------------------------------------------------------------------------------


def sealed(case: Case) -> Findings:
    """What was sealed is sealed still, as it was and where it was, and no entry was passed over."""
    found = []
    remembered: dict[int, str] = {}
    for note in case.notes("sealer"):
        first = note["size"] - len(note["leaves"])
        remembered |= dict(enumerate(note["leaves"], first))
    present = {sequence: leaf.hex() for sequence, _entry, leaf in case.leaves}
    found += [
        f"Number {sequence} of the log is not what it was."
        for sequence, leaf in remembered.items()
        if present.get(sequence) != leaf
    ]
    if [sequence for sequence, _entry, _leaf in case.leaves] != list(range(len(case.leaves))):
        found.append("The log has gaps.")
    forms = dict(rows("SELECT entry_id, form FROM ledger_public_form"))
    for _sequence, entry, leaf in case.leaves:
        if hashlib.sha256(b"\0" + forms.get(entry, "").encode()).digest() != leaf:
            found.append(f"Entry {entry} is not what was sealed.")
    unsealed = case.books.keys() - {entry for _sequence, entry, _leaf in case.leaves}
    found += [f"Entry {number} was passed over by the sealer." for number in sorted(unsealed)]
    return found


def checkpoints(case: Case) -> Findings:
    """Every checkpoint ever published is signed by the log and is of a prefix of the present tree."""
    inside = dict(rows("SELECT size, note FROM ledger_checkpoint"))
    remembered = {note["size"]: note["note"] for note in case.notes("sealer")}
    found = [
        f"The checkpoint of size {size} {where}."
        for sizes, where in (
            (inside.keys() - case.outside.keys(), "is not kept outside"),
            (remembered.keys() - case.outside.keys(), "was published, and its file is gone"),
            (remembered.keys() - inside.keys(), "was published, and its row is gone"),
        )
        for size in sorted(sizes)
    ]
    roots = {0: verify_ledger.Tree().root()}
    tree = verify_ledger.Tree()
    for _sequence, _entry, leaf in case.leaves:
        tree.add(leaf)
        roots[tree.size] = tree.root()
    keys = verify_ledger.make_keys(str(case.key))
    shown = {(note, where) for where, kept in (
        ("outside", case.outside), ("in the database", inside), ("remembered", remembered)
    ) for note in kept.values()}  # fmt: skip
    for note, where in sorted(shown):
        try:
            signed = verify_ledger.verify_checkpoint(note.encode(), keys)
        except verify_ledger.Wrong as wrong:
            found.append(f"A checkpoint {where}: {wrong}")
            continue
        if roots.get(signed.size) != signed.root:
            found.append(f"The checkpoint of size {signed.size} {where} is of another log.")
        elif root_by_tiles(signed.size) != signed.root:
            found.append(f"The tiles do not lead to the checkpoint of size {signed.size} {where}.")
    return found


def root_by_tiles(size: int) -> bytes:
    try:
        return proofs.root(size)
    except proofs.NoSuchTile:
        return b""


def verifier(case: Case) -> Findings:
    """The program that readers have says yes to a download, with every checkpoint they may keep."""
    if not case.outside:
        return []
    *older, newest = sorted(case.outside)
    files = case.folder / "checkpoints"
    download = case.folder / "entries.jsonl"
    with download.open("wb") as file:
        file.writelines(form + b"\n" for form in proofs.public_forms(0, newest))
    command = [sys.executable, str(ROOT / "tools" / "verify_ledger.py"), "download", str(download)]
    command += ["--log-key", str(case.key), "--checkpoint", str(files / f"{newest}.checkpoint")]
    for size in older:
        command += ["--previous", str(files / f"{size}.checkpoint")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if answer.returncode == 0 else [f"{answer.stdout}{answer.stderr}".strip()]


# --- The handler and the programs -----------------------------------------------------------------

_SETTLED = """
SELECT p.id, p.entry_id, e.id FROM payments_payment p
FULL JOIN (SELECT * FROM ledger_entry WHERE idempotency_key LIKE 'stripe:%') e
    ON e.idempotency_key = 'stripe:txn_' || p.id
WHERE p.entry_id IS DISTINCT FROM e.id
"""
_UNDONE = """
SELECT ev.event_id FROM payments_stripeevent ev
LEFT JOIN payments_payment p ON p.id = ev.payment_id
LEFT JOIN payments_receipt r ON r.payment_id = p.id
GROUP BY ev.event_id, ev.verdict, p.entry_id
HAVING ev.verdict <> 'applied' OR p.entry_id IS NULL OR count(r.id) <> 1
"""
_RECEIPTS = """
SELECT number FROM (
    SELECT number, row_number() OVER (PARTITION BY left(number, 9) ORDER BY number) AS place
    FROM payments_receipt
) r WHERE right(number, 5)::int <> place
"""


def handler(case: Case) -> Findings:
    """A payment that is marked as in the books has its one entry there, and no entry is unmarked."""
    found = [
        f"Payment {payment} is marked with entry {marked}; the books have {entry}."
        for payment, marked, entry in rows(_SETTLED)
    ]
    kept = {event for (event,) in rows("SELECT event_id FROM payments_stripeevent")}
    taken_in = {note["event"] for note in case.notes("handler")}
    found += [f"Event {event} was taken in and is gone." for event in taken_in - kept]
    found += [f"Receipt {number} follows on a gap." for (number,) in rows(_RECEIPTS)]
    return found


def done(case: Case) -> Findings:
    """Every event that was taken in led to one receipt and one entry, and no job was given up."""
    found = [f"Event {event} was not dealt with." for (event,) in rows(_UNDONE)]
    failed = "SELECT traceback FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'"
    return found + [f"A job was given up: {trace}" for (trace,) in rows(failed)]


def unforeseen(case: Case) -> Findings:
    """No program met with anything but a lost connection or a refusal of the ledger."""
    return [f"{note['program']}: {note['error']}" for note in case.notes("unexpected")]


CHECKS = (
    acknowledged, once, balanced, sums, two_roads, sealed, checkpoints, verifier, handler, done,
    unforeseen,
)  # fmt: skip


def judge(case: Case) -> dict[str, Findings]:
    """What each check found; a check that found nothing is left out."""
    verdicts = {check.__name__: check(case) for check in CHECKS}
    return {name: found for name, found in verdicts.items() if found}
