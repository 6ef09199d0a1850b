"""Checkpoints: what the log signs, keeps outside the database, and has witnessed.

Whoever owns the database could otherwise rewrite it, tree and all. So each checkpoint is also a
file outside of it, which the next one must continue, and witnesses of their own (`tools/witness.py`
is one that anybody can run) sign only what continues the last checkpoint they saw.
"""

import contextlib
import datetime
import logging
import os
import re
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from core.transactions import inside_transaction, use_case
from funding.ledger import jobs, notes, proofs, sealing, statements
from funding.ledger.models import Checkpoint, Cosignature, Period, StatementHash

logger = logging.getLogger(__name__)

ANSWER_LIMIT = 64 * 1024
TIMEOUT = 20  # seconds that a witness has
_FILES = 20_263  # of an advisory lock, next to those of `funding.ledger.sql.guards`
_NEWEST = "newest"


class LogRewritten(RuntimeError):
    """The database does not continue what was signed before: nothing may be signed over it."""


class WitnessRefused(RuntimeError):
    """A witness did not sign; the text says what it answered."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody outside who watches that the log only grows."""

    verifier: notes.Verifier
    url: str


def signer() -> notes.Signer:
    """The log's key. Raises notes.BadKey."""
    return notes.parse_signer(settings.LEDGER_SIGNING_KEY)


def witnesses() -> list[Witness]:
    """The witnesses that LEDGER_WITNESSES names. Raises notes.BadKey."""
    found = []
    for text in settings.LEDGER_WITNESSES:
        key, _, url = text.partition("@")
        found.append(Witness(notes.parse_verifier(key), url.strip().rstrip("/")))
    return found


# --- Signing --------------------------------------------------------------------------------------


def publish() -> Checkpoint | None:
    """Seal what is committed and sign the tree, where it has grown. None where it has not.

    The checkpoint is in its file before it is in the database, so what was ever shown is also kept
    outside. Raises LogRewritten.
    """
    # Before the sealing: so all entries of the months that the checkpoint names are under it.
    months = statements.unsigned_months()
    sealing.seal_all()
    size = proofs.tree_size()
    newest = Checkpoint.objects.last()
    _must_continue(size, [(c.size, bytes(c.root)) for c in [newest] if c])
    _must_continue(size, [kept for kept in [_newest_kept()] if kept])
    if newest and newest.size == size:
        return None
    if size == 0:
        return None
    root = proofs.root(size)
    with use_case():
        _alone_with_the_files()
        existing = Checkpoint.objects.filter(size=size).first()
        if existing:  # another publisher was quicker
            return existing
        return _sign(size, root, months)


@inside_transaction
def _sign(size: int, root: bytes, months: list[datetime.date]) -> Checkpoint:
    """Sign and keep the checkpoint of ``size``, which names those ``months`` that none named yet."""
    key = signer()
    kept = _file(
        size
    ).exists()  # a crash left it, perhaps with witnesses' lines: what it says holds
    if kept:
        text = _file(size).read_text(encoding="utf-8").partition("\n\n")[0] + "\n"
    else:
        left = [month for month in statements.unsigned_months() if month in months]
        named = [(f"{month:%Y-%m}", statements.month_hash(month)) for month in left]
        text = notes.checkpoint_text(key.name, size, root, named)
    note = f"{text}\n{key.sign(text)}\n"
    if not kept:
        _keep(size, note)
    checkpoint = Checkpoint.objects.create(size=size, root=root, note=note)
    for month, sha256 in notes.statements_named(text):
        StatementHash.objects.create(
            period=Period.objects.get(month=f"{month}-01"), sha256=sha256, checkpoint=checkpoint
        )
    for witness in witnesses():
        jobs.ask_witness.enqueue(size=size, witness=witness.verifier.name)
    return checkpoint


def _must_continue(size: int, signed: Iterable[tuple[int, bytes]]) -> None:
    for old_size, old_root in signed:
        if old_size > size or proofs.root(old_size) != old_root:
            raise LogRewritten(
                f"A checkpoint of {old_size} entries was signed which the {size} sealed entries of "
                "this database do not continue. The database was rewritten, or an older copy of it "
                "was put back: see docs/operating.md."
            )


# --- Outside the database -------------------------------------------------------------------------


def _folder() -> Path:
    return Path(settings.LEDGER_CHECKPOINT_DIR)


def _file(size: int) -> Path:
    return _folder() / f"{size}.checkpoint"


@inside_transaction
def _alone_with_the_files() -> None:
    """Wait until nobody else writes checkpoint files, and keep them out until the transaction ends.

    So what is written is what stands in the database at that time, and nobody writes less over it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_FILES])


def _keep(size: int, note: str) -> None:
    """Write the checkpoint's file so that a power cut leaves the old one or the new, never half."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    newest = max(size, _newest_size() or 0)
    part = folder / f".{size}.{secrets.token_hex(8)}"
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        part.replace(_file(size))
    finally:
        part.unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _note_newest(newest, _last_change())


def _newest_kept() -> tuple[int, bytes] | None:
    """Size and root of the newest checkpoint file that our key signed."""
    size = _newest_size()
    if size is None:
        return None
    note = _file(size).read_text(encoding="utf-8")
    text, _, lines = note.partition("\n\n")
    text += "\n"
    if not any(signer().verifier.has_signed(text, line) for line in lines.splitlines()):
        raise LogRewritten(f"{size}.checkpoint is not signed by the log's key.")
    _origin, kept_size, root = text.splitlines()[:3]
    return int(kept_size), notes.unbase64(root)


# Which file is the newest, without a look at all of them each minute: `newest` holds its size and
# when the folder was last changed by then. Where it was changed since (a crash in between, an older
# version of this program, a file put back by hand), or where it says nothing, the folder is listed.
# It is written in place, since a new file would itself change the folder.


def _newest_size() -> int | None:
    noted = _folder() / _NEWEST
    with contextlib.suppress(FileNotFoundError, ValueError):
        size, changed = map(int, noted.read_text(encoding="ascii").split())
        if changed == _last_change() and _file(size).exists():
            return size
    if not _folder().exists():
        return None
    noted.touch()
    changed = _last_change()  # before the look: what comes during it is looked for again
    sizes = _listed_sizes()
    if not sizes:
        return None
    _note_newest(max(sizes), changed)
    return max(sizes)


def _listed_sizes() -> list[int]:
    return [
        int(path.stem) for path in _folder().glob("*.checkpoint") if re.fullmatch(r"\d+", path.stem)
    ]


def _last_change() -> int:
    """When a file last came into the folder or left it, in nanoseconds."""
    return _folder().stat().st_mtime_ns


def _note_newest(size: int, changed: int) -> None:
    (_folder() / _NEWEST).write_text(f"{size} {changed}\n", encoding="ascii")


# --- Witnesses ------------------------------------------------------------------------------------


def ask_witness(size: int, name: str) -> Cosignature | None:
    """Have the witness ``name`` sign the checkpoint of ``size`` (C2SP tlog-witness).

    None where it has signed a later one, or is no longer among the witnesses. Raises WitnessRefused
    and OSError, after which a later try may succeed.
    """
    witness = next((w for w in witnesses() if w.verifier.name == name), None)
    checkpoint = Checkpoint.objects.get(size=size)
    if witness is None or checkpoint.cosignatures.filter(witness=name).exists():
        return None
    last = Cosignature.objects.filter(witness=name).order_by("-checkpoint_id").first()
    known = last.checkpoint_id if last else 0
    for _try in range(2):
        if known > size:
            return None
        status, answer = _send(witness, known, checkpoint)
        if status == 409 and answer.strip().isdecimal():
            known = int(answer)  # it has seen less, or more, than we remember
            continue
        break
    if known > size:
        return None
    if status != 200:
        raise WitnessRefused(f"{name} answered {status}: {answer[:200]}")
    text = checkpoint.note.partition("\n\n")[0] + "\n"
    line = next((x for x in answer.splitlines() if witness.verifier.has_signed(text, x)), None)
    if line is None:
        raise WitnessRefused(f"{name} answered without a right signature.")
    with use_case():
        _alone_with_the_files()
        cosignature, _ = Cosignature.objects.get_or_create(
            checkpoint=checkpoint, witness=name, defaults={"line": line}
        )
        _keep(size, signed_note(checkpoint))
    return cosignature


def _send(witness: Witness, old: int, checkpoint: Checkpoint) -> tuple[int, str]:
    proof = [notes.base64_of(h) for h in proofs.consistency_proof(old, checkpoint.size)]
    body = "\n".join([f"old {old}", *proof, "", checkpoint.note])
    request = urllib.request.Request(  # noqa: S310  (a setting, checked to be http or https)
        f"{witness.url}/add-checkpoint", data=body.encode(), method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return answer.status, answer.read(ANSWER_LIMIT).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(ANSWER_LIMIT).decode("utf-8", "replace")


# --- Showing --------------------------------------------------------------------------------------


def signed_note(checkpoint: Checkpoint) -> str:
    """The checkpoint with the log's signature and every witness's."""
    lines = checkpoint.cosignatures.order_by("witness").values_list("line", flat=True)
    return checkpoint.note + "".join(f"{line}\n" for line in lines)


def published() -> Checkpoint | None:
    """The newest checkpoint that every witness has signed; before there is any, the newest at all.

    So what the public is shown is witnessed: where a witness cannot be reached, it stays behind.
    """
    found = Checkpoint.objects.order_by("-size")
    witnessed = found
    wanted = witnesses()
    for witness in wanted:
        witnessed = witnessed.filter(cosignatures__witness=witness.verifier.name)
    return witnessed.first() or (found.first() if wanted else None)


def verifier_keys() -> list[notes.Verifier]:
    """The public keys of the log and of its witnesses, the log's first."""
    return [signer().verifier, *(witness.verifier for witness in witnesses())]
