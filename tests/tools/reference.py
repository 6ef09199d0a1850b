"""A small log of our own, written from docs/ledger-format.md and the RFC alone.

It shares no code with the programs under test and does everything the slow, plain way: the tree is
RFC 9162's own recursion, JSON is put together by hand.
"""

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "ledger.example.org/log"
TIME = 1_773_000_000

# --- RFC 9162, section 2.1 ------------------------------------------------------------------------


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(entries: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of a list of entries (2.1.1)."""
    if not entries:
        return sha256(b"")
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0])
    k = _split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:]))


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """The inclusion proof of entry m (2.1.3.1)."""
    if len(entries) == 1:
        return []
    k = _split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """The consistency proof from size m to all of the entries (2.1.4.1)."""

    def subproof(m: int, entries: Sequence[bytes], whole: bool) -> list[bytes]:
        n = len(entries)
        if m == n:
            return [] if whole else [mth(entries)]
        k = _split(n)
        if m <= k:
            return [*subproof(m, entries[:k], whole), mth(entries[k:])]
        return [*subproof(m - k, entries[k:], False), mth(entries[:k])]

    return subproof(m, entries, True) if 0 < m < len(entries) else []


# --- Signed notes ---------------------------------------------------------------------------------


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class Signer:
    """A key of a log (type 1) or of a witness (type 4), the same in every run."""

    name: str
    type: int
    seed: bytes = b""

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(sha256(self.seed + self.name.encode()))

    @property
    def _typed(self) -> bytes:
        return bytes([self.type]) + self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self._typed)[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(self._typed)}"

    def line(self, text: str, time: int = TIME) -> str:
        """The signature line of this key under ``text``."""
        if self.type == 1:
            signature = self.private.sign(text.encode())
        else:
            message = f"cosignature/v1\ntime {time}\n{text}"
            signature = struct.pack(">Q", time) + self.private.sign(message.encode())
        return f"— {self.name} {b64(self.id + signature)}\n"


LOG = Signer(ORIGIN, 1)
WITNESSES = (Signer("witness.example.net/one", 4), Signer("zeuge.example.de/zwei", 4))


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    return f"{origin}\n{size}\n{b64(root)}\n"


def note(text: str, signers: Sequence[Signer]) -> bytes:
    return (text + "\n" + "".join(signer.line(text) for signer in signers)).encode()


# --- Entries --------------------------------------------------------------------------------------

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write(value: Any) -> str:
    """JSON in the one way of the format."""
    if value is None:
        return "null"
    if isinstance(value, str):
        words = (_SHORT.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c) for c in value)
        return '"' + "".join(words) + '"'
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{write(k)}:{write(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(write(item) for item in value) + "]"
    assert type(value) is int
    return str(value)


def public(entry: Mapping[str, Any]) -> bytes:
    return write(entry).encode()


def private_part(number: int) -> dict[str, Any]:
    return {"approved_by": ["user:5"], "key": f"gift:{number}", "prepared_by": "user:3"}


def salt(number: int) -> bytes:
    return sha256(b"salt %d" % number)


def private_line(number: int) -> dict[str, Any]:
    return {"number": number, "private": private_part(number), "salt": salt(number).hex()}


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """A card gift; ``changes`` take the place of members."""
    found = {
        "effective_date": "2026-03-10",
        "figures": [["core", "USD", "received", 10000], ["core", "USD", "fees", 320]],
        "format": 1,
        "kind": "card-gift",
        "memo": "",
        "number": number,
        "period": "2026-03",
        "postings": [
            ["core", "clearing", "USD", 9680],
            ["core", "fees", "USD", 320],
            ["core", "contributions", "USD", -10000],
        ],
        "private": sha256(salt(number) + public(private_part(number))).hex(),
        "recorded_at": "2026-03-10T09:15:00.123456Z",
        "reverses": None,
        "source": f"gift:{number}",
    }
    assert changes.keys() <= found.keys()
    return {**found, **changes}


def reversal(number: int, of: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The opposite of another entry, its postings in another order."""
    return entry(
        number,
        **{
            "kind": "reversal",
            "reverses": of["number"],
            "figures": [[*row[:3], -row[3]] for row in of["figures"]],
            "postings": [[*row[:3], -row[3]] for row in reversed(of["postings"])],
            **changes,
        },
    )


def _kinds(number: int) -> dict[str, Any]:
    """An entry of one kind or another, by its number."""
    yen = number * 7 + 1
    if number % 4 == 0:
        return entry(
            number,
            kind="transfer",
            memo='Größe "ö" \\ / \t\n\x01\x7f 🎈 \u2028',
            figures=[["core", "USD", "transfers", -50], ["kids", "USD", "transfers", 50]],
            postings=[
                ["core", "bank", "USD", -50],
                ["core", "transfers-out", "USD", 50],
                ["kids", "bank", "USD", 50],
                ["kids", "transfers-in", "USD", -50],
            ],
        )
    if number % 4 == 1:
        return entry(
            number,
            kind="dues-invoice-issued",
            figures=[],
            postings=[
                ["dues", "dues-receivable", "JPY", yen],
                ["dues", "deferred-dues", "JPY", -yen],
            ],
        )
    if number % 4 == 2:
        return entry(
            number,
            kind="opening-balance",
            figures=[["kids", "EUR", "opening", 2**55 + number]],
            postings=[
                ["kids", "bank", "EUR", 2**55 + number],
                ["kids", "fund-balance", "EUR", -(2**55) - number],
            ],
        )
    return entry(number)


def some_entries(count: int) -> list[dict[str, Any]]:
    """Entries of many kinds: numbers skip, two change places, every ninth reverses another."""
    numbers = [number for n in range(1, 2 * count + 4, 4) for number in (n, n + 2, n + 1)]
    found: list[dict[str, Any]] = []
    for number in numbers[:count]:
        if len(found) % 9 == 8:
            found.append(reversal(number, found[-5]))
        else:
            found.append(_kinds(number))
    return found


# --- The log --------------------------------------------------------------------------------------


@dataclass
class Log:
    """Entries in their public form, with all that a portal would publish of them."""

    entries: list[bytes] = field(default_factory=list)
    signers: tuple[Signer, ...] = (LOG, *WITNESSES)
    origin: str = ORIGIN

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]], **more: Any) -> "Log":
        return cls([public(entry) for entry in entries], **more)

    def _size(self, size: int | None) -> int:
        return len(self.entries) if size is None else size

    def text(self, size: int | None = None) -> str:
        size = self._size(size)
        return checkpoint_text(self.origin, size, mth(self.entries[:size]))

    def checkpoint(self, size: int | None = None) -> bytes:
        return note(self.text(size), self.signers)

    def download(self, size: int | None = None) -> bytes:
        return b"".join(entry + b"\n" for entry in self.entries[: self._size(size)])

    def receipt(self, index: int, size: int | None = None) -> bytes:
        size = self._size(size)
        lines = [
            "c2sp.org/tlog-proof@v1",
            f"extra {b64(self.entries[index])}",
            f"index {index}",
            *(b64(sibling) for sibling in path(index, self.entries[:size])),
        ]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint(size)
