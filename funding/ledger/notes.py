"""Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) with Ed25519.

A note is a text that ends with a newline, an empty line and one line for each signature:
``— NAME BASE64(4 bytes of key id, signature)``.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE = 0x01  # of a log, over the text
COSIGNATURE = 0x04  # of a witness, over the text with its time
_STATEMENTS = "statements"  # begins the extension line of a checkpoint that names a closed month


class BadKey(ValueError):
    """A key or a note that is not written as it must be."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Somebody's public key, under his name."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        digest = hashlib.sha256(f"{self.name}\n".encode() + bytes([self.algorithm]) + self.public)
        return digest.digest()[:4]

    def __str__(self) -> str:
        """The key as C2SP writes it: name, key id and key, joined by ``+``."""
        key = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def has_signed(self, text: str, line: str) -> bool:
        """Whether ``line`` is this key's right signature of ``text``."""
        try:
            name, data = _parse_line(line)
            if name != self.name or data[:4] != self.key_id:
                return False
            signature, message = data[4:], text.encode()
            if self.algorithm == COSIGNATURE:
                time = int.from_bytes(signature[:8], "big")
                signature = signature[8:]
                message = f"cosignature/v1\ntime {time}\n".encode() + message
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (BadKey, InvalidSignature):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A log's private key, under the log's origin."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, SIGNATURE, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The signature line under ``text``, without its newline."""
        data = self.verifier.key_id + self.private.sign(text.encode())
        return f"\u2014 {self.name} {base64.b64encode(data).decode()}"


def make_signer_key(name: str) -> str:
    """A new private key as text: ``PRIVATE+KEY+name+id+base64(0x01, 32 bytes)``."""
    private = Ed25519PrivateKey.generate()
    signer = Signer(name, private)
    data = base64.b64encode(bytes([SIGNATURE]) + private.private_bytes_raw()).decode()
    return f"PRIVATE+KEY+{name}+{signer.verifier.key_id.hex()}+{data}"


def parse_signer(text: str) -> Signer:
    """A private key from its text. Raises BadKey, which never holds any of the key."""
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise BadKey("It does not begin with PRIVATE+KEY+.")
    data = unbase64(parts[4])
    if len(data) != 33 or data[0] != SIGNATURE:
        raise BadKey("It is no Ed25519 key of a log.")
    signer = Signer(parts[2], Ed25519PrivateKey.from_private_bytes(data[1:]))
    if signer.verifier.key_id.hex() != parts[3]:
        raise BadKey("Its name or its key was changed.")
    return signer


def parse_verifier(text: str) -> Verifier:
    """A public key from its text. Raises BadKey."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise BadKey("A key is name+id+base64.")
    data = unbase64(parts[2])
    if len(data) != 33 or data[0] not in (SIGNATURE, COSIGNATURE):
        raise BadKey("It is no Ed25519 key of a log or a witness.")
    verifier = Verifier(parts[0], data[0], data[1:])
    if verifier.key_id.hex() != parts[1]:
        raise BadKey("Its name or its key was changed.")
    return verifier


def checkpoint_text(
    origin: str, size: int, root: bytes, statements: Iterable[tuple[str, str]] = ()
) -> str:
    """What is signed (C2SP tlog-checkpoint), with its last newline.

    ``statements`` are the months closed since the last checkpoint (``2026-03``), each with the hash
    over its statements: an extension line each.
    """
    lines = "".join(f"{_STATEMENTS} {month} {sha256}\n" for month, sha256 in statements)
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n{lines}"


def statements_named(text: str) -> list[tuple[str, str]]:
    """The months that a checkpoint's text names, each with its hash."""
    words = [line.split(" ") for line in text.splitlines()[3:]]
    return [(month, sha256) for name, month, sha256 in words if name == _STATEMENTS]


def _parse_line(line: str) -> tuple[str, bytes]:
    mark, _, rest = line.rstrip("\n").partition(" ")
    name, _, data = rest.partition(" ")
    if mark != "\u2014" or not name or not data:
        raise BadKey("It is no signature line.")
    return name, unbase64(data)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unbase64(text: str) -> bytes:
    """The bytes of a base64 text. Raises BadKey."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadKey("Its base64 is damaged.") from None
