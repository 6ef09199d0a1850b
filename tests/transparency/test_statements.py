"""Monthly statements: of closed months alone, the same at each reading, bound by a checkpoint."""

import datetime
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.utils import Error

from core.transactions import use_case
from funding.ledger import checkpoints, notes, proofs, sealing, statements, templates
from funding.ledger.models import Period, StatementHash
from funding.ledger.periods import close_month
from funding.ledger.verification import problems
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.membership import make_officer

ROOT = Path(__file__).resolve().parents[2]
MARCH, APRIL, MAY = (datetime.date(2026, month, 1) for month in (3, 4, 5))


def _load(name):
    spec = importlib.util.spec_from_file_location(f"{name}_here", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


verify_ledger = _load("verify_ledger")
witness_tool = _load("witness")


@pytest.fixture(autouse=True)
def outside(settings, tmp_path):
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def close(*months):
    for month in months:
        with use_case():
            close_month(month, by=make_officer(), reason="All is in")


def day(month, number=10):
    return month.replace(day=number)


@pytest.fixture
def pools():
    core, kids = make_pool("core", name="Core"), make_pool("kids", also=("KWD",))
    post_now(gift_entry(core, 10_000, 320, date=day(MARCH)))
    post_now(gift_entry(core, 5_000, 100, date=day(APRIL)))
    post_now(gift_entry(core, 7_000, 0, date=day(APRIL, 11)))
    post_now(gift_entry(kids, 123_456, 1, currency="KWD", date=day(APRIL)))
    post_now(
        templates.transfer_between_pools(
            key="t", pool="core", to_pool="kids", currency="USD", amount=2_500, date=day(APRIL, 20)
        )
    )
    post_now(gift_entry(core, 900, 0, date=day(MAY)))
    return core, kids


@pytest.mark.django_db
class TestWhatItSays:
    def test_it_is_written_byte_for_byte_as_the_documentation_says(self, client, pools):
        close(MARCH, APRIL)
        answer = client.get("/pools/core/statements/2026-04.json")
        assert answer.content == (
            b'{"books":[{"accounts":[["bank",0,-2500,-2500],["clearing",9680,11900,21580],'
            b'["contributions",-10000,-12000,-22000],["fees",320,100,420],'
            b'["transfers-out",0,2500,2500]],"available_by_accounts":[9680,9400,19080],'
            b'"available_by_figures":[9680,9400,19080],"currency":"USD","entries":3,'
            b'"figures":[["opening",0,0,0],["received",10000,12000,22000],["refunded",0,0,0],'
            b'["held",0,0,0],["lost",0,0,0],["fees",320,100,420],["expenses",0,0,0],'
            b'["exchange",0,0,0],["transfers",0,-2500,-2500],["disbursed",0,0,0],'
            b'["returned",0,0,0],["committed",0,0,0],["owed_back",0,0,0],["paid_ahead",0,0,0]]}],'
            b'"format":1,"month":"2026-04","pool":"core"}\n'
        )
        assert answer["Access-Control-Allow-Origin"] == "*"
        kids = json.loads(client.get("/pools/kids/statements/2026-04.json").content)
        assert [(book["currency"], book["entries"]) for book in kids["books"]] == [
            ("KWD", 1), ("USD", 1),
        ]  # fmt: skip
        # It had no entry by the end of March.
        assert client.get("/pools/kids/statements/2026-03.json").status_code == 404

    def test_the_page_shows_both_roads_and_the_hash_of_the_file(self, client, pools):
        close(MARCH, APRIL)
        page = client.get("/pools/core/statements/2026-04/")
        file = client.get("/pools/core/statements/2026-04.json").content
        text = page.content.decode()
        assert hashlib.sha256(file).hexdigest() in text
        (book,) = page.context["found"].books
        assert sum(line.moved.change for line in book.figures) == book.by_figures.change == 9_400
        assert book.by_accounts == book.by_figures
        assert "3 entries in the month" in text
        assert "next checkpoint will name it" in text
        hashes = client.get("/ledger/statements/2026-04.sha256").content
        assert hashlib.sha256(hashes).hexdigest() in text

    @pytest.mark.parametrize(
        "month", ["2026-05", "2026-13", "2026-3", "2026-00", "9999-99", "x", "0000-01", "٢٠٢٦-04"]
    )
    def test_a_month_that_is_not_closed_or_none_has_no_statement(self, client, pools, month):
        close(MARCH, APRIL)
        assert client.get(f"/pools/core/statements/{month}/").status_code == 404
        assert client.get(f"/pools/core/statements/{month}.json").status_code == 404
        assert client.get(f"/ledger/statements/{month}.sha256").status_code == 404

    def test_the_list_has_the_closed_months_newest_first(self, client, pools):
        assert "No month is closed yet" in client.get("/pools/core/statements/").content.decode()
        close(MARCH, APRIL)
        page = client.get("/pools/core/statements/")
        assert [(m.month, m.available) for m in page.context["months"]] == [
            (APRIL, 19_080), (MARCH, 9_680),
        ]  # fmt: skip
        assert [m.month for m in client.get("/pools/kids/statements/").context["months"]] == [APRIL]
        assert client.get("/pools/nobody/statements/").status_code == 404

    def test_a_month_of_receivables_alone_is_listed_too(self, client):
        make_pool("dues")
        post_now(
            templates.pledge_confirmed(
                key="p", pool="dues", currency="USD", amount=700, date=day(MARCH)
            )
        )
        close(MARCH)
        (month,) = client.get("/pools/dues/statements/").context["months"]
        assert (month.month, month.available) == (MARCH, 0)
        assert client.get("/pools/dues/statements/2026-03/").status_code == 200

    def test_it_stays_the_same_whatever_comes_later(self, client, pools):
        close(MARCH)
        addresses = ("/pools/core/statements/2026-03.json", "/ledger/statements/2026-03.sha256")
        before = [client.get(address).content for address in addresses]
        late = post_now(gift_entry(pools[0], 4_000, 0, date=day(MARCH, 31)))
        make_pool("later")
        post_now(gift_entry(pools[1], 800, 0, date=day(APRIL)))
        close(APRIL)
        assert [client.get(address).content for address in addresses] == before
        assert late.entry_id  # it is in April's
        april = json.loads(client.get("/pools/core/statements/2026-04.json").content)
        assert april["books"][0]["entries"] == 4

    def test_the_hashes_are_a_file_that_sha256sum_checks(self, client, pools, tmp_path):
        close(MARCH, APRIL)
        listed = client.get("/ledger/statements/2026-04.sha256").content
        for code in ("core", "kids"):
            answer = client.get(f"/pools/{code}/statements/2026-04.json")
            name = answer["Content-Disposition"].split('"')[1]
            (tmp_path / name).write_bytes(answer.content)
        (tmp_path / "sums").write_bytes(listed)
        checked = subprocess.run(
            ["sha256sum", "--check", "--strict", "sums"], cwd=tmp_path, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stderr
        assert checked.stdout.count("OK") == 2

    def test_what_a_reader_has_already_is_not_sent_again(self, client, pools, monkeypatch):
        close(MARCH)
        addresses = [
            "/pools/core/statements/2026-03.json", "/ledger/statements/2026-03.sha256",
            "/pools/core/statements/2026-03/",
        ]  # fmt: skip
        tags = [client.get(address)["ETag"] for address in addresses]

        def again():
            return [
                client.get(address, headers={"If-None-Match": tag})
                for address, tag in zip(addresses, tags, strict=True)
            ]

        assert [(answer.status_code, answer.content) for answer in again()] == [(304, b"")] * 3
        assert [answer["Access-Control-Allow-Origin"] for answer in again()[:2]] == ["*", "*"]
        # Derived anew at each reading: other bytes would be sent, and their hash is the tag.
        monkeypatch.setattr(statements, "FORMAT", 2)
        assert [answer.status_code for answer in again()] == [200] * 3
        changed = client.get(addresses[0])
        assert changed["ETag"] == f'"{hashlib.sha256(changed.content).hexdigest()}"'


def lines_of(checkpoint):
    return checkpoint.note.partition("\n\n")[0].split("\n")[3:]


@pytest.mark.django_db
class TestInTheCheckpoint:
    def test_the_next_checkpoint_names_it_and_no_other_does(self, client, pools):
        before = checkpoints.publish()
        close(MARCH)
        assert checkpoints.publish() is None  # nothing has grown
        post_now(gift_entry(pools[0], 100, 0, date=day(APRIL)))
        named = checkpoints.publish()
        post_now(gift_entry(pools[0], 100, 0, date=day(APRIL)))
        after = checkpoints.publish()
        assert lines_of(before) == lines_of(after) == []
        assert lines_of(named) == [f"statements 2026-03 {statements.month_hash(MARCH)}"]
        kept = StatementHash.objects.get()
        assert (kept.period.month, kept.checkpoint) == (MARCH, named)
        page = client.get("/pools/core/statements/2026-03/").content.decode()
        assert f"/ledger/checkpoints/{named.size}" in page
        assert "not the statement that was signed" not in page
        assert not list(problems())

    def test_two_months_closed_since_are_both_named(self, pools):
        close(MARCH, APRIL)
        named = checkpoints.publish()
        assert notes.statements_named(named.note.partition("\n\n")[0]) == [
            ("2026-03", statements.month_hash(MARCH)),
            ("2026-04", statements.month_hash(APRIL)),
        ]

    def test_the_log_signed_it_and_a_witness_signs_it_too(self, pools, tmp_path):
        close(MARCH)
        named = checkpoints.publish()
        origin = str(checkpoints.signer().verifier)
        signer = witness_tool.keygen("witness.test", tmp_path / "key")
        witness = witness_tool.Witness(
            signer,
            [witness_tool.parse_log_key(origin)],
            witness_tool.StateFile(tmp_path / "state"),
        )
        line = witness.add_checkpoint(f"old 0\n\n{named.note}".encode())
        keys = verify_ledger.make_keys(origin, [signer.vkey])
        found = verify_ledger.verify_checkpoint((named.note + line).encode(), keys)
        assert found.statements == (("2026-03", statements.month_hash(MARCH)),)
        assert found.witnesses == ("witness.test",)
        for changed in ("2026-03", "2026-02"), (found.statements[0][1][:8], "0" * 8):
            bent = (named.note + line).replace(*changed)
            with pytest.raises(verify_ledger.Wrong):
                verify_ledger.verify_checkpoint(bent.encode(), keys)

    def test_what_a_crash_left_in_the_file_is_what_is_named(self, outside, pools):
        """The file is there and was perhaps seen; its checkpoint is not in the database."""
        sealing.seal_all()
        size = proofs.tree_size()
        key = checkpoints.signer()
        text = notes.checkpoint_text(key.name, size, proofs.root(size))
        outside.mkdir()
        (outside / f"{size}.checkpoint").write_text(f"{text}\n{key.sign(text)}\n", encoding="utf-8")
        close(MARCH)
        signed = checkpoints.publish()
        assert lines_of(signed) == []
        assert not StatementHash.objects.exists()
        post_now(gift_entry(pools[0], 100, 0, date=day(APRIL)))
        assert len(lines_of(checkpoints.publish())) == 1

    def test_a_file_of_a_crash_that_names_the_month_counts(self, outside, pools):
        close(MARCH)
        sealing.seal_all()
        size = proofs.tree_size()
        key = checkpoints.signer()
        named = [("2026-03", statements.month_hash(MARCH))]
        text = notes.checkpoint_text(key.name, size, proofs.root(size), named)
        outside.mkdir()
        (outside / f"{size}.checkpoint").write_text(f"{text}\n{key.sign(text)}\n", encoding="utf-8")
        signed = checkpoints.publish()
        assert len(lines_of(signed)) == 1
        assert StatementHash.objects.get().checkpoint == signed
        post_now(gift_entry(pools[0], 100, 0, date=day(APRIL)))
        assert lines_of(checkpoints.publish()) == []

    def test_a_statement_that_is_no_longer_what_was_signed_is_found(
        self, client, pools, monkeypatch
    ):
        close(MARCH)
        named = checkpoints.publish()
        monkeypatch.setattr(statements, "FORMAT", 2)  # any change of its bytes
        assert list(problems()) == [
            "The statements of 2026-03 are not those which the checkpoint of size"
            f" {named.size} names."
        ]
        page = client.get("/pools/core/statements/2026-03/").content.decode()
        assert "not the statement that was signed" in page

    def test_the_offline_verifier_makes_them_anew_from_the_download(self, client, pools, tmp_path):
        close(MARCH, APRIL)
        checkpoints.publish()
        with_statements = client.get("/ledger/checkpoint").content
        post_now(gift_entry(pools[0], 100, 0, date=day(MAY)))
        checkpoints.publish()
        files = {
            "checkpoint": client.get("/ledger/checkpoint").content,
            "older": with_statements,
            "keys.txt": client.get("/ledger/keys.txt").content,
            "entries.jsonl": client.get("/ledger/entries.jsonl").getvalue(),
            "core.json": client.get("/pools/core/statements/2026-04.json").content,
            "kids.json": client.get("/pools/kids/statements/2026-04.json").content,
        }
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        command = [
            sys.executable, "-I", ROOT / "tools" / "verify_ledger.py", "download", "entries.jsonl",
            "--checkpoint", "checkpoint", "--previous", "older", "--keys", "keys.txt",
            "--statement", "core.json", "--statement", "kids.json",
        ]  # fmt: skip
        answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "the statements of 2026-03 and 2026-04 are those that were signed" in answer.stdout
        assert "the statement of kids for 2026-04 is what the entries make" in answer.stdout

        bent = files["core.json"].replace(b"12000", b"12001")
        (tmp_path / "core.json").write_bytes(bent)
        answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert answer.returncode == 1
        assert "The statement of core for 2026-04 is not what the entries make" in answer.stdout

    def test_the_verifier_finds_a_month_that_was_signed_wrongly(self, pools):
        close(MARCH)
        sealing.seal_all()
        size = proofs.tree_size()
        key = checkpoints.signer()
        keys = verify_ledger.make_keys(str(key.verifier))
        entries = b"".join(form + b"\n" for form in proofs.public_forms(0, size))
        right = statements.month_hash(MARCH)
        for sha256, accepted in ((right, True), ("0" * 64, False)):
            text = notes.checkpoint_text(key.name, size, proofs.root(size), [("2026-03", sha256)])
            note = f"{text}\n{key.sign(text)}\n".encode()
            if accepted:
                found = verify_ledger.verify_download(io.BytesIO(entries), note, keys)
                assert found.months == ("2026-03",)
            else:
                with pytest.raises(verify_ledger.Wrong, match="names other statements of 2026-03"):
                    verify_ledger.verify_download(io.BytesIO(entries), note, keys)

    @pytest.mark.parametrize(
        "line",
        [
            "statements 2026-03", f"statements 2026-13 {'0' * 64}", f"statements 2026-03 {'A' * 64}",
            f"statements  2026-03 {'0' * 64}", "something else",
            f"statements 2026-03 {'0' * 64}\nstatements 2026-03 {'0' * 64}",
        ],
    )  # fmt: skip
    def test_the_verifier_refuses_a_line_it_does_not_know(self, line):
        key = checkpoints.signer()
        text = notes.checkpoint_text(key.name, 5, bytes(32)) + line + "\n"
        with pytest.raises(verify_ledger.Wrong):
            verify_ledger.verify_checkpoint(
                f"{text}\n{key.sign(text)}\n".encode(), verify_ledger.make_keys(str(key.verifier))
            )


@pytest.mark.django_db
def test_what_was_named_stays(pools):
    close(MARCH)
    checkpoints.publish()
    assert Period.objects.get(month=MARCH).statement_hash
    for statement in (
        "DELETE FROM ledger_statementhash",
        "UPDATE ledger_statementhash SET sha256 = ''",
        "TRUNCATE ledger_statementhash",
    ):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert StatementHash.objects.get().sha256 == statements.month_hash(MARCH)
