# SPDX-License-Identifier: AGPL-3.0-or-later
"""A witness: it signs each new state of a public log that continues the last one it saw.

Whoever runs one keeps the log honest: the log cannot show two people two different pasts, for both
would need the witness's signature. It speaks C2SP's `tlog-witness` and signs `cosignature/v1`.

You need Python 3.11 or newer with its package `cryptography` (`pip install cryptography`), on
Linux, macOS or a BSD. This one file is the whole program.

    python witness.py keygen --name witness.example.org --key witness.key
        Makes a key, once. Keep the file to yourself, and a copy of it in a safe place. The line
        printed is the public half: give it to the log and to everyone who shall check.

    python witness.py vkey --key witness.key
        Prints that line again.

    python witness.py run --key witness.key --state witness.json --log KEY
        Answers on 127.0.0.1:8200 (--host, --port) until it is stopped. KEY is the log's verifier
        key; say --log again for each further log. Put a web server with TLS in front of it.

The state file says what was signed last. It is the witness's memory: never delete it, and never put
an older copy in its place, or the witness could be led to sign another past. Where the file cannot
be read, the witness does not start.
"""

import argparse
import base64
import contextlib
import errno
import hashlib
import http.server
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

try:
    import fcntl

    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
except ImportError as missing:
    sys.stderr.write(f"This program needs Linux, macOS or a BSD, and cryptography: {missing}\n")
    sys.exit(2)

LOG_KEY, WITNESS_KEY = 0x01, 0x04  # signature types of C2SP's signed notes
MAX_BODY = 65_536
MAX_PROOF = 63
MAX_SIZE = 2**63 - 1
SOCKET_SECONDS = 10
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Refused(Exception):
    """An answer other than a cosignature: its status, its words, and what sort of text they are."""

    def __init__(self, status: HTTPStatus, words: str, content_type: str = "text/plain") -> None:
        super().__init__(words)
        self.status = status
        self.content_type = content_type


class Unusable(Exception):
    """A key or a state that the witness must not start with."""


# --- Keys -----------------------------------------------------------------------------------------


def from_base64(text: str) -> bytes:
    """Decode base64 in its one right form; ValueError otherwise."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _is_name(name: str) -> bool:
    """A key name of a signed note: not empty, no blank, no plus, nothing that is no text."""
    return bool(name) and not any(
        c.isspace() or c == "+" or c < " " or "\ud800" <= c <= "\udfff" for c in name
    )


def key_id(name: str, type_: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([type_]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class LogKey:
    """The key by which a log signs; its name is the log's origin."""

    name: str
    id: bytes
    public: Ed25519PublicKey


def parse_log_key(text: str) -> LogKey:
    """Read a log's verifier key, `<name>+<key id>+<base64>`."""
    name, _, rest = text.partition("+")
    said, _, encoded = rest.partition("+")
    try:
        data = from_base64(encoded)
    except ValueError:
        raise Unusable(f"{text!r} is not a verifier key: name+id+key.") from None
    if not _is_name(name) or len(data) != 33 or data[0] != LOG_KEY:
        raise Unusable(f"{text!r} is not the Ed25519 key of a log.")
    expected = key_id(name, LOG_KEY, data[1:])
    if said != expected.hex():
        raise Unusable(f"{text!r} does not have the id {expected.hex()}.")
    return LogKey(name, expected, Ed25519PublicKey.from_public_bytes(data[1:]))


@dataclass(frozen=True, slots=True)
class Signer:
    """The witness's own key."""

    name: str
    private: Ed25519PrivateKey

    @property
    def _public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return key_id(self.name, WITNESS_KEY, self._public)

    @property
    def vkey(self) -> str:
        """The public half, as others need it."""
        typed = bytes([WITNESS_KEY]) + self._public
        return f"{self.name}+{self.id.hex()}+{to_base64(typed)}"

    @property
    def skey(self) -> str:
        """The private half, as the key file holds it."""
        typed = bytes([WITNESS_KEY]) + self.private.private_bytes_raw()
        return f"PRIVATE+KEY+{self.name}+{self.id.hex()}+{to_base64(typed)}"

    def cosign(self, text: str, moment: int) -> str:
        """The signature line under a checkpoint's text: cosignature/v1."""
        signature = self.private.sign(f"cosignature/v1\ntime {moment}\n{text}".encode())
        return f"— {self.name} {to_base64(self.id + moment.to_bytes(8, 'big') + signature)}\n"


def parse_signer(text: str) -> Signer:
    """Read the private key that `keygen` wrote. No word of it goes into what is complained of."""
    problem = Unusable("The key file does not hold a witness's private key.")
    parts = text.removesuffix("\n").split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"] or not _is_name(parts[2]):
        raise problem
    try:
        data = from_base64(parts[4])
    except ValueError:
        raise problem from None
    if len(data) != 33 or data[0] != WITNESS_KEY:
        raise problem
    signer = Signer(parts[2], Ed25519PrivateKey.from_private_bytes(data[1:]))
    if parts[3] != signer.id.hex():
        raise problem
    return signer


# --- The tree (RFC 9162, section 2.1) -------------------------------------------------------------


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_consistent(
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a consistency proof shows that the tree of ``size`` continues the old one (2.1.4.2).

    From nothing to anything, and from a tree to itself, the only proof is the empty one.
    """
    if old_size > size:
        return False
    if old_size == size:
        return not proof and old_root == root
    if old_size == 0:
        return not proof
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)  # the old tree is a whole subtree of the new one
    if not path:
        return False
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_found = found = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            old_found, found = _node_hash(sibling, old_found), _node_hash(sibling, found)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = _node_hash(found, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and old_found == old_root and found == root


# --- What is asked --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A checkpoint to sign, and the proof that it continues the one of size ``old``."""

    old: int
    proof: tuple[bytes, ...]
    text: str
    signatures: tuple[tuple[str, bytes], ...]  # name, key id and signature
    origin: str
    size: int
    root: bytes


def _size(text: str) -> int:
    """A tree's size in decimal, without leading zeroes; ValueError otherwise."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text) or int(text) > MAX_SIZE:
        raise ValueError("A size is not a plain decimal number.")
    return int(text)


def _hash(text: str) -> bytes:
    data = from_base64(text)
    if len(data) != 32:
        raise ValueError("A hash is not 32 bytes long.")
    return data


def parse_request(body: bytes) -> Request:
    """Read the body of an add-checkpoint request; ValueError where it is malformed."""
    content = body.decode("utf-8")
    if re.search(r"[\x00-\x09\x0b-\x1f]", content):
        raise ValueError("The request holds control characters.")
    head, blank_line, note = content.partition("\n\n")
    text, second_blank_line, signatures = note.rpartition("\n\n")
    if not blank_line or not second_blank_line or not signatures.endswith("\n"):
        raise ValueError("The request is not old size, proof and a signed checkpoint.")
    first, *proof = head.split("\n")
    if not first.startswith("old "):
        raise ValueError("The first line does not say the old size (old …).")
    if len(proof) > MAX_PROOF:
        raise ValueError(f"The proof has more than {MAX_PROOF} lines.")
    lines = text.split("\n")
    if len(lines) < 3 or not all(lines):
        raise ValueError("The checkpoint is not origin, size and root, a line each.")
    origin, size, root = lines[:3]
    return Request(
        old=_size(first.removeprefix("old ")),
        proof=tuple(_hash(line) for line in proof),
        text=text + "\n",
        signatures=tuple(_signature(line) for line in signatures[:-1].split("\n")),
        origin=origin,
        size=_size(size),
        root=_hash(root),
    )


def _signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
        raise ValueError("A signature line is none.")
    data = from_base64(parts[2])
    if len(data) < 5:
        raise ValueError("A signature is too short.")
    return parts[1], data


def is_signed(request: Request, keys: Iterable[LogKey]) -> bool:
    """Whether one of the log's keys signed the checkpoint, and none of its signatures is wrong."""
    known = {(key.name, key.id): key for key in keys}
    signed = False
    for name, data in request.signatures:
        key = known.get((name, data[:4]))
        if key is None:
            continue
        try:
            key.public.verify(data[4:], request.text.encode())
        except InvalidSignature:
            return False
        signed = True
    return signed


# --- What was signed last -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """The last state of a log that was signed."""

    size: int = 0
    root: bytes = EMPTY_ROOT


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A member stands there twice.")
    return found


def parse_state(data: bytes) -> dict[str, Seen]:
    """Read the state file. Anything odd about it is a reason not to start."""
    try:
        content = json.loads(data.decode("utf-8"), object_pairs_hook=_no_member_twice)
        if type(content) is not dict:
            raise ValueError("It is not an object.")
        found = {}
        for origin, seen in content.items():
            if type(seen) is not dict or set(seen) != {"size", "root"}:
                raise ValueError(f"The state of {origin!r} is not size and root.")
            size, root = seen["size"], seen["root"]
            if type(size) is not int or not 0 <= size <= MAX_SIZE or type(root) is not str:
                raise ValueError(f"The state of {origin!r} is of the wrong types.")
            found[origin] = Seen(size, _hash(root))
            if size == 0 and found[origin].root != EMPTY_ROOT:
                raise ValueError(f"The state of {origin!r} is empty, but its root is not.")
    except (ValueError, RecursionError) as error:
        raise Unusable(
            f"The state file is damaged ({error}) The witness does not start: without knowing what"
            " it signed it could be led to sign another past. Put the right file back."
        ) from None
    return found


def write_state(state: Mapping[str, Seen]) -> bytes:
    content = {
        origin: {"size": seen.size, "root": to_base64(seen.root)}
        for origin, seen in sorted(state.items())
    }
    return json.dumps(content, indent=1).encode() + b"\n"


class StateFile:
    """The state on disk, for one process alone.

    A file of the same name with `.lock` at its end is locked while the witness runs. It also says
    that there has been a state: where the state is then missing, somebody lost it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            raise Unusable(f"Another witness runs with the state {path}.") from None

    def load(self) -> dict[str, Seen]:
        """What was signed last; nothing in the very first run."""
        try:
            state = parse_state(self.path.read_bytes())
        except FileNotFoundError:
            if os.fstat(self._lock).st_size:
                raise Unusable(
                    f"The state {self.path} is gone. Put it back: without knowing what it signed"
                    " the witness could be led to sign another past."
                ) from None
            state = {}
            self.save(state)
        if not os.fstat(self._lock).st_size:
            os.pwrite(self._lock, b"A state was written.\n", 0)
            os.fsync(self._lock)
        return state

    def save(self, state: Mapping[str, Seen]) -> None:
        """Replace the state whole, and have it on disk before returning."""
        folder = self.path.parent
        new = folder / f"{self.path.name}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(write_state(state))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Have on disk which files the folder holds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Witness:
    """Signs what continues what it signed last, and nothing else."""

    def __init__(self, signer: Signer, logs: Iterable[LogKey], file: StateFile) -> None:
        self.signer = signer
        self._logs: dict[str, list[LogKey]] = {}
        for key in logs:
            self._logs.setdefault(key.name, []).append(key)
        self._file = file
        self._state = file.load()
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> str:
        """The cosignature of the checkpoint in ``body``; Refused where there is to be none."""
        try:
            request = parse_request(body)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{error}\n") from None
        if request.origin not in self._logs:
            raise Refused(HTTPStatus.NOT_FOUND, "This witness does not know that log.\n")
        if not is_signed(request, self._logs[request.origin]):
            raise Refused(HTTPStatus.FORBIDDEN, "The log did not sign this checkpoint.\n")
        if request.old > request.size:
            raise Refused(HTTPStatus.BAD_REQUEST, "The old size is beyond the checkpoint's.\n")
        # From the look at the state to its being written nobody else may come between, or an
        # earlier request could put the state back.
        with self._lock:
            seen = self._state.get(request.origin, Seen())
            if request.old != seen.size:
                raise _conflict(seen)
            if request.size == seen.size and request.root != seen.root:
                raise _conflict(seen)
            if not is_consistent(seen.size, seen.root, request.size, request.root, request.proof):
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "The proof does not show that this checkpoint continues the last one.\n",
                )
            self._remember(request.origin, Seen(request.size, request.root))
            return self.signer.cosign(request.text, int(time.time()))

    def _remember(self, origin: str, seen: Seen) -> None:
        """Have on disk what is about to be signed; Refused where that cannot be done."""
        state = {**self._state, origin: seen}
        if state == self._state:
            return
        try:
            self._file.save(state)
        except OSError as error:
            sys.stderr.write(f"{error}\n")
            raise Refused(
                HTTPStatus.INTERNAL_SERVER_ERROR, "The state cannot be written.\n"
            ) from None
        self._state = state

    def describe(self) -> str:
        """Who this is, and what it signed last: for people."""
        lines = [f"This is a witness of public logs.\n\n{self.signer.vkey}\n\n"]
        for origin in self._logs:
            seen = self._state.get(origin)
            last = f"size {seen.size}, root {to_base64(seen.root)}" if seen else "nothing yet"
            lines.append(f"{origin}: {last}\n")
        return "".join(lines)

    @contextlib.contextmanager
    def at_rest(self) -> Iterator[None]:
        """While nothing is being signed or written."""
        with self._lock:
            yield


def _conflict(seen: Seen) -> Refused:
    """The answer that tells which size was signed last."""
    return Refused(HTTPStatus.CONFLICT, f"{seen.size}\n", "text/x.tlog.size")


# --- The web server -------------------------------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    """The witness's web server."""

    request_queue_size = 64

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        super().__init__(address, Handler)
        self.witness = witness


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection, which may bring many requests."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "witness"
    sys_version = ""
    timeout = SOCKET_SECONDS

    def handle(self) -> None:
        # That the other side goes away in the middle is nothing to complain about.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(HTTPStatus.OK, self.server.witness.describe())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.\n")

    def do_POST(self) -> None:
        try:
            body = self._body()
            if self.path != "/add-checkpoint":
                raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
            self._answer(HTTPStatus.OK, self.server.witness.add_checkpoint(body))
        except Refused as refused:
            self._answer(refused.status, str(refused), refused.content_type)

    def _body(self) -> bytes:
        """The body, whose length must be told and small. What is not read ends the connection."""
        length = self.headers.get("Content-Length", "")
        self.close_connection, keep = True, not self.close_connection
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,18}", length):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "The length of the body must be told.\n")
        if int(length) > MAX_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MAX_BODY} bytes.\n")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refused(HTTPStatus.BAD_REQUEST, "The body is shorter than was told.\n")
        self.close_connection = not keep
        return body

    def _answer(self, status: HTTPStatus, words: str, content_type: str = "text/plain") -> None:
        data = words.encode("utf-8")
        charset = "; charset=utf-8" if content_type == "text/plain" else ""
        self.send_response(status)
        self.send_header("Content-Type", content_type + charset)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


# --- The program ----------------------------------------------------------------------------------


def keygen(name: str, path: Path) -> Signer:
    """Make a key and write it to a file that only its owner can read and that is not yet there."""
    if not _is_name(name):
        raise Unusable("A name must not be empty, nor hold blanks or a plus.")
    signer = Signer(name, Ed25519PrivateKey.generate())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Unusable(f"{path} exists already; it is left as it is.") from None
    with open(descriptor, "wb") as file:
        file.write(signer.skey.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)
    return signer


def read_signer(path: Path) -> Signer:
    try:
        return parse_signer(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        raise Unusable("The key file does not hold a witness's private key.") from None


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    witness = Witness(
        read_signer(arguments.key),
        [parse_log_key(text) for text in arguments.log],
        StateFile(arguments.state),
    )
    server = Server((arguments.host, arguments.port), witness)

    def stop(number: int, frame: FrameType | None) -> None:
        # In a thread of its own, for shutdown() waits for the loop that this signal interrupts.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    host, port = server.server_address[:2]
    _say(witness.describe() + f"\nListening on http://{host!s}:{port}/")
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    with witness.at_rest():
        _say("Stopped.")


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="witness.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("keygen", help="make a key")
    make.add_argument("--name", required=True, help="the witness's name, such as a web address")
    show = commands.add_parser("vkey", help="print the public half of a key")
    serve = commands.add_parser("run", help="witness one or more logs")
    for command in (make, show, serve):
        command.add_argument("--key", type=Path, required=True, help="the file of the private key")
    serve.add_argument("--state", type=Path, required=True, help="the file of what was signed last")
    serve.add_argument("--log", action="append", required=True, help="a log's verifier key")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8200)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """The program: returns the exit code, 1 where it must not start, 2 where it cannot."""
    arguments = _parser().parse_args(words)
    try:
        if arguments.command == "keygen":
            _say(keygen(arguments.name, arguments.key).vkey)
        elif arguments.command == "vkey":
            _say(read_signer(arguments.key).vkey)
        else:
            run(arguments)
    except Unusable as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
