"""The public log: sealing, tiles, proofs and checkpoints, checked by the tool that readers have."""

import datetime
import hashlib
import importlib.util
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from core.transactions import use_case
from funding.ledger import checkpoints, notes, proofs, sealing
from funding.ledger.models import Checkpoint, Cosignature, Entry, Leaf, Sealer
from funding.ledger.posting import post, post_many
from funding.ledger.verification import problems
from tests.factories.ledger import gift_entry, make_pool, post_now

ROOT = Path(__file__).resolve().parents[2]


def _load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


verify_ledger = _load("verify_ledger")
witness_tool = _load("witness")


@pytest.fixture
def outside(settings, tmp_path):
    """A folder of its own for the checkpoints that are kept outside the database."""
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def fill(pool, count):
    with use_case():
        post_many([gift_entry(pool, 100 + n, n % 5) for n in range(count)])


# RFC 9162, 2.1, as the RFC writes it: slow, and obviously right.


def mth(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m, leaves):
    if len(leaves) == 1:
        return []
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m, leaves, whole):
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


@pytest.mark.django_db
def test_roots_and_proofs_are_those_of_the_rfc():
    fill(make_pool(), 600)
    while sealing.seal(97):
        pass
    leaves = [bytes(leaf.hash) for leaf in Leaf.objects.all()]
    assert len(leaves) == 600
    assert [proofs.leaf_hash(form) for form in proofs.public_forms(0, 600)] == leaves
    for size in (1, 2, 3, 255, 256, 257, 511, 512, 513, 600):
        assert proofs.root(size) == mth(leaves[:size]), size
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            right = path(index, leaves[:size])
            assert proofs.inclusion_proof(index, size) == right
            assert proofs.path_length(index, size) == len(right)
        for old in {1, 2, 255, 256, 300, size - 1} & set(range(1, size)):
            assert proofs.consistency_proof(old, size) == subproof(old, leaves[:size], True)
    assert proofs.root(0) == hashlib.sha256(b"").digest()
    sizes = [0, 1, 2, 3, 255, 256, 257, 599, 600, 601]
    assert list(proofs.roots(sizes)) == [*(mth(leaves[:size]) for size in sizes[:-1]), None]
    for wrong in (lambda: proofs.inclusion_proof(600, 600), lambda: proofs.root(601)):
        with pytest.raises(proofs.NoSuchTile):
            wrong()
    assert not list(problems())


@pytest.mark.django_db
def test_the_public_form_is_what_the_documentation_says():
    pool = make_pool(code="core")
    memo = 'Zoë\u2028 said "5\\6"\t\x7f/\x01 <&>'
    entry = gift_entry(
        pool, 10_000, 320, memo=memo, source="gift:17", prepared_by="user:3",
        approved_by=("user:5", 'user:"9"'),
    )  # fmt: skip
    number = post_now(entry).entry_id
    sealing.seal_all()
    (form,) = proofs.public_forms(0, 1)
    found = verify_ledger.parse_entry(form)  # refuses what is not written byte for byte

    stands = Entry.objects.get()
    private = (
        '{"approved_by":["user:5","user:\\"9\\""],"key":"' + entry.key + '","prepared_by":"user:3"}'
    )
    assert found["private"] == hashlib.sha256(bytes(stands.salt) + private.encode()).hexdigest()
    assert (found["memo"], found["number"], found["source"]) == (memo, number, "gift:17")
    assert found["figures"] == [["core", "USD", "fees", 320], ["core", "USD", "received", 10_000]]
    assert sorted(found["postings"]) == [
        ["core", "clearing", "USD", 9_680],
        ["core", "contributions", "USD", -10_000],
        ["core", "fees", "USD", 320],
    ]
    assert found["recorded_at"] == stands.recorded_at.astimezone(datetime.UTC).strftime(
        "%Y-%m-%dT%H:%M:%S.%fZ"
    )


def test_a_late_commit_is_sealed_after_what_was_sealed_before_it(committed_db):
    """An entry with a lower number that commits after higher ones were sealed is not forgotten."""
    pool = make_pool()
    first = post_now(gift_entry(pool)).entry_id  # opens the month, which others would wait for
    numbered, go = threading.Event(), threading.Event()
    late = []

    def commit_late():
        with use_case():
            late.append(post(gift_entry(pool)).entry_id)
            numbered.set()
            go.wait(20)
        connection.close()

    thread = threading.Thread(target=commit_late)
    thread.start()
    numbered.wait(20)
    early = [post_now(gift_entry(pool)).entry_id for _ in range(3)]
    for _ in range(3):
        sealing.seal_all()
    assert list(Leaf.objects.values_list("entry_id", flat=True)) == [first, *early]
    assert Sealer.objects.get().sealed_through < late[0]
    go.set()
    thread.join()
    assert sealing.seal_all() == 1
    assert list(Leaf.objects.values_list("sequence", "entry_id")) == [
        (0, first), (1, early[0]), (2, early[1]), (3, early[2]), (4, late[0]),
    ]  # fmt: skip
    for _ in range(2):
        sealing.seal_all()
    assert Sealer.objects.get().sealed_through >= max(early)


def test_sealers_and_writers_at_once_leave_no_gap_and_lose_nothing(committed_db):
    pools = [make_pool() for _ in range(3)]
    done = threading.Event()

    def write(pool):
        for _ in range(30):
            post_now(gift_entry(pool))
        connection.close()

    def keep_sealing():
        while not done.is_set():
            sealing.seal(7)
        connection.close()

    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    writers = [threading.Thread(target=write, args=[pool]) for pool in pools]
    for thread in sealers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    sealing.seal_all()

    assert list(Leaf.objects.values_list("sequence", flat=True)) == list(range(90))
    assert Leaf.objects.values("entry").distinct().count() == 90
    assert not list(problems())


@pytest.mark.django_db
class TestCheckpoints:
    def test_a_checkpoint_is_signed_kept_outside_and_made_once(self, outside):
        assert checkpoints.publish() is None
        fill(make_pool(), 3)
        signed = checkpoints.publish()
        assert signed.size == 3
        keys = verify_ledger.make_keys(str(checkpoints.signer().verifier), [])
        found = verify_ledger.verify_checkpoint((outside / "3.checkpoint").read_bytes(), keys)
        assert (found.size, found.root) == (3, bytes(signed.root))
        assert checkpoints.publish() is None

    def test_a_database_that_was_put_back_is_not_signed_over(self, outside):
        fill(make_pool(), 3)
        checkpoints.publish()
        text = notes.checkpoint_text(checkpoints.signer().name, 4, b"x" * 32)
        note = f"{text}\n{checkpoints.signer().sign(text)}\n"
        (outside / "4.checkpoint").write_text(note, encoding="utf-8")
        fill(make_pool(), 2)
        with pytest.raises(checkpoints.LogRewritten):
            checkpoints.publish()
        assert Checkpoint.objects.count() == 1

    def test_a_file_that_we_did_not_sign_stops_it(self, outside):
        fill(make_pool(), 1)
        checkpoints.publish()
        kept = (outside / "1.checkpoint").read_text(encoding="utf-8")
        (outside / "1.checkpoint").write_text(kept.replace("\n1\n", "\n0\n"), encoding="utf-8")
        with pytest.raises(checkpoints.LogRewritten):
            checkpoints.publish()

    def test_the_newest_file_is_found_without_listing_the_folder(self, outside, monkeypatch):
        pool = make_pool()
        fill(pool, 1)
        checkpoints.publish()

        def list_no_more():
            raise AssertionError("the folder was listed")

        monkeypatch.setattr(checkpoints, "_listed_sizes", list_no_more)
        for size in (2, 3):
            fill(pool, 1)
            assert checkpoints.publish().size == size
        assert checkpoints.publish() is None

    @pytest.mark.parametrize("damage", ["gone", "", "3", "x y", "9 9", "2 {mtime}"])
    def test_whatever_became_of_what_we_noted_the_newest_file_is_the_newest(self, outside, damage):
        """A crash, an older program, a folder from before, or a file that somebody put back."""
        fill(make_pool(), 3)
        checkpoints.publish()
        noted = outside / "newest"
        before = noted.read_text(encoding="utf-8")
        if damage == "gone":
            noted.unlink()
        elif damage == "2 {mtime}":  # of a checkpoint that is not there
            noted.write_text(damage.format(mtime=before.split()[1]), encoding="utf-8")
        else:
            noted.write_text(damage, encoding="utf-8")
        size, root = checkpoints._newest_kept()
        assert (size, root) == (3, proofs.root(3))
        assert noted.read_text(encoding="utf-8").split()[0] == "3"
        assert list(outside.glob(".*")) == []

    def test_what_a_crash_left_in_the_file_is_kept(self, outside):
        """The file is there, its checkpoint not yet in the database: no witness's line is lost."""
        fill(make_pool(), 3)
        sealing.seal_all()
        key = checkpoints.signer()
        text = notes.checkpoint_text(key.name, 3, proofs.root(3))
        note = f"{text}\n{key.sign(text)}\n\u2014 a.test AAAA\n"
        outside.mkdir()
        (outside / "3.checkpoint").write_text(note, encoding="utf-8")
        signed = checkpoints.publish()
        assert note.startswith(signed.note)
        assert (outside / "3.checkpoint").read_text(encoding="utf-8") == note

    def test_keys_and_lines_that_are_damaged_are_refused(self):
        key = settings.LEDGER_SIGNING_KEY
        for wrong in ("", key[:-4], key.replace("testserver", "other"), "PRIVATE+KEY+x+y+z"):
            with pytest.raises(notes.BadKey):
                notes.parse_signer(wrong)
        public = str(checkpoints.signer().verifier)
        assert str(notes.parse_verifier(public)) == public
        with pytest.raises(notes.BadKey):
            notes.parse_verifier(public.replace("testserver", "other"))


@pytest.mark.django_db
class TestPublicLog:
    def test_a_receipt_and_the_download_convince_the_verifier(self, outside, client, tmp_path):
        pool = make_pool()
        numbers = [post_now(gift_entry(pool, 1_000 + n)).entry_id for n in range(300)]
        assert client.get("/ledger/checkpoint").status_code == 404
        checkpoints.publish()
        files = {
            "checkpoint": client.get("/ledger/checkpoint"),
            "keys.txt": client.get("/ledger/keys.txt"),
            "entries.jsonl": client.get("/ledger/entries.jsonl"),
            "entry.tlog-proof": client.get(f"/ledger/entries/{numbers[123]}.tlog-proof"),
        }
        for name, response in files.items():
            assert response.status_code == 200
            (tmp_path / name).write_bytes(response.getvalue())
        for words in (
            ["receipt", "entry.tlog-proof"],
            ["download", "entries.jsonl", "--checkpoint", "checkpoint"],
            ["checkpoint", "checkpoint"],
        ):
            answer = subprocess.run(
                [sys.executable, "-I", ROOT / "tools" / "verify_ledger.py", *words,
                 "--keys", "keys.txt"],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert answer.returncode == 0, answer.stdout + answer.stderr
            assert answer.stdout.startswith("Yes")

    def test_tiles_are_immutable_and_those_of_the_tree(self, outside, client):
        fill(make_pool(), 600)
        checkpoints.publish()
        leaves = [bytes(leaf.hash) for leaf in Leaf.objects.all()]
        full = client.get("/ledger/tile/0/001")
        assert full.content == b"".join(leaves[256:512])
        assert "immutable" in full["Cache-Control"]
        assert full["Content-Type"] == "application/octet-stream"
        assert client.get("/ledger/tile/0/002.p/88").content == b"".join(leaves[512:])
        above = client.get("/ledger/tile/1/000.p/2").content
        assert above == mth(leaves[:256]) + mth(leaves[256:512])
        bundle = client.get("/ledger/tile/entries/002.p/88").content
        entries = []
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        assert [proofs.leaf_hash(entry) for entry in entries] == leaves[512:]

    @pytest.mark.parametrize(
        "rest",
        [
            "0/002", "0/002.p/89", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/0", "0/x000/000",
            "1/000", "1/000.p/3", "64/000", "-1/000", "00/000", "entries/003", "entries/", "nothing",
        ],
    )  # fmt: skip
    def test_a_tile_that_the_tree_has_not_is_not_found(self, outside, client, rest):
        fill(make_pool(), 600)
        checkpoints.publish()
        assert client.get(f"/ledger/tile/{rest}").status_code == 404

    def test_an_unsealed_entry_has_no_receipt_and_a_size_to_come_no_download(
        self, outside, client: Client
    ):
        pool = make_pool()
        fill(pool, 2)
        checkpoints.publish()
        number = post_now(gift_entry(pool)).entry_id
        assert client.get(f"/ledger/entries/{number}.tlog-proof").status_code == 404
        sealing.seal_all()
        assert client.get(f"/ledger/entries/{number}.tlog-proof").status_code == 404
        # Of size 1 there is no checkpoint: nobody could check what he got.
        for size in ("1", "3", "0", "-1", "x", "9" * 30):
            assert client.get(f"/ledger/entries.jsonl?size={size}").status_code == 404
        assert client.get("/ledger/checkpoints/3").status_code == 404
        answer = client.get("/ledger/entries.jsonl?size=2")
        assert answer.getvalue().count(b"\n") == 2
        assert "immutable" in answer["Cache-Control"]
        assert client.get("/ledger/checkpoints/2").content.startswith(b"testserver/ledger\n2\n")
        assert client.post("/ledger/checkpoint").status_code == 405


def test_a_witness_signs_what_continues_and_the_public_sees_it(committed_db, settings, tmp_path):
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    witness = ROOT / "tools" / "witness.py"
    key = subprocess.run(
        [sys.executable, witness, "keygen", "--name", "w.example", "--key", tmp_path / "w.key"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    log_key = str(checkpoints.signer().verifier)
    port = free_port()
    settings.LEDGER_WITNESSES = [f"{key}@http://127.0.0.1:{port}"]
    pool = make_pool()
    fill(pool, 3)
    first = checkpoints.publish()
    with pytest.raises(OSError):
        checkpoints.ask_witness(3, "w.example")  # nobody listens yet
    assert checkpoints.published() == first
    process = subprocess.Popen(
        [sys.executable, witness, "run", "--key", tmp_path / "w.key", "--state",
         tmp_path / "w.json", "--log", log_key, "--port", str(port)],
    )  # fmt: skip
    try:
        wait_for_port(port)
        assert checkpoints.ask_witness(3, "w.example")
        assert checkpoints.ask_witness(3, "w.example") is None
        fill(pool, 400)
        second = checkpoints.publish()
        assert checkpoints.published() == first  # until the witness has signed
        assert checkpoints.ask_witness(second.size, "w.example")
        assert checkpoints.published() == second
        note = Client().get("/ledger/checkpoint").content
        keys = verify_ledger.make_keys(log_key, [key])
        assert verify_ledger.verify_checkpoint(note, keys).size == 403
        kept = (tmp_path / "checkpoints" / "403.checkpoint").read_bytes()
        assert kept == note
    finally:
        process.terminate()
        process.wait(10)


def test_two_witnesses_at_once_both_stand_in_the_file(
    committed_db, settings, tmp_path, monkeypatch
):
    """The one that began to write first and ends last does not drop the other's line."""
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    signers = {name: witness_tool.keygen(name, tmp_path / name) for name in ("a.test", "b.test")}
    settings.LEDGER_WITNESSES = [f"{s.vkey}@http://127.0.0.1:1" for s in signers.values()]
    fill(make_pool(), 3)
    checkpoints.publish()

    both_signed, first = threading.Barrier(2, timeout=60), threading.Lock()

    def sign(witness, _old, checkpoint):
        text = checkpoint.note.partition("\n\n")[0] + "\n"
        line = signers[witness.verifier.name].cosign(text, 1_700_000_000)
        both_signed.wait(20)
        return 200, line

    keep = checkpoints._keep

    def keep_slowly(*what):
        if first.acquire(blocking=False):
            time.sleep(0.5)
        keep(*what)

    monkeypatch.setattr(checkpoints, "_send", sign)
    monkeypatch.setattr(checkpoints, "_keep", keep_slowly)

    def ask(name):
        checkpoints.ask_witness(3, name)
        connection.close()

    threads = [threading.Thread(target=ask, args=[name]) for name in signers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Cosignature.objects.count() == 2
    note = checkpoints.signed_note(Checkpoint.objects.get())
    assert note.count("\u2014 ") == 3
    assert (tmp_path / "checkpoints" / "3.checkpoint").read_text(encoding="utf-8") == note
    # Published once more (a job may run twice), the file keeps every line.
    assert checkpoints.publish() is None
    assert (tmp_path / "checkpoints" / "3.checkpoint").read_text(encoding="utf-8") == note


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nobody listens")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
