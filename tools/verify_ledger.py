# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check the foundation's public ledger for yourself, without trusting the foundation.

You need Python 3.11 or newer and its package `cryptography` (`pip install cryptography`). This one
file is the whole program: it asks nobody over the network, changes nothing, and takes nothing from
the portal's own program.

From the portal's pages save what you want to check, and the keys (`/ledger/keys.txt`). Compare the
keys once with a copy that you got in another way (print, a colleague, a witness's own page): whoever
gives you the keys is the one you trust. Then, in a terminal, one of:

    python verify_ledger.py receipt 17.tlog-proof --keys keys.txt
        Is this entry in the log, word for word?

    python verify_ledger.py checkpoint checkpoint.txt --keys keys.txt
        Did the log, and each witness, sign this state of the log?

    python verify_ledger.py download entries.jsonl --checkpoint checkpoint.txt --keys keys.txt
        Is this the whole log, and do its books add up?

Of a download you can also ask:

    --previous older-checkpoint.txt     (as often as you like) a checkpoint you kept from earlier:
                                        is all that was there then still there, unchanged?
    --statement core-2026-03.json       (as often as you like) a pool's monthly statement: is it what
                                        the entries say?
    --private private.jsonl             for auditors: do the private parts belong to the entries?

Where a checkpoint, older or not, names the statements of a month, they are made from the entries and
compared, so that a closed month took no further entry.

In place of `--keys FILE` (the log's key on the first line, a witness's key on each further line) you
can name keys one by one: `--log-key KEY --witness-key KEY …`. Every witness named must have signed.
A signature of anyone else is refused, for nobody could tell whether it is any good; say
`--allow-unknown-signatures` to pass over such lines.

The answer is one line: "Yes: …" (exit code 0), or "No: …" with what is wrong and where (exit code
1). Where the question itself cannot be read, the exit code is 2. What is checked is written down in
docs/ledger-format.md.
"""

import argparse
import base64
import datetime
import functools
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("This program needs Python's package cryptography: pip install cryptography\n")
    sys.exit(2)

MEMBERS = (
    "effective_date",
    "figures",
    "format",
    "kind",
    "memo",
    "number",
    "period",
    "postings",
    "private",
    "recorded_at",
    "reverses",
    "source",
)
_TEXTS = ("effective_date", "kind", "memo", "period", "private", "recorded_at", "source")
PRIVATE_MEMBERS = ("approved_by", "key", "prepared_by")
PRIVATE_LINE_MEMBERS = ("number", "private", "salt")

# Which way each figure counts towards what a pool has available.
FIGURE_SIGNS = {
    "opening": 1,
    "received": 1,
    "refunded": -1,
    "held": -1,
    "lost": -1,
    "fees": -1,
    "expenses": -1,
    "exchange": 1,
    "transfers": 1,
    "disbursed": -1,
    "returned": 1,
    "committed": -1,
    "owed_back": -1,
    "paid_ahead": -1,
}
# The accounts whose balances, debit positive, add up to the same number.
AVAILABLE_ACCOUNTS = frozenset(
    (
        "bank",
        "clearing",
        "in-transit",
        "grants-payable",
        "credits-payable",
        "unallocated-receipts",
        "deferred-dues",
        "dues-receivable",
    )
)

# The one extension line that a checkpoint may have, and the month and hash that it names.
_STATEMENTS = re.compile(r"statements ([0-9]{4}-(?:0[1-9]|1[0-2])) ([0-9a-f]{64})")

MAX_ENTRY = 65_535
MAX_LINES = 200  # postings, and figures, of one entry
MAX_INTEGER = 2**63 - 1
MAX_NOTE = 1_048_576
MAX_PRIVATE_LINE = 1_048_576

LOG_KEY, WITNESS_KEY = 0x01, 0x04  # signature types of C2SP's signed notes
PROOF_HEADER = b"c2sp.org/tlog-proof@v1"


class Wrong(Exception):
    """What was given does not hold. Its words say what is wrong, and where."""


# --- Small things ---------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Words from a file, fit for a terminal: nothing in them can move the cursor or hide."""
    return text if re.fullmatch(r"[!-~]+", text) else json.dumps(text)


def from_base64(text: str, what: str) -> bytes:
    """Decode base64 that is written in the one right way, trailing bits and padding included."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong(f"{what} is not base64.") from None
    if base64.b64encode(data).decode() != text:
        raise Wrong(f"{what} is not base64 in its one right form.")
    return data


def _natural(text: str, what: str) -> int:
    """A decimal number without sign or leading zeroes, below 2^63."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text) or int(text) > MAX_INTEGER:
        raise Wrong(f"{what} is not a plain decimal number.")
    return int(text)


def _lines(file: BinaryIO, longest: int, what: str) -> Iterator[tuple[int, bytes]]:
    """Each line with its number (from 1) and without its newline, which the last one has too."""
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if not line.endswith(b"\n"):
            if len(line) > longest:
                raise Wrong(f"{what}, line {number}: longer than {longest:,} bytes.")
            raise Wrong(f"{what}, line {number}: the file breaks off without a newline.")
        yield number, line[:-1]


# --- The tree (RFC 9162, section 2.1) -------------------------------------------------------------


def leaf_hash(public: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + public).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The root of a growing log, kept by one hash for each full subtree, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf; each 1 at the end of the size is a subtree that it completes."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._subtrees.pop(), leaf)
            size >>= 1
        self._subtrees.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._subtrees:
            return hashlib.sha256(b"").digest()
        *left, root = self._subtrees
        for subtree in reversed(left):
            root = node_hash(subtree, root)
        return root


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which an inclusion proof leads (2.1.3.2); None where the proof has no such form."""
    if index >= size:
        return None
    fn, sn, root = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            root = node_hash(sibling, root)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    return root if sn == 0 else None


# --- Keys and signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ------------------


@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key: whose it is, what it signs (LOG_KEY, WITNESS_KEY), and the key itself."""

    name: str
    type: int
    id: bytes
    public: Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Keys:
    """Who must have signed: the log and every witness asked for."""

    log: Key
    witnesses: tuple[Key, ...] = ()
    allow_unknown: bool = False


def parse_vkey(text: str) -> Key:
    """Read `<name>+<key id>+<base64>`; Wrong where it is no such key."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Wrong(f"{shown(text)} is not a verifier key: name+id+key.")
    name, key_id, encoded = parts
    if not name or any(c.isspace() or "\ud800" <= c <= "\udfff" for c in name):
        raise Wrong(f"The name in the key {shown(text)} is empty, holds a blank or is no text.")
    data = from_base64(encoded, f"The key of {shown(name)}")
    if len(data) != 33 or data[0] not in (LOG_KEY, WITNESS_KEY):
        raise Wrong(f"The key of {shown(name)} is not an Ed25519 key of a log or a witness.")
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if key_id != expected.hex():
        raise Wrong(f"The key of {shown(name)} has the id {expected.hex()}, not {shown(key_id)}.")
    return Key(name, data[0], expected, Ed25519PublicKey.from_public_bytes(data[1:]))


def make_keys(log: str, witnesses: Iterable[str] = (), *, allow_unknown: bool = False) -> Keys:
    """Keys from their texts; Wrong where one is no key, of the wrong sort, or named twice."""
    log_key = parse_vkey(log)
    if log_key.type != LOG_KEY:
        raise Wrong(f"The key of {shown(log_key.name)} is a witness's; the log's was expected.")
    witness_keys = tuple(parse_vkey(text) for text in witnesses)
    for key in witness_keys:
        if key.type != WITNESS_KEY:
            raise Wrong(f"The key of {shown(key.name)} is a log's; a witness's was expected.")
    if len({(key.name, key.id) for key in witness_keys}) < len(witness_keys):
        raise Wrong("A witness's key is named twice.")
    return Keys(log_key, witness_keys, allow_unknown)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the log, and the names of the witnesses known to have signed it.

    ``statements``: the months that it names as closed, each with the hash over its statements.
    """

    origin: str
    size: int
    root: bytes
    witnesses: tuple[str, ...]
    statements: tuple[tuple[str, str], ...] = ()


def _split_note(note: bytes) -> tuple[str, list[str]]:
    """The text of a signed note (with its last newline) and its signature lines."""
    if len(note) > MAX_NOTE:
        raise Wrong("The checkpoint is too long to be one.")
    try:
        content = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Wrong(f"The checkpoint is not UTF-8 (byte {error.start}).") from None
    if re.search(r"[\x00-\x09\x0b-\x1f]", content):
        raise Wrong("The checkpoint holds control characters.")
    text, blank_line, signatures = content.rpartition("\n\n")
    if not blank_line:
        raise Wrong("The checkpoint has no blank line before its signatures.")
    if not signatures.endswith("\n"):
        raise Wrong("The checkpoint does not end with a newline after a signature.")
    return text + "\n", signatures[:-1].split("\n")


def _check_signature(key: Key, signature: bytes, text: str) -> None:
    """Wrong unless ``signature`` is one by ``key`` of the note's ``text``."""
    if key.type == LOG_KEY:
        signed, message = signature, text.encode()
        right_length = len(signed) == 64
    else:
        time, signed = int.from_bytes(signature[:8], "big"), signature[8:]
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        right_length = len(signed) == 64 and time <= MAX_INTEGER
    try:
        if not right_length:
            raise InvalidSignature
        key.public.verify(signed, message)
    except InvalidSignature:
        raise Wrong(f"The signature of {shown(key.name)} on the checkpoint is wrong.") from None


def verify_checkpoint(
    note: bytes, keys: Keys, *, ask_witnesses: bool = True, what: str = "The checkpoint"
) -> Checkpoint:
    """Check a checkpoint's form and signatures; every byte of it counts.

    ``ask_witnesses``: every witness must have signed. Where it is False (of an older checkpoint,
    which may have had other witnesses), those that did sign must still have signed rightly.
    """
    text, signatures = _split_note(note)
    known = {(key.name, key.id): key for key in (keys.log, *keys.witnesses)}
    signed: set[tuple[str, bytes]] = set()
    for line in signatures:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not parts[1]:
            raise Wrong(f"{what} has a signature line that is none: {shown(line)[:120]}.")
        name = parts[1]
        data = from_base64(parts[2], f"The signature of {shown(name)}")
        if len(data) < 5:
            raise Wrong(f"The signature of {shown(name)} is too short.")
        identity = (name, data[:4])
        if identity not in known:
            if keys.allow_unknown:
                continue
            raise Wrong(
                f"{what} has a signature of {shown(name)} by a key that was not given; give it by"
                " --witness-key, or say --allow-unknown-signatures."
            )
        if identity in signed:
            raise Wrong(f"{what} has two signatures of {shown(name)}.")
        _check_signature(known[identity], data[4:], text)
        signed.add(identity)
    for key in (keys.log, *keys.witnesses):
        if (key.name, key.id) not in signed and (key is keys.log or ask_witnesses):
            raise Wrong(f"{what} is not signed by {shown(key.name)}.")

    lines = text[:-1].split("\n")
    if len(lines) < 3:
        raise Wrong(f"{what} has {len(lines)} lines of text, not three or more.")
    origin, size, root = lines[:3]
    if origin != keys.log.name:
        raise Wrong(f"{what} is of the log {shown(origin)}, not of {shown(keys.log.name)}.")
    root_bytes = from_base64(root, "The checkpoint's root")
    if len(root_bytes) != 32:
        raise Wrong("The checkpoint's root is not 32 bytes long.")
    return Checkpoint(
        origin,
        _natural(size, "The checkpoint's size"),
        root_bytes,
        tuple(key.name for key in keys.witnesses if (key.name, key.id) in signed),
        _named_months(lines[3:], what),
    )


def _named_months(lines: Sequence[str], what: str) -> tuple[tuple[str, str], ...]:
    """The months that the extension lines name; Wrong where one is anything else."""
    found = []
    for line in lines:
        match = _STATEMENTS.fullmatch(line)
        if match is None:
            raise Wrong(f"{what} has a line of text that is none we know: {shown(line)[:120]}.")
        found.append((match[1], match[2]))
    if len(dict(found)) != len(found):
        raise Wrong(f"{what} names a month twice.")
    return tuple(found)


# --- Entries --------------------------------------------------------------------------------------

# Writes JSON as the format asks: the shortest escapes, lower-case digits, nothing beyond ASCII
# escaped, no white space.
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode
_RECORDED_AT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)
# In an entry that is well written this is its number: in no text can a bare " stand.
_NUMBER = re.compile(rb',"number":([0-9]+),')
_HEX_64 = re.compile(r"[0-9a-f]{64}")


@functools.lru_cache(maxsize=4096)
def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_month(text: str) -> bool:
    return len(text) == 7 and _is_date(text + "-01")


@functools.lru_cache(maxsize=4096)
def _is_currency(text: str) -> bool:
    return re.fullmatch(r"[A-Z]{3}", text) is not None


def _is_moment(text: str) -> bool:
    match = _RECORDED_AT.fullmatch(text)
    return match is not None and _is_date(match[1])


def _is_integer(value: object) -> bool:
    """An integer, which a boolean is not, of at most 64 bits."""
    return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER


def _is_number(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_INTEGER


def _canonical(data: bytes) -> Any:
    """The JSON value that ``data`` is; Wrong unless it is written in the one right way.

    Whatever can be written in two ways (a member twice, white space, an escape, -0, something
    behind the end) shows by writing the value anew and comparing.
    """
    try:
        text = data.decode("utf-8")
        value, _ = _decode(text)
        again = _encode(value)
    except UnicodeDecodeError as error:
        raise Wrong(f"not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise Wrong("not JSON: nested too deeply") from None
    except ValueError as error:
        raise Wrong(f"not JSON: {error}") from None
    if again != text:
        raise Wrong("not written in the one right way (order, spaces, escapes, repeated members)")
    return value


def _check_rows(name: str, rows: object, least: int) -> None:
    """The rows of postings or figures: `[text, text, text, amount]` each, of no amount zero."""
    if type(rows) is not list or not least <= len(rows) <= MAX_LINES:
        raise Wrong(f"{name} is not a list of {least} to {MAX_LINES}")
    currency_at = 2 if name == "postings" else 1
    for position, row in enumerate(rows, start=1):
        if (
            type(row) is not list
            or len(row) != 4
            or type(row[0]) is not str
            or type(row[1]) is not str
            or type(row[2]) is not str
            or not _is_integer(row[3])
        ):
            raise Wrong(f"{name}: row {position} is not three texts and an integer")
        if not _is_currency(row[currency_at]):
            raise Wrong(f"{name}: row {position} names no currency")
        if row[3] == 0:
            raise Wrong(f"{name}: row {position} has the amount zero")


def _check_values(entry: dict[str, Any]) -> None:
    """Each member but the rows is what it must be, of the type that it must be."""
    for name in _TEXTS:
        if type(entry[name]) is not str:
            raise Wrong(f"{name} is not a text")
    if type(entry["format"]) is not int or entry["format"] != 1:
        raise Wrong("format is not 1")
    if not _is_number(entry["number"]):
        raise Wrong("number is not a positive integer")
    if not _is_date(entry["effective_date"]):
        raise Wrong("effective_date is not a date")
    if not _is_month(entry["period"]):
        raise Wrong("period is not a month")
    if not _is_moment(entry["recorded_at"]):
        raise Wrong("recorded_at is not a moment in UTC with six decimals")
    if not _HEX_64.fullmatch(entry["private"]):
        raise Wrong("private is not 64 lower-case hexadecimal digits")
    if entry["reverses"] is not None and not _is_number(entry["reverses"]):
        raise Wrong("reverses is neither null nor an entry's number")


def parse_entry(public: bytes) -> dict[str, Any]:
    """Read the public form of one entry and check all that an entry alone can show.

    That it is written in the one right way, that each member is what it must be, that its figures
    are figures we know, and that its postings balance in each pool and currency.
    """
    if len(public) > MAX_ENTRY:
        raise Wrong(f"longer than {MAX_ENTRY:,} bytes")
    entry = _canonical(public)
    if type(entry) is not dict or tuple(entry) != MEMBERS:
        raise Wrong(f"its members are not {', '.join(MEMBERS)}")
    _check_values(entry)
    _check_rows("postings", entry["postings"], least=2)
    _check_rows("figures", entry["figures"], least=0)
    for _, _, name, _ in entry["figures"]:
        if name not in FIGURE_SIGNS:
            raise Wrong(f"there is no figure {shown(name)}")
    balances: dict[tuple[str, str], int] = defaultdict(int)
    for pool, _, currency, amount in entry["postings"]:
        balances[pool, currency] += amount
    for (pool, currency), amount in balances.items():
        if amount:
            raise Wrong(f"does not balance in pool {shown(pool)}: {amount} {currency} left over")
    return entry


# --- Receipts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry that is in the log, where it stands, and the checkpoint that says so."""

    entry: dict[str, Any]
    index: int
    checkpoint: Checkpoint


def verify_receipt(data: bytes, keys: Keys) -> Receipt:
    """Check a receipt (C2SP tlog-proof with the entry as extra data); every byte of it counts."""
    if len(data) > MAX_NOTE:
        raise Wrong("The receipt is too long to be one.")
    head, blank_line, note = data.partition(b"\n\n")
    if not blank_line:
        raise Wrong("The receipt has no blank line before its checkpoint.")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Wrong(f"The receipt's head is not ASCII (byte {error.start}).") from None
    if header.encode() != PROOF_HEADER:
        raise Wrong(f"The receipt does not begin with {PROOF_HEADER.decode()}.")
    if not lines or not lines[0].startswith("extra "):
        raise Wrong("The receipt's second line does not hold the entry (extra …).")
    if len(lines) < 2 or not lines[1].startswith("index "):
        raise Wrong("The receipt's third line does not say the index (index …).")
    public = from_base64(lines[0].removeprefix("extra "), "The receipt's entry")
    index = _natural(lines[1].removeprefix("index "), "The receipt's index")
    path = [from_base64(line, "A hash of the receipt's proof") for line in lines[2:]]
    if any(len(sibling) != 32 for sibling in path):
        raise Wrong("A hash of the receipt's proof is not 32 bytes long.")

    checkpoint = verify_checkpoint(note, keys)
    if root_from_inclusion(leaf_hash(public), index, checkpoint.size, path) != checkpoint.root:
        raise Wrong(
            f"The entry and its proof do not lead to the root of the checkpoint: this is not what"
            f" stands at index {index} of the log of size {checkpoint.size}."
        )
    try:
        entry = parse_entry(public)
    except Wrong as wrong:
        raise Wrong(f"The entry of the receipt: {wrong}.") from None
    return Receipt(entry, index, checkpoint)


# --- Downloads ------------------------------------------------------------------------------------


class _Numbers:
    """A set of numbers in little memory where they lie close together: a bit for each."""

    def __init__(self) -> None:
        self._chunks: dict[int, int] = {}

    def __contains__(self, number: int) -> bool:
        return bool(self._chunks.get(number >> 10, 0) >> (number & 1023) & 1)

    def add(self, number: int) -> None:
        chunk = number >> 10
        self._chunks[chunk] = self._chunks.get(chunk, 0) | 1 << (number & 1023)


def _digest(postings: Iterable[Sequence[Any]], sign: int) -> bytes:
    """A fingerprint of postings in any order, with each amount times ``sign``."""
    rows = sorted((pool, account, cur, sign * amount) for pool, account, cur, amount in postings)
    return hashlib.sha256(repr(rows).encode()).digest()


class _Months:
    """What the entries read so far brought in each month, for the statements of closed ones."""

    def __init__(self) -> None:
        self._months: set[str] = set()
        # By pool and currency, then by (name, month).
        self._accounts: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        self._figures: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        self._counts: dict[tuple[str, str], dict[str, int]] = {}

    def add(self, entry: dict[str, Any]) -> None:
        month = entry["period"]
        touched = set()
        for pool, account, currency, amount in entry["postings"]:
            sums = self._accounts.setdefault((pool, currency), {})
            sums[account, month] = sums.get((account, month), 0) + amount
            touched.add((pool, currency))
        for pool, currency, name, amount in entry["figures"]:
            sums = self._figures.setdefault((pool, currency), {})
            sums[name, month] = sums.get((name, month), 0) + amount
        for place in touched:
            counts = self._counts.setdefault(place, {})
            counts[month] = counts.get(month, 0) + 1

    def statements(self, month: str) -> dict[str, bytes]:
        """The statement of each pool that had an entry by the end of ``month``, by its code."""
        books: dict[str, list[dict[str, Any]]] = {}
        for pool, currency in sorted(self._accounts.keys() | self._figures.keys()):
            accounts = _moved(self._accounts.get((pool, currency), {}), month)
            figures = _moved(self._figures.get((pool, currency), {}), month)
            if not accounts and not figures:
                continue
            figures = {name: figures.get(name, (0, 0)) for name in FIGURE_SIGNS}
            books.setdefault(pool, []).append(
                {
                    "accounts": [[code, *_row(of)] for code, of in sorted(accounts.items())],
                    "available_by_accounts": _total(
                        (1, of) for code, of in accounts.items() if code in AVAILABLE_ACCOUNTS
                    ),
                    "available_by_figures": _total(
                        (FIGURE_SIGNS[name], of) for name, of in figures.items()
                    ),
                    "currency": currency,
                    "entries": self._counts.get((pool, currency), {}).get(month, 0),
                    "figures": [[name, *_row(of)] for name, of in figures.items()],
                }
            )
        return {
            pool: _encode({"books": found, "format": 1, "month": month, "pool": pool}).encode()
            + b"\n"
            for pool, found in books.items()
        }

    def hash(self, month: str) -> str:
        """What a checkpoint names: the hash over the list of the statements' hashes."""
        lines = "".join(
            f"{hashlib.sha256(form).hexdigest()}  {pool}-{month}.json\n"
            for pool, form in self.statements(month).items()
        )
        return hashlib.sha256(lines.encode()).hexdigest()


def _moved(sums: dict[tuple[str, str], int], month: str) -> dict[str, tuple[int, int]]:
    """What each name stood at before ``month``, and what that month brought."""
    found: dict[str, tuple[int, int]] = {}
    for (name, of), amount in sums.items():
        if of <= month:
            opening, change = found.get(name, (0, 0))
            found[name] = (opening, change + amount) if of == month else (opening + amount, change)
    return found


def _row(moved: tuple[int, int]) -> list[int]:
    opening, change = moved
    return [opening, change, opening + change]


def _total(parts: Iterable[tuple[int, tuple[int, int]]]) -> list[int]:
    signed = list(parts)
    return _row((sum(s * of[0] for s, of in signed), sum(s * of[1] for s, of in signed)))


class _Books:
    """What the entries read so far add up to, and what must not come twice."""

    def __init__(self) -> None:
        self.months = _Months()
        self._numbers = _Numbers()
        # The number of a reversed entry → of the one that reverses it, and what its postings
        # must have been.
        self.reversals: dict[int, tuple[int, bytes]] = {}
        self._by_figures: dict[tuple[str, str], int] = defaultdict(int)
        self._by_accounts: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, entry: dict[str, Any]) -> None:
        number, target = entry["number"], entry["reverses"]
        if number in self._numbers:
            raise Wrong("another entry has this number already")
        if target is not None:
            if target not in self._numbers:
                raise Wrong(f"it reverses entry {target}, which does not stand before it")
            if target in self.reversals:
                first = self.reversals[target][0]
                raise Wrong(f"it reverses entry {target}, which entry {first} reverses already")
            self.reversals[target] = (number, _digest(entry["postings"], -1))
        self._numbers.add(number)
        self.months.add(entry)
        for pool, currency, name, amount in entry["figures"]:
            self._by_figures[pool, currency] += FIGURE_SIGNS[name] * amount
        for pool, account, currency, amount in entry["postings"]:
            if account in AVAILABLE_ACCOUNTS:
                self._by_accounts[pool, currency] += amount

    def available(self) -> dict[tuple[str, str], int]:
        """What each pool has in each currency; Wrong where figures and accounts disagree."""
        found = sorted(self._by_figures.keys() | self._by_accounts.keys())
        for pool, currency in found:
            figures, accounts = self._by_figures[pool, currency], self._by_accounts[pool, currency]
            if figures != accounts:
                raise Wrong(
                    f"Pool {shown(pool)}: the figures say {figures} {currency} (minor units) is"
                    f" available, the accounts say {accounts}."
                )
        return {place: self._by_figures[place] for place in found}


def _check_opposites(file: BinaryIO, reversals: dict[int, tuple[int, bytes]]) -> None:
    """Read the download once more for the entries that others reverse; these are rare."""
    file.seek(0)
    left = dict(reversals)
    try:
        while left and (line := file.readline(MAX_ENTRY + 1)):
            match = _NUMBER.search(line)
            if match is None or int(match[1]) not in left:
                continue
            entry = json.loads(line)
            number, opposite = left.pop(entry["number"])
            if _digest(entry["postings"], 1) != opposite:
                raise Wrong(
                    f"Entry {number} reverses entry {entry['number']}, but its postings are not the"
                    " opposite."
                )
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Wrong("The download was changed while it was read.") from None
    if left:
        raise Wrong("The download was changed while it was read.")


class _PrivateParts:
    """The auditor's file, read in step with the download."""

    def __init__(self, file: BinaryIO | None) -> None:
        self.checked = 0
        self._lines = _lines(file, MAX_PRIVATE_LINE, "Private parts") if file else iter(())
        self._next()

    def _next(self) -> None:
        """Go on to the next line, if there is one."""
        self._number: int | None = None
        for line, data in self._lines:
            self._line = line
            try:
                self._number, self._hash = self._read(data)
            except Wrong as wrong:
                raise Wrong(f"Private parts, line {line}: {wrong}.") from None
            return

    def _read(self, data: bytes) -> tuple[int, str]:
        """The number of the entry, and what its `private` must be."""
        line = _canonical(data)
        if type(line) is not dict or tuple(line) != PRIVATE_LINE_MEMBERS:
            raise Wrong(f"its members are not {', '.join(PRIVATE_LINE_MEMBERS)}")
        number, private, salt = line["number"], line["private"], line["salt"]
        if not _is_number(number):
            raise Wrong("number is not a positive integer")
        if type(private) is not dict or tuple(private) != PRIVATE_MEMBERS:
            raise Wrong(f"the private part's members are not {', '.join(PRIVATE_MEMBERS)}")
        people = private["approved_by"]
        if type(people) is not list or any(type(person) is not str for person in people):
            raise Wrong("approved_by is not a list of texts")
        if type(private["key"]) is not str or type(private["prepared_by"]) is not str:
            raise Wrong("key or prepared_by is not a text")
        if type(salt) is not str or not _HEX_64.fullmatch(salt):
            raise Wrong("salt is not 64 lower-case hexadecimal digits")
        salted = bytes.fromhex(salt) + _encode(private).encode("utf-8")
        return number, hashlib.sha256(salted).hexdigest()

    def compare(self, entry: dict[str, Any]) -> None:
        """Compare with ``entry``, where it is its turn."""
        if self._number != entry["number"]:
            return
        if self._hash != entry["private"]:
            raise Wrong(
                f"Private parts, line {self._line}: this is not the private part of entry"
                f" {self._number}."
            )
        self.checked += 1
        self._next()

    def end(self) -> None:
        """Wrong where a line belongs to none of the entries, or stood in another order."""
        if self._number is not None:
            raise Wrong(
                f"Private parts, line {self._line}: entry {self._number} is not in the download, or"
                " stands in another order there."
            )


@dataclass(frozen=True, slots=True)
class Download:
    """A whole log whose books add up: what each pool has in each currency, in minor units."""

    checkpoint: Checkpoint
    available: dict[tuple[str, str], int]
    reversals: int
    previous: tuple[int, ...]
    private_parts: int
    months: tuple[str, ...] = ()
    statements: tuple[tuple[str, str], ...] = ()


class _Previous:
    """The reader's own older checkpoints, by size: did the log have those roots?"""

    def __init__(self, checkpoints: Iterable[Checkpoint], newest: Checkpoint) -> None:
        self._roots: dict[int, list[bytes]] = defaultdict(list)
        for older in checkpoints:
            if older.size > newest.size:
                raise Wrong(
                    f"The older checkpoint has {older.size} entries, the checkpoint only"
                    f" {newest.size}: give them the other way round, or entries were taken away."
                )
            self._roots[older.size].append(older.root)
        self.sizes = tuple(sorted(self._roots))

    def compare(self, tree: Tree) -> None:
        for root in self._roots.get(tree.size, ()):
            if root != tree.root():
                raise Wrong(
                    f"The first {tree.size} entries are not those of the older checkpoint of that"
                    " size: something that was there has been changed or taken away."
                )


def verify_download(
    entries: BinaryIO,
    checkpoint: bytes,
    keys: Keys,
    *,
    previous: Iterable[bytes] = (),
    private: BinaryIO | None = None,
    statements: Iterable[bytes] = (),
) -> Download:
    """Check a whole log against its checkpoint: signatures, root, entries, books.

    ``entries`` is a file opened at its start; it is read line by line, and once more where entries
    reverse others. ``previous``: older checkpoints.
    ``private``: the auditor's private parts of all entries or of some, in the order of the log.
    ``statements``: monthly statements of pools.
    """
    newest = verify_checkpoint(checkpoint, keys)
    olds = [
        verify_checkpoint(note, keys, ask_witnesses=False, what="The older checkpoint")
        for note in previous
    ]
    older = _Previous(olds, newest)
    tree, books, private_parts = Tree(), _Books(), _PrivateParts(private)
    older.compare(tree)
    for line, public in _lines(entries, MAX_ENTRY + 1, "Download"):
        if line > newest.size:
            raise Wrong(f"Download, line {line}: the checkpoint has only {newest.size} entries.")
        where = ""
        try:
            entry = parse_entry(public)
            where = f" (entry {entry['number']})"
            books.add(entry)
        except Wrong as wrong:
            raise Wrong(f"Download, line {line}{where}: {wrong}.") from None
        private_parts.compare(entry)
        tree.add(leaf_hash(public))
        older.compare(tree)
    if tree.size != newest.size:
        raise Wrong(
            f"The download ends after {tree.size} entries; the checkpoint has {newest.size}."
        )
    if tree.root() != newest.root:
        raise Wrong(
            "The entries do not make the root of the checkpoint: something in the download was"
            " changed, or stands in another order."
        )
    private_parts.end()
    _check_opposites(entries, books.reversals)
    return Download(
        newest,
        books.available(),
        len(books.reversals),
        older.sizes,
        private_parts.checked,
        _check_months(books.months, [newest, *olds]),
        tuple(_check_statement(books.months, form) for form in statements),
    )


def _check_months(months: _Months, checkpoints: Iterable[Checkpoint]) -> tuple[str, ...]:
    """The months that the checkpoints name; Wrong where the entries make another statement of one."""
    named: dict[str, str] = {}
    for checkpoint in checkpoints:
        for month, sha256 in checkpoint.statements:
            if named.setdefault(month, sha256) != sha256 or months.hash(month) != sha256:
                raise Wrong(
                    f"The checkpoint of size {checkpoint.size} names other statements of {month}"
                    " than the entries make: that month was not closed, or they were not right."
                )
    return tuple(sorted(named))


def _check_statement(months: _Months, form: bytes) -> tuple[str, str]:
    """Pool and month of a statement; Wrong where it is not, byte for byte, what the entries make."""
    try:
        content = json.loads(form)
        pool, month = content["pool"], content["month"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Wrong("A statement is not one: it names no pool and no month.") from None
    if type(pool) is not str or type(month) is not str or not _is_month(month):
        raise Wrong("A statement is not one: it names no pool and no month.")
    if months.statements(month).get(pool) != form:
        raise Wrong(f"The statement of {shown(pool)} for {month} is not what the entries make.")
    return pool, month


# --- The program ----------------------------------------------------------------------------------


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _signed(checkpoint: Checkpoint) -> str:
    witnesses = [f"witness {shown(name)}" for name in checkpoint.witnesses]
    return f"signed by {_and(['the log', *witnesses])}"


def _state(checkpoint: Checkpoint) -> str:
    root = base64.b64encode(checkpoint.root).decode()
    return f"the log {shown(checkpoint.origin)} of size {checkpoint.size} with root {root}"


def describe_checkpoint(checkpoint: Checkpoint) -> str:
    months = _and([month for month, _hash in checkpoint.statements])
    named = f"; it names the statements of {months}" if months else ""
    return f"Yes: the checkpoint of {_state(checkpoint)} is {_signed(checkpoint)}{named}."


def describe_receipt(receipt: Receipt) -> str:
    entry = receipt.entry
    return (
        f"Yes: entry {entry['number']} ({shown(entry['kind'])}, {entry['effective_date']}) stands at"
        f" index {receipt.index} of {_state(receipt.checkpoint)}, {_signed(receipt.checkpoint)};"
        " it is well written and balances."
    )


def describe_download(download: Download) -> str:
    parts = [
        f"Yes: this is all of {_state(download.checkpoint)}, {_signed(download.checkpoint)}",
        "every entry is well written, balances and has a number of its own",
        f"{download.reversals} reversals are the opposite of what they reverse",
    ]
    parts += [f"it continues your older checkpoint of size {size}" for size in download.previous]
    if download.months:
        parts.append(f"the statements of {_and(download.months)} are those that were signed")
    parts += [
        f"the statement of {shown(pool)} for {month} is what the entries make"
        for pool, month in download.statements
    ]
    if download.private_parts:
        parts.append(f"{download.private_parts} private parts belong to their entries")
    totals = [
        f"{shown(pool)} {amount} {currency}"
        for (pool, currency), amount in download.available.items()
    ]
    agreed = "figures and accounts agree on what is available"
    parts.append(f"{agreed}, in minor units: {', '.join(totals)}" if totals else agreed)
    return "; ".join(parts) + "."


class _Unreadable(Exception):
    """The question itself cannot be read: a file, a key."""


def _read_note(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_NOTE + 1)


def _keys(arguments: argparse.Namespace) -> Keys:
    """The keys that the command line names, one by one or in a file."""
    log, witnesses = arguments.log_key, arguments.witness_key
    if arguments.keys is not None:
        try:
            lines = _read_note(arguments.keys).decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise _Unreadable(f"{arguments.keys} is not a file of keys.") from None
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            raise _Unreadable(f"{arguments.keys} holds no key.")
        log, *witnesses = found
    try:
        return make_keys(log, witnesses, allow_unknown=arguments.allow_unknown_signatures)
    except Wrong as wrong:
        raise _Unreadable(str(wrong)) from None


def _answer(arguments: argparse.Namespace) -> str:
    """What to say where all is well; Wrong where it is not."""
    keys = _keys(arguments)
    if arguments.command == "checkpoint":
        return describe_checkpoint(verify_checkpoint(_read_note(arguments.file), keys))
    if arguments.command == "receipt":
        return describe_receipt(verify_receipt(_read_note(arguments.file), keys))
    checkpoint = _read_note(arguments.checkpoint)
    previous = [_read_note(path) for path in arguments.previous]
    statements = [_read_note(path) for path in arguments.statement]
    with open(arguments.file, "rb") as entries:
        if not entries.seekable():
            raise _Unreadable(f"{arguments.file} cannot be read twice; save it as a file first.")
        if arguments.private is None:
            download = verify_download(
                entries, checkpoint, keys, previous=previous, statements=statements
            )
        else:
            with open(arguments.private, "rb") as private:
                download = verify_download(
                    entries,
                    checkpoint,
                    keys,
                    previous=previous,
                    private=private,
                    statements=statements,
                )
    return describe_download(download)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    keys = common.add_mutually_exclusive_group(required=True)
    keys.add_argument("--log-key", metavar="KEY", help="the log's verifier key")
    keys.add_argument("--keys", metavar="FILE", help="a file of keys: the log's, then witnesses'")
    common.add_argument(
        "--witness-key",
        metavar="KEY",
        action="append",
        default=[],
        help="a witness that must have signed (may be given again)",
    )
    common.add_argument(
        "--allow-unknown-signatures",
        action="store_true",
        help="pass over signatures of keys that were not given",
    )
    parser = argparse.ArgumentParser(
        prog="verify_ledger.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    receipt = commands.add_parser("receipt", parents=[common], help="check one entry's receipt")
    receipt.add_argument("file", metavar="FILE.tlog-proof")
    checkpoint = commands.add_parser("checkpoint", parents=[common], help="check a checkpoint")
    checkpoint.add_argument("file", metavar="FILE")
    download = commands.add_parser("download", parents=[common], help="check the whole log")
    download.add_argument("file", metavar="FILE.jsonl")
    download.add_argument("--checkpoint", metavar="FILE", required=True)
    download.add_argument("--previous", metavar="FILE", action="append", default=[])
    download.add_argument("--statement", metavar="FILE", action="append", default=[])
    download.add_argument("--private", metavar="FILE")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """The program: prints the answer and returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.keys is not None and arguments.witness_key:
        parser.error("--witness-key goes with --log-key; the file of --keys names the witnesses.")
    try:
        sys.stdout.write(_answer(arguments) + "\n")
    except Wrong as wrong:
        sys.stdout.write(f"No: {wrong}\n")
        return 1
    except _Unreadable as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
