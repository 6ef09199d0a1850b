"""tools/witness.py: what it signs, what it refuses, and what it remembers."""

import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import reference
from tests.tools.reference import LOG, Log, Signer, b64
from tools import verify_ledger, witness

PROGRAM = Path(witness.__file__)
NAME = "witness.example.net/test"
OTHER_LOG = Signer("other.example.org/log", 1)


@pytest.fixture(scope="module")
def log() -> Log:
    return Log([b"entry %d" % n for n in range(40)], signers=(LOG,))


def fork(log: Log, at: int, size: int) -> Log:
    """Another log by the same key: the same up to index ``at``."""
    changed = [b"changed %d" % n for n in range(at, size)]
    return Log([*log.entries[:at], *changed], signers=(LOG,))


def request(log: Log, old: int, size: int | None = None, *, note: bytes | None = None) -> bytes:
    """The body that a log sends."""
    size = len(log.entries) if size is None else size
    lines = [f"old {old}", *(b64(line) for line in reference.proof(old, log.entries[:size]))]
    return "\n".join(lines).encode() + b"\n\n" + (note or log.checkpoint(size))


# --- The proof ------------------------------------------------------------------------------------


def test_every_right_proof_is_accepted_and_no_other() -> None:
    entries = [b"entry %d" % n for n in range(24)]
    roots = [reference.mth(entries[:size]) for size in range(25)]
    for size in range(25):
        for old in range(size + 1):
            proof = reference.proof(old, entries[:size])
            assert witness.is_consistent(old, roots[old], size, roots[size], proof)
            wrong = [[*proof, bytes(32)], [bytes(32), *proof]]
            for at in range(len(proof)):
                wrong.append([*proof[:at], *proof[at + 1 :]])
                wrong.append([*proof[:at], bytes(32), *proof[at + 1 :]])
            for changed in wrong:
                assert not witness.is_consistent(old, roots[old], size, roots[size], changed)
            if old:
                assert not witness.is_consistent(old, bytes(32), size, roots[size], proof)
                assert not witness.is_consistent(old, roots[old], size, bytes(32), proof)
                if old < size:
                    assert not witness.is_consistent(size, roots[size], old, roots[old], proof)


# --- Keys -----------------------------------------------------------------------------------------


def tool(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(PROGRAM), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = tmp_path / "witness.key"
    made = tool("keygen", "--name", NAME, "--key", key)
    assert (made.returncode, made.stderr) == (0, "")
    vkey = made.stdout.strip()
    assert verify_ledger.parse_vkey(vkey).name == NAME
    assert verify_ledger.parse_vkey(vkey).type == 4
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = key.read_text()
    _, _, name, key_id, seed = content.strip().split("+", 4)
    assert content.startswith("PRIVATE+KEY+")
    assert f"{name}+{key_id}+" in vkey
    assert base64.b64decode(seed)[0] == 4
    assert len(base64.b64decode(seed)) == 33

    again = tool("keygen", "--name", NAME, "--key", key)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert key.read_text() == content
    assert tool("vkey", "--key", key).stdout.strip() == vkey


@pytest.mark.parametrize("name", ["", "two words", "plus+plus", "line\nline", "\udcff"])
def test_a_name_that_no_note_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(witness.Unusable):
        witness.keygen(name, tmp_path / "key")
    assert not (tmp_path / "key").exists()


def test_a_damaged_key_file_is_refused_and_not_quoted(tmp_path: Path) -> None:
    signer = witness.keygen(NAME, tmp_path / "key")
    content = signer.skey
    assert witness.parse_signer(content).vkey == signer.vkey
    for at in range(len(content)):
        # Of the seed a change is noticed by the id, which is of the public key.
        with pytest.raises(witness.Unusable) as refused:
            witness.parse_signer(content[:at] + chr(ord(content[at]) ^ 1) + content[at + 1 :])
        assert content[-20:] not in str(refused.value)


@pytest.mark.parametrize(
    "vkey", ["", "a+b+c", LOG.vkey[:-1], LOG.vkey.replace("ledger", "ledges"), Signer("a", 4).vkey]
)
def test_what_is_no_logs_key_is_refused(vkey: str) -> None:
    with pytest.raises(witness.Unusable):
        witness.parse_log_key(vkey)


# --- A running witness ----------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    content_type: str
    body: str


class Running:
    """A witness as a process of its own."""

    def __init__(self, folder: Path, logs: Sequence[str] = (LOG.vkey, OTHER_LOG.vkey)) -> None:
        self.state = folder / "state.json"
        self.key = folder / "witness.key"
        if not self.key.exists():
            witness.keygen(NAME, self.key)
        self.vkey = witness.read_signer(self.key).vkey
        words = ["run", "--key", self.key, "--state", self.state, "--port", "0"]
        for vkey in logs:
            words += ["--log", vkey]
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("Listening on http://127.0.0.1:"):
                self.port = int(line.rstrip("/\n").rpartition(":")[2])
                return
        raise AssertionError("The witness did not start.")

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        with contextlib.closing(self.connection()) as connection:
            return ask(connection, method, path, body)

    def add(self, body: bytes) -> Answer:
        return self.ask("POST", "/add-checkpoint", body)

    def seen(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = json.loads(self.state.read_bytes())
        return found

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return self.process.returncode


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> Answer:
    connection.request(method, path, body)
    answer = connection.getresponse()
    return Answer(
        answer.status, answer.getheader("Content-Type", ""), answer.read().decode("utf-8")
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Starts witnesses with one key and one state; ends what the test leaves running."""
    started: list[Running] = []

    def begin() -> Running:
        started.append(Running(tmp_path))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, log: Log) -> Iterator[Running]:
    """One witness that has signed size 5, for requests that are refused."""
    running = Running(tmp_path_factory.mktemp("witness"))
    assert running.add(request(log, 0, 5)).status == 200
    yield running
    assert running.end() == 0


def assert_cosigned(running: Running, log: Log, size: int, answer: Answer) -> None:
    """The answer makes the checkpoint one that a reader's own program accepts."""
    assert answer.status == 200
    keys = verify_ledger.make_keys(LOG.vkey, [running.vkey])
    note = log.checkpoint(size) + answer.body.encode()
    assert verify_ledger.verify_checkpoint(note, keys).witnesses == (NAME,)
    line = answer.body
    assert line.endswith("\n")
    data = base64.b64decode(line.split(" ")[2])
    assert abs(int.from_bytes(data[4:12], "big") - time.time()) < 60


def test_what_continues_is_signed_step_by_step(start: Callable[[], Running], log: Log) -> None:
    running = start()
    old = 0
    for size in (1, 2, 3, 7, 8, 8, 21, 40):
        assert_cosigned(running, log, size, running.add(request(log, old, size)))
        root = b64(reference.mth(log.entries[:size]))
        assert running.seen() == {LOG.name: {"size": size, "root": root}}
        old = size
    page = running.ask("GET", "/").body
    assert running.vkey in page
    assert f"{LOG.name}: size 40, root {root}" in page
    assert f"{OTHER_LOG.name}: nothing yet" in page
    assert running.end() == 0


def test_an_empty_log_is_signed_as_empty_only(start: Callable[[], Running], log: Log) -> None:
    running = start()
    assert_cosigned(running, log, 0, running.add(request(log, 0, 0)))
    text = reference.checkpoint_text(LOG.name, 0, bytes(32))
    answer = running.add(request(log, 0, 0, note=reference.note(text, (LOG,))))
    assert (answer.status, answer.body) == (409, "0\n")
    assert_cosigned(running, log, 3, running.add(request(log, 0, 3)))


def test_each_log_is_remembered_by_itself(start: Callable[[], Running], log: Log) -> None:
    running = start()
    other = Log([b"a", b"b"], signers=(OTHER_LOG,), origin=OTHER_LOG.name)
    assert running.add(request(log, 0, 5)).status == 200
    assert running.add(request(other, 0)).status == 200
    assert running.add(request(log, 5, 6)).status == 200
    assert {origin: seen["size"] for origin, seen in running.seen().items()} == {
        LOG.name: 6,
        OTHER_LOG.name: 2,
    }


def test_signatures_of_others_on_the_checkpoint_do_no_harm(
    start: Callable[[], Running], log: Log
) -> None:
    running = start()
    note = reference.note(log.text(5), (Signer("stranger", 4), LOG, Signer(LOG.name, 1, b"old")))
    answer = running.add(request(log, 0, 5, note=note))
    assert_cosigned(running, log, 5, answer)


def test_one_connection_brings_many_requests(start: Callable[[], Running], log: Log) -> None:
    running = start()
    with contextlib.closing(running.connection()) as connection:
        assert ask(connection, "GET", "/").status == 200
        kept = connection.sock
        for old in range(5):
            path = "/add-checkpoint"
            assert ask(connection, "POST", path, request(log, old, old + 1)).status == 200
            assert ask(connection, "POST", path, b"nonsense").status == 400
        assert connection.sock is kept


# --- What is refused ------------------------------------------------------------------------------


def test_a_fork_is_refused(shared: Running, log: Log) -> None:
    for at in range(5):
        other = fork(log, at, 9)
        answer = shared.add(request(other, 5))
        assert answer.status == 422
    # The proof of the true log does not help it either.
    true = request(log, 5, 9).split(b"\n\n")[0]
    assert shared.add(true + b"\n\n" + fork(log, 3, 9).checkpoint()).status == 422
    assert shared.seen()[LOG.name]["size"] == 5


def test_another_root_of_the_same_size_is_a_conflict(shared: Running, log: Log) -> None:
    answer = shared.add(request(fork(log, 4, 5), 5))
    assert (answer.status, answer.content_type, answer.body) == (409, "text/x.tlog.size", "5\n")


@pytest.mark.parametrize("old", [0, 4, 6])
def test_another_old_size_is_a_conflict_that_tells_the_right_one(
    shared: Running, log: Log, old: int
) -> None:
    answer = shared.add(request(log, old, 9))
    assert (answer.status, answer.content_type, answer.body) == (409, "text/x.tlog.size", "5\n")


def test_an_unknown_log_is_not_found(shared: Running) -> None:
    stranger = Signer("stranger.example.org/log", 1)
    other = Log([b"x"], signers=(stranger,), origin=stranger.name)
    assert shared.add(request(other, 0)).status == 404
    assert shared.ask("POST", "/", b"").status == 404
    assert shared.ask("GET", "/add-checkpoint").status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_forbidden(shared: Running, log: Log) -> None:
    text = log.text(9)
    for signers in ((OTHER_LOG,), (Signer(LOG.name, 1, b"another"),), (Signer(LOG.name, 4),)):
        note = reference.note(text, signers)
        assert shared.add(request(log, 5, 9, note=note)).status == 403
    bent = log.checkpoint(9).replace(b"\n9\n", b"\n8\n")
    assert shared.add(request(log, 5, 9, note=bent)).status == 403
    # One wrong signature by a known key spoils the note, though another is right.
    wrong = LOG.line("other text")
    assert shared.add(request(log, 5, 9, note=log.checkpoint(9) + wrong.encode())).status == 403


def test_a_wrong_proof_is_unprocessable(shared: Running, log: Log) -> None:
    head, _, note = request(log, 5, 9).partition(b"\n\n")
    lines = head.split(b"\n")
    zero = b64(bytes(32)).encode()
    for changed in ([*lines, zero], lines[:-1], [lines[0], zero, *lines[2:]], lines[:1]):
        assert shared.add(b"\n".join(changed) + b"\n\n" + note).status == 422
    same = request(log, 5, 5).replace(b"old 5\n", b"old 5\n" + zero + b"\n", 1)
    assert shared.add(same).status == 422


def test_from_nothing_the_proof_is_empty(start: Callable[[], Running], log: Log) -> None:
    running = start()
    body = request(log, 0, 5).replace(b"old 0\n", b"old 0\n" + b64(bytes(32)).encode() + b"\n", 1)
    assert running.add(body).status == 422
    assert running.seen() == {}


def _malformed(log: Log) -> Iterator[bytes]:
    good = request(log, 5, 9)
    head, _, note = good.partition(b"\n\n")
    yield b""
    yield b"\n"
    yield b"old 5"
    yield head
    yield note
    yield good[:-1]
    yield good + b"\n"
    yield good + b"x\n"
    yield b"\n" + good
    yield b"\xff" + good
    yield good.replace(b"\n", b"\r\n")
    yield good.replace(b"old 5", b"old 05")
    yield good.replace(b"old 5", b"old -5")
    yield good.replace(b"old 5", b"old  5")
    yield good.replace(b"old 5", b"new 5")
    yield good.replace(b"old 5", b"old %d" % 2**63)
    yield good.replace(b"old 5", b"old 10")
    yield good.replace(b"=\n", b"\n", 1)
    yield good.replace(b"old 5\n", b"old 5\n" + b64(bytes(31)).encode() + b"\n")
    yield good.replace(b"old 5\n", b"old 5\n!\n")
    yield good.replace(b"old 5\n", b"old 5\n" + (b64(bytes(32)).encode() + b"\n") * 64)
    for text in (
        f"{LOG.name}\n9\n",
        f"{LOG.name}\n09\n{b64(bytes(32))}\n",
        f"{LOG.name}\n9\n{b64(bytes(33))}\n",
        f"{LOG.name}\n9\n{b64(bytes(32))[:-2]}B=\n",
        f"\n9\n{b64(bytes(32))}\n",
        f"{LOG.name}\n9\n{b64(bytes(32))}\n\nmore\n",
    ):
        yield head + b"\n\n" + reference.note(text, (LOG,))
    for line in ("- x AAAAAAA=\n", "— x\n", "— x AAAA\n", "— x AAAAAAB=\n", "— a b AAAAAAA=\n"):
        yield good + line.encode()


def test_what_is_malformed_is_a_bad_request(shared: Running, log: Log) -> None:
    for body in _malformed(log):
        assert shared.add(body).status == 400, body
    assert shared.seen()[LOG.name]["size"] == 5


def test_sixty_three_lines_of_proof_are_not_too_many(shared: Running, log: Log) -> None:
    lines = (b64(bytes(32)).encode() + b"\n") * 63
    assert shared.add(b"old 5\n" + lines + b"\n" + log.checkpoint(9)).status == 422


def test_a_body_too_long_or_of_unknown_length_is_not_read(shared: Running) -> None:
    for head, status in (
        (b"Content-Length: 65537", b"413"),
        (b"Content-Length: 99999999999999999999", b"411"),
        (b"Content-Length: -1", b"411"),
        (b"Transfer-Encoding: chunked", b"411"),
        (b"X-Nothing: 1", b"411"),
    ):
        with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as connection:
            connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
            answer = b""
            while part := connection.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 " + status)


def test_a_body_that_breaks_off_is_a_bad_request(shared: Running) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as connection:
        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold 5\n")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


# --- Memory ---------------------------------------------------------------------------------------


def test_of_many_successors_at_once_one_is_signed(start: Callable[[], Running], log: Log) -> None:
    running = start()
    assert running.add(request(log, 0, 5)).status == 200
    rivals = [Log([*log.entries[:5], b"rival %d" % n], signers=(LOG,)) for n in range(12)]
    bodies = [request(rival, 5) for rival in rivals]
    barrier = threading.Barrier(len(rivals), timeout=60)

    def add(body: bytes) -> Answer:
        barrier.wait()
        return running.add(body)

    with concurrent.futures.ThreadPoolExecutor(len(rivals)) as pool:
        answers = list(pool.map(add, bodies))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 11
    assert {answer.body for answer in answers if answer.status == 409} == {"6\n"}
    (winner,) = (n for n, answer in enumerate(answers) if answer.status == 200)
    root = b64(reference.mth(rivals[winner].entries))
    assert running.seen()[LOG.name] == {"size": 6, "root": root}


def test_a_restart_forgets_nothing(start: Callable[[], Running], log: Log) -> None:
    first = start()
    assert first.add(request(log, 0, 5)).status == 200
    assert first.end() == 0
    second = start()
    assert second.vkey == first.vkey
    assert second.add(request(fork(log, 2, 9), 0)).status == 409
    assert second.add(request(fork(log, 2, 9), 5)).status == 422
    assert_cosigned(second, log, 9, second.add(request(log, 5, 9)))


def test_what_was_signed_before_a_kill_is_remembered(
    start: Callable[[], Running], log: Log
) -> None:
    dice = random.Random(5)
    signed = 0
    for _ in range(4):
        running = start()
        remembered = running.seen().get(LOG.name, {"size": 0})["size"]
        assert isinstance(remembered, int)
        assert signed <= remembered <= signed + 1
        signed = remembered
        timer = threading.Timer(0.05 * dice.random(), running.process.kill)
        timer.start()
        with contextlib.suppress(OSError, http.client.HTTPException):
            for size in range(signed + 1, min(signed + 10, 40)):
                assert running.add(request(log, size - 1, size)).status == 200
                signed = size
        timer.join()
        running.end(signal.SIGKILL)
    running = start()
    assert running.add(request(log, 39, 40)).status in (200, 409)


def test_what_cannot_be_remembered_is_not_signed(start: Callable[[], Running], log: Log) -> None:
    running = start()
    assert running.add(request(log, 0, 5)).status == 200
    blocked = running.state.with_name(running.state.name + ".new")
    blocked.mkdir()
    answer = running.add(request(log, 5, 6))
    assert answer.status == 500
    assert "—" not in answer.body
    assert running.seen()[LOG.name]["size"] == 5
    blocked.rmdir()
    assert running.add(request(log, 5, 6)).status == 200


def run_once(folder: Path) -> subprocess.CompletedProcess[str]:
    """Start a witness that is expected to refuse to start."""
    words = ("--key", folder / "witness.key", "--state", folder / "state.json", "--port", 0)
    return tool("run", *words, "--log", LOG.vkey)


def test_two_witnesses_do_not_share_a_state(start: Callable[[], Running], tmp_path: Path) -> None:
    start()
    second = run_once(tmp_path)
    assert second.returncode == 1
    assert "Another witness runs" in second.stderr


def test_a_lost_state_keeps_it_from_starting(
    start: Callable[[], Running], tmp_path: Path, log: Log
) -> None:
    running = start()
    assert running.add(request(log, 0, 5)).status == 200
    running.end()
    os.rename(running.state, tmp_path / "kept")
    refused = run_once(tmp_path)
    assert refused.returncode == 1
    assert "is gone" in refused.stderr
    assert not running.state.exists()
    os.rename(tmp_path / "kept", running.state)
    assert start().add(request(log, 5, 6)).status == 200


def test_a_damaged_state_keeps_it_from_starting(tmp_path: Path) -> None:
    witness.keygen(NAME, tmp_path / "witness.key")
    (tmp_path / "state.json").write_bytes(b"")
    refused = run_once(tmp_path)
    assert refused.returncode == 1
    assert "The state file is damaged" in refused.stderr
    assert (tmp_path / "state.json").read_bytes() == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00" * 100,
        b"\xff",
        b"[" * 100_000,
        b'{"a":null}',
        b'{"a":{}}',
        b'{"a":{"size":1}}',
        b'{"a":{"size":1,"root":"AAAA"}}',
        b'{"a":{"size":1,"root":1}}',
        b'{"a":{"size":true,"root":"%s"}}' % b64(bytes(32)).encode(),
        b'{"a":{"size":1.0,"root":"%s"}}' % b64(bytes(32)).encode(),
        b'{"a":{"size":-1,"root":"%s"}}' % b64(bytes(32)).encode(),
        b'{"a":{"size":0,"root":"%s"}}' % b64(bytes(32)).encode(),
        b'{"a":{"size":1,"root":"%s","x":1}}' % b64(bytes(32)).encode(),
        b'{"a":{"size":1,"size":2,"root":"%s"}}' % b64(bytes(32)).encode(),
    ],
)
def test_a_state_with_anything_odd_is_damaged(data: bytes) -> None:
    with pytest.raises(witness.Unusable, match="damaged"):
        witness.parse_state(data)


def test_a_state_is_read_as_it_was_written() -> None:
    state = {"a/ö": witness.Seen(3, bytes(32)), "b": witness.Seen()}
    assert witness.parse_state(witness.write_state(state)) == state
