"""tools/verify_ledger.py: receipts and checkpoints, keys, and the program as people run it."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools import reference
from tests.tools.reference import LOG, WITNESSES, Log, Signer
from tools import verify_ledger
from tools.verify_ledger import Keys, Wrong, make_keys, verify_checkpoint, verify_receipt

PROGRAM = Path(verify_ledger.__file__)
KEYS = make_keys(LOG.vkey, [witness.vkey for witness in WITNESSES])


@pytest.fixture(scope="module")
def log() -> Log:
    return Log.of(reference.some_entries(70))


def flips(data: bytes) -> Iterator[bytes]:
    """``data`` with one byte changed: each byte in nine ways."""
    for at, byte in enumerate(data):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            yield data[:at] + bytes([byte ^ mask]) + data[at + 1 :]


def assert_every_flip_is_noticed(data: bytes, verify: Callable[[bytes], object]) -> None:
    verify(data)
    for changed in flips(data):
        with pytest.raises(Wrong):
            verify(changed)


# --- Receipts -------------------------------------------------------------------------------------


def test_receipts_hold_at_every_size(log: Log) -> None:
    for size in range(1, 71):
        for index in {0, size // 3, size // 2, size - 1}:
            receipt = verify_receipt(log.receipt(index, size), KEYS)
            assert (receipt.index, receipt.checkpoint.size) == (index, size)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 21])
def test_receipts_hold_at_every_index(log: Log, size: int) -> None:
    for index in range(size):
        receipt = verify_receipt(log.receipt(index, size), KEYS)
        assert reference.public(receipt.entry) == log.entries[index]
        assert receipt.checkpoint.witnesses == tuple(witness.name for witness in WITNESSES)


def test_every_changed_byte_of_a_receipt_is_noticed(log: Log) -> None:
    assert_every_flip_is_noticed(log.receipt(2, 5), lambda data: verify_receipt(data, KEYS))


def test_every_missing_or_added_byte_of_a_receipt_is_noticed(log: Log) -> None:
    receipt = log.receipt(2, 5)
    for at in range(len(receipt)):
        for changed in (
            receipt[:at],
            receipt[:at] + receipt[at + 1 :],
            receipt[:at] + b"\n" + receipt[at:],
            receipt[:at] + b"\r" + receipt[at:],
        ):
            with pytest.raises(Wrong):
                verify_receipt(changed, KEYS)
    for end in (b"\n", b" ", b"x", b"\x00"):
        with pytest.raises(Wrong):
            verify_receipt(receipt + end, KEYS)


def test_a_receipt_of_another_index_is_refused(log: Log) -> None:
    receipt = log.receipt(2, 21)
    for index in (0, 3, 20, 21, 10**18):
        with pytest.raises(Wrong, match="do not lead to the root"):
            verify_receipt(receipt.replace(b"index 2\n", b"index %d\n" % index), KEYS)


def test_a_receipt_of_an_entry_badly_written_is_refused() -> None:
    bad = Log([reference.public(reference.entry(1)), b'{"number": 2}'])
    with pytest.raises(Wrong, match="The entry of the receipt: not written in the one right way"):
        verify_receipt(bad.receipt(1), KEYS)


def test_a_receipt_without_its_entry_is_refused(log: Log) -> None:
    header, _, rest = log.receipt(2, 5).split(b"\n", 2)
    with pytest.raises(Wrong, match="does not hold the entry"):
        verify_receipt(header + b"\n" + rest, KEYS)


def test_a_proof_too_long_or_too_short_is_refused(log: Log) -> None:
    lines = log.receipt(2, 5).split(b"\n")
    for changed in ([*lines[:3], *lines[4:]], [*lines[:4], *lines[3:]]):
        with pytest.raises(Wrong, match="do not lead to the root"):
            verify_receipt(b"\n".join(changed), KEYS)


# --- Checkpoints ----------------------------------------------------------------------------------


def test_every_changed_byte_of_a_checkpoint_is_noticed(log: Log) -> None:
    assert_every_flip_is_noticed(log.checkpoint(5), lambda data: verify_checkpoint(data, KEYS))


def test_the_checkpoint_of_an_empty_log_holds() -> None:
    assert verify_checkpoint(Log().checkpoint(), KEYS).size == 0


def test_who_did_not_sign_is_named(log: Log) -> None:
    text = log.text(5)
    with pytest.raises(Wrong, match=r"not signed by zeuge\.example\.de/zwei"):
        verify_checkpoint(reference.note(text, (LOG, WITNESSES[0])), KEYS)
    with pytest.raises(Wrong, match=r"not signed by ledger\.example\.org/log"):
        verify_checkpoint(reference.note(text, WITNESSES), KEYS)


def test_signatures_of_others_are_refused_unless_allowed(log: Log) -> None:
    note = log.checkpoint(5)
    with pytest.raises(Wrong, match=r"a signature of witness\.example\.net/one by a key"):
        verify_checkpoint(note, make_keys(LOG.vkey))
    allowed = make_keys(LOG.vkey, [WITNESSES[1].vkey], allow_unknown=True)
    assert verify_checkpoint(note, allowed).witnesses == (WITNESSES[1].name,)


def test_a_key_of_the_same_name_does_not_do(log: Log) -> None:
    other = Signer(LOG.name, 1, seed=b"other")
    note = reference.note(log.text(5), (other, *WITNESSES))
    with pytest.raises(Wrong):
        verify_checkpoint(note, KEYS)
    with pytest.raises(Wrong, match="not signed by ledger"):
        verify_checkpoint(note, make_keys(LOG.vkey, allow_unknown=True))


def test_a_signature_twice_is_refused(log: Log) -> None:
    with pytest.raises(Wrong, match="two signatures"):
        verify_checkpoint(reference.note(log.text(5), (LOG, LOG, *WITNESSES)), KEYS)


def test_the_checkpoint_of_another_log_is_refused() -> None:
    note = reference.note(reference.checkpoint_text("other.example", 5, bytes(32)), (LOG,))
    with pytest.raises(Wrong, match=r"is of the log other\.example"):
        verify_checkpoint(note, make_keys(LOG.vkey))


@pytest.mark.parametrize(
    "text",
    [
        f"{LOG.name}\n05\n{reference.b64(bytes(32))}\n",
        f"{LOG.name}\n+5\n{reference.b64(bytes(32))}\n",
        f"{LOG.name}\n{2**63}\n{reference.b64(bytes(32))}\n",
        f"{LOG.name}\n٥\n{reference.b64(bytes(32))}\n",
        f"{LOG.name}\n5\n{reference.b64(bytes(31))}\n",
        f"{LOG.name}\n5\n{reference.b64(bytes(32))[:-2]}B=\n",
        f"{LOG.name}\n5\n{reference.b64(bytes(32))}\nextension\n",
        f"{LOG.name}\n5\n",
        f"{LOG.name}\n5\n{reference.b64(bytes(32))}\r\n",
    ],
)
def test_a_checkpoint_badly_written_is_refused_though_signed(text: str) -> None:
    with pytest.raises(Wrong):
        verify_checkpoint(reference.note(text, (LOG,)), make_keys(LOG.vkey))


# --- Keys -----------------------------------------------------------------------------------------


def _with(vkey: str, at: int, part: str) -> str:
    parts = vkey.split("+", 2)
    parts[at] = part
    return "+".join(parts)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "a+b+c",
        _with(LOG.vkey, 0, "other.example"),
        _with(LOG.vkey, 0, ""),
        _with(LOG.vkey, 0, "\udcff"),
        _with(LOG.vkey, 1, "00000000"),
        _with(LOG.vkey, 1, LOG.id.hex().upper()),
        _with(LOG.vkey, 2, reference.b64(b"\x01" + bytes(31))),
        WITNESSES[0].vkey,
        LOG.vkey + "\n",
        LOG.vkey + "=",
    ],
)
def test_what_is_no_key_of_a_log_is_refused(vkey: str) -> None:
    with pytest.raises(Wrong):
        make_keys(vkey)


def test_a_logs_key_is_no_witnesses_key_and_none_counts_twice() -> None:
    with pytest.raises(Wrong, match="a witness's was expected"):
        make_keys(LOG.vkey, [LOG.vkey])
    with pytest.raises(Wrong, match="named twice"):
        make_keys(LOG.vkey, [WITNESSES[0].vkey, WITNESSES[0].vkey])


# --- The program ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, log: Log) -> Path:
    """What a reader saves: a receipt, a download, checkpoints, keys."""
    numbers = [entry["number"] for entry in reference.some_entries(70)]
    private = "".join(reference.write(reference.private_line(n)) + "\n" for n in numbers)
    (tmp_path / "receipt.tlog-proof").write_bytes(log.receipt(2))
    (tmp_path / "checkpoint").write_bytes(log.checkpoint())
    (tmp_path / "older").write_bytes(log.checkpoint(33))
    (tmp_path / "entries.jsonl").write_bytes(log.download())
    (tmp_path / "private.jsonl").write_text(private, encoding="utf-8")
    keys = "".join(f"{signer.vkey}\n" for signer in (LOG, *WITNESSES))
    (tmp_path / "keys.txt").write_text(keys, encoding="utf-8")
    return tmp_path


def isolated(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program far from the portal: no path to it, no environment, no user's packages."""
    return subprocess.run(
        [sys.executable, "-I", str(PROGRAM), *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_program_stands_alone(folder: Path, log: Log) -> None:
    done = isolated(
        folder,
        *("download", "entries.jsonl", "--checkpoint", "checkpoint", "--keys", "keys.txt"),
        *("--previous", "older", "--private", "private.jsonl"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Yes: this is all of the log ledger.example.org/log of size 70")
    assert done.stdout.count("\n") == 1
    root = base64.b64encode(reference.mth(log.entries)).decode()
    assert root in done.stdout
    assert "older checkpoint of size 33; 70 private parts" in done.stdout


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """The program's exit code and what it said."""
    try:
        code = verify_ledger.main([str(word) for word in words])
    except SystemExit as end:
        code = int(str(end.code))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_yes_is_one_line_and_zero(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ["--log-key", LOG.vkey]
    for witness in WITNESSES:
        keys += ["--witness-key", witness.vkey]
    code, out, _ = run(capsys, "receipt", folder / "receipt.tlog-proof", *keys)
    assert code == 0
    assert out.startswith("Yes: entry 2 (opening-balance, 2026-03-10) stands at index 2 of the log")
    assert "witness witness.example.net/one and witness zeuge.example.de/zwei" in out
    code, out, _ = run(capsys, "checkpoint", folder / "checkpoint", *keys)
    assert code == 0
    assert out.startswith("Yes: the checkpoint of the log ledger.example.org/log of size 70")


def test_no_is_one_line_and_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad").write_bytes((folder / "receipt.tlog-proof").read_bytes() + b"\n")
    code, out, err = run(capsys, "receipt", folder / "bad", "--keys", folder / "keys.txt")
    assert (code, err, out.count("\n")) == (1, "", 1)
    assert out.startswith("No: ")


def test_what_cannot_be_read_is_two(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt, keys = folder / "receipt.tlog-proof", folder / "keys.txt"
    (folder / "empty").write_bytes(b"")
    (folder / "binary").write_bytes(b"\xff\xfe")
    for words in (
        ["receipt", folder / "nowhere", "--keys", keys],
        ["receipt", receipt],
        ["receipt", receipt, "--keys", folder / "nowhere"],
        ["receipt", receipt, "--keys", folder / "empty"],
        ["receipt", receipt, "--keys", folder / "binary"],
        ["receipt", receipt, "--keys", keys, "--witness-key", WITNESSES[0].vkey],
        ["receipt", receipt, "--log-key", "nonsense"],
        ["receipt", receipt, "--log-key", WITNESSES[0].vkey],
        ["download", folder, "--checkpoint", folder / "checkpoint", "--keys", keys],
        ["guess", receipt],
        [],
    ):
        code, out, err = run(capsys, *words)
        assert (code, out) == (2, "")
        assert err


def test_words_of_a_hostile_file_cannot_move_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = reference.entry(1, kind="\x1b[2J\nYes: all is well \u202e")
    (tmp_path / "receipt").write_bytes(Log.of([entry]).receipt(0))
    words = ["receipt", tmp_path / "receipt", "--log-key", LOG.vkey, "--allow-unknown-signatures"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert out.count("\n") == 1
    assert out.isascii()
    assert "\x1b" not in out


def test_keys_say_who_must_have_signed() -> None:
    assert isinstance(KEYS, Keys)
    assert [key.name for key in KEYS.witnesses] == [witness.name for witness in WITNESSES]
