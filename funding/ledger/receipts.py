"""The proof of one entry: what anyone needs to check it offline, without asking us.

A C2SP tlog-proof with the entry's public form as its extra data; ``tools/verify_ledger.py receipt``
reads it.
"""

from dataclasses import dataclass

from funding.ledger import checkpoints, notes, proofs
from funding.ledger.models import Checkpoint, Leaf


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the log under a published checkpoint; ``index`` counts from 0."""

    index: int
    checkpoint: Checkpoint

    @property
    def steps(self) -> int:
        """How many hashes lead from the entry to the checkpoint's root."""
        return proofs.path_length(self.index, self.checkpoint.size)


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is in the log under a published checkpoint.

    ``index`` counts from 0; ``path`` holds the hashes (32 bytes each) that lead from the entry to
    the checkpoint's root.
    """

    entry: int
    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    @property
    def text(self) -> str:
        """The file that the offline verifier accepts."""
        (form,) = proofs.public_forms(self.index, self.index + 1)
        return "\n".join(
            [
                "c2sp.org/tlog-proof@v1",
                f"extra {notes.base64_of(form)}",
                f"index {self.index}",
                *(notes.base64_of(step) for step in self.path),
                "",
                checkpoints.signed_note(self.checkpoint),
            ]
        )


def place_of(entry: int) -> Place | None:
    """Where the entry with that number stands; None while no published checkpoint covers it."""
    leaf = Leaf.objects.filter(entry=entry).first()
    newest = checkpoints.published()
    if leaf is None or newest is None or leaf.sequence >= newest.size:
        return None
    return Place(leaf.sequence, newest)


def proof_of(entry: int) -> Proof | None:
    """The proof of the entry with that number; None while no published checkpoint covers it."""
    place = place_of(entry)
    if place is None:
        return None
    path = proofs.inclusion_proof(place.index, place.checkpoint.size)
    return Proof(entry, place.index, tuple(path), place.checkpoint)
