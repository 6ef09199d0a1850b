"""The Merkle tree over the sealed entries (RFC 9162, 2.1): tiles, roots and proofs.

Of the tree, the database keeps the leaves and the root of every full tile of 256 hashes
(`ledger_seal`); all else follows from a few tiles. Every hash here is 32 bytes. Nothing is cached:
a proof reads at most two tiles a level, and a level is 256 times smaller than the one below.

No library does this part: pymerkle (judged: right, maintained, GPL-3.0-or-later) keeps a tree of
its own in memory or SQLite and knows no tiles, so it would hold every leaf twice and prove from the
copy. A test holds our roots and proofs against the RFC's own recursive definition.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from django.db import connection

WIDTH = 256  # hashes of a full tile (C2SP tlog-tiles)
HEIGHT = 8  # levels of the tree that a tile spans
EMPTY_ROOT = hashlib.sha256(b"").digest()
_LEAVES_AT_ONCE = 4_096


class NoSuchTile(LookupError):
    """The tree is too small for this tile, proof or root."""


def leaf_hash(data: bytes) -> bytes:
    """RFC 9162, 2.1.1: of one entry's public form."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1: of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_size() -> int:
    """How many entries are sealed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(sequence) + 1, 0) FROM ledger_leaf")
        return int(cursor.fetchone()[0])


def hashes(level: int, start: int, count: int) -> list[bytes]:
    """``count`` hashes of a tile level from ``start`` on. Raises NoSuchTile where there are fewer."""
    table, column = ("ledger_leaf", "sequence") if level == 0 else ("ledger_treehash", "index")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT string_agg(hash, '' ORDER BY {column}), count(*) FROM {table}"  # noqa: S608
            f" WHERE {column} >= %s AND {column} < %s" + ("" if level == 0 else " AND level = %s"),
            [start, start + count] + ([] if level == 0 else [level]),
        )
        joined, found = cursor.fetchone()
    if found != count:
        raise NoSuchTile
    data = bytes(joined)
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def tile(level: int, index: int, width: int = WIDTH) -> bytes:
    """Tile ``index`` of a level: its first ``width`` hashes, end to end. Raises NoSuchTile."""
    return b"".join(hashes(level, index * WIDTH, width))


def entry_bundle(index: int, width: int = WIDTH) -> bytes:
    """The public forms of 256 entries (or the first ``width`` of them), each after its length."""
    forms = list(public_forms(index * WIDTH, index * WIDTH + width))
    if len(forms) != width:
        raise NoSuchTile
    return b"".join(len(form).to_bytes(2, "big") + form for form in forms)


def public_forms(start: int, stop: int) -> Iterator[bytes]:
    """The public form of each sealed entry from index ``start`` up to ``stop``, in log order."""
    for at in range(start, stop, WIDTH):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT f.form FROM ledger_leaf l JOIN ledger_public_form f USING (entry_id)"
                " WHERE l.sequence >= %s AND l.sequence < %s ORDER BY l.sequence",
                [at, min(at + WIDTH, stop)],
            )
            rows = cursor.fetchall()
        yield from (form.encode() for (form,) in rows)


class _Tree:
    """The tree at one size, which remembers the tiles it has read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def _tile(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._tiles:
            there = (self.size >> (HEIGHT * level)) - index * WIDTH
            width = min(WIDTH, there)
            if width <= 0:
                raise NoSuchTile
            self._tiles[level, index] = hashes(level, index * WIDTH, width)
        return self._tiles[level, index]

    def root(self, start: int, stop: int) -> bytes:
        """MTH(D[start:stop]) of RFC 9162, 2.1.1; ``start`` is a multiple of its subtree's size."""
        if start == stop:
            return EMPTY_ROOT
        count = stop - start
        if count & (count - 1) == 0:
            return self._perfect(start, count)
        left = 1 << ((count - 1).bit_length() - 1)
        return node_hash(self.root(start, start + left), self.root(start + left, stop))

    def _perfect(self, start: int, count: int) -> bytes:
        """The root of a perfect subtree: from the hashes of one tile."""
        height = count.bit_length() - 1
        level = height // HEIGHT
        first = start >> (HEIGHT * level)
        row = self._tile(level, first // WIDTH)
        row = row[first % WIDTH : first % WIDTH + (count >> (HEIGHT * level))]
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def path(self, index: int, start: int, stop: int) -> list[bytes]:
        """PATH of RFC 9162, 2.1.3.1, from the leaf's sibling upward."""
        count = stop - start
        if count == 1:
            return []
        middle = start + (1 << ((count - 1).bit_length() - 1))
        if index < middle:
            return [*self.path(index, start, middle), self.root(middle, stop)]
        return [*self.path(index, middle, stop), self.root(start, middle)]

    def subproof(self, old: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
        """SUBPROOF of RFC 9162, 2.1.4.1: ``whole`` while the old tree's own root is known."""
        if old == stop:
            return [] if whole else [self.root(start, stop)]
        middle = start + (1 << ((stop - start - 1).bit_length() - 1))
        if old <= middle:
            return [*self.subproof(old, start, middle, whole=whole), self.root(middle, stop)]
        return [*self.subproof(old, middle, stop, whole=False), self.root(start, middle)]


def root(size: int) -> bytes:
    """The root of the tree at ``size``. Raises NoSuchTile where fewer entries are sealed."""
    return _Tree(size).root(0, size)


def roots(sizes: Iterable[int]) -> Iterator[bytes | None]:
    """The root at each of ``sizes``, which ascend; None where the log has a gap before that size.

    One pass over the leaves, however many sizes there are: what is remembered is the roots of the
    perfect subtrees that the tree consists of, the largest first.
    """
    leaves = _leaves()
    subtrees: list[tuple[int, bytes]] = []  # how many leaves, root
    at = 0
    for size in sizes:
        for leaf in islice(leaves, size - at):
            subtrees.append((1, leaf))
            at += 1
            while len(subtrees) > 1 and subtrees[-2][0] == subtrees[-1][0]:
                count, right = subtrees.pop()
                subtrees[-1] = (2 * count, node_hash(subtrees[-1][1], right))
        yield _joined(subtrees) if at == size else None


def _joined(subtrees: list[tuple[int, bytes]]) -> bytes:
    """The root over perfect subtrees that stand side by side, the largest first."""
    if not subtrees:
        return EMPTY_ROOT
    joined = subtrees[-1][1]
    for _count, left in reversed(subtrees[:-1]):
        joined = node_hash(left, joined)
    return joined


def _leaves() -> Iterator[bytes]:
    """The leaf hashes from the first on, up to the end of the log or its first gap."""
    at = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sequence, hash FROM ledger_leaf WHERE sequence >= %s AND sequence < %s"
                " ORDER BY sequence",
                [at, at + _LEAVES_AT_ONCE],
            )
            found = cursor.fetchall()
        for sequence, leaf in found:
            if sequence != at:
                return
            at += 1
            yield bytes(leaf)
        if len(found) < _LEAVES_AT_ONCE:
            return


def inclusion_proof(index: int, size: int) -> list[bytes]:
    """That entry ``index`` is in the tree of ``size``: O(log size) hashes. Raises NoSuchTile."""
    if not 0 <= index < size:
        raise NoSuchTile
    return _Tree(size).path(index, 0, size)


def path_length(index: int, size: int) -> int:
    """How many hashes `inclusion_proof` consists of. The numbers alone say it: nothing is read."""
    length, start, stop = 0, 0, size
    while stop - start > 1:
        middle = start + (1 << ((stop - start - 1).bit_length() - 1))
        start, stop = (start, middle) if index < middle else (middle, stop)
        length += 1
    return length


def consistency_proof(old: int, new: int) -> list[bytes]:
    """That the tree of size ``new`` begins with that of ``old``; empty for 0. Raises NoSuchTile."""
    if not 0 <= old <= new:
        raise NoSuchTile
    return _Tree(new).subproof(old, 0, new, whole=True) if 0 < old < new else []


_ALTERED = """
SELECT l.sequence, l.entry_id FROM ledger_leaf l
LEFT JOIN ledger_public_form f USING (entry_id)
WHERE f.form IS NULL OR l.hash <> sha256('\\x00'::bytea || convert_to(f.form, 'UTF8'))
ORDER BY 1
"""
_GAPS = """
SELECT sequence FROM (
    SELECT sequence, row_number() OVER (ORDER BY sequence) - 1 AS place FROM ledger_leaf
) l WHERE sequence <> place ORDER BY 1 LIMIT 1
"""
# Numbers up to `sealed_through` are sealed or were never used: see funding.ledger.sql.sealing.
_PASSED_OVER = """
SELECT e.id FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE l.sequence IS NULL AND e.id <= (SELECT sealed_through FROM ledger_sealer) ORDER BY 1
"""
_BROKEN_TILES = """
SELECT h.level, h.index FROM ledger_treehash h WHERE h.hash IS DISTINCT FROM ledger_root((
    SELECT string_agg(l.hash, '' ORDER BY l.sequence) FROM ledger_leaf l
    WHERE h.level = 1 AND l.sequence >= h.index * 256 AND l.sequence < (h.index + 1) * 256
)) AND h.level = 1
OR h.level > 1 AND h.hash IS DISTINCT FROM ledger_root((
    SELECT string_agg(b.hash, '' ORDER BY b.index) FROM ledger_treehash b
    WHERE b.level = h.level - 1 AND b.index >= h.index * 256 AND b.index < (h.index + 1) * 256
)) ORDER BY 1, 2
"""


def problems() -> Iterator[str]:
    """One sentence for each thing wrong with what is sealed: against the books, in the tree itself,
    and against every checkpoint that was signed (whose roots are made from the leaves alone).

    It reads every entry and every leaf, and hashes each twice; a checkpoint more costs nearly nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ALTERED)
        for sequence, entry in cursor.fetchall():
            yield f"Entry {entry} is not what was sealed as number {sequence} of the log."
        cursor.execute(_GAPS)
        for (sequence,) in cursor.fetchall():
            yield f"The log has a gap before number {sequence}."
        cursor.execute(_PASSED_OVER)
        for (entry,) in cursor.fetchall():
            yield f"Entry {entry} was passed over: the log goes on without it."
        cursor.execute(_BROKEN_TILES)
        for level, index in cursor.fetchall():
            yield f"Hash {index} of level {level} of the tree is not that of its tile."
        cursor.execute("SELECT size, root FROM ledger_checkpoint ORDER BY size")
        signed = cursor.fetchall()
    found = roots(size for size, _root in signed)
    for (size, signed_root), right in zip(signed, found, strict=True):
        if right != bytes(signed_root):
            yield f"The checkpoint of size {size} was signed over another log than this one."
