"""The ledger under kill -9, and the proof that its judge would notice.

The honest run must leave nothing to find. Each fault that is planted must be found, and by the
check that is there for it.

`make test` runs this for some seconds, `make faults` for minutes: FAULT_SECONDS in all,
FAULT_ROUNDS (each with a fresh ledger and another seed), FAULT_WRITERS, and FAULT_SEED to do a run
again (the same lots are drawn; what they meet depends on the machine).
"""

import contextlib
import os
import random
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from funding.ledger import checkpoints, notes, verification
from funding.ledger.models import Checkpoint, Entry, Leaf
from funding.ledger.sql import posting as sql
from portal import database
from portal.database import EmbeddedServer
from tests.database import TEMPLATE, TestServer
from tests.factories.ledger import make_pool
from tests.factories.membership import make_officer
from tests.faults.harness import Books, Nursery, Reaper, crash, own_server, pointed_at
from tests.faults.judge import Case, Findings, judge
from tests.faults.oracle import notes_of
from tests.faults.programs import POOLS

SECONDS = float(os.environ.get("FAULT_SECONDS") or 10)
ROUNDS = int(os.environ.get("FAULT_ROUNDS") or 1)
WRITERS = int(os.environ.get("FAULT_WRITERS") or 3)
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
KEY = notes.make_signer_key("faults.example/ledger")
VERIFIER = notes.parse_signer(KEY).verifier

pytestmark = [pytest.mark.fault, pytest.mark.timeout(SECONDS + 120 * ROUNDS + 120)]


@pytest.fixture(scope="module")
def server(django_db_setup: TestServer) -> Iterator[EmbeddedServer]:
    with own_server(django_db_setup.server) as server:
        yield server


@pytest.fixture(scope="module")
def nursery(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(server, KEY, tmp_path_factory.mktemp("nursery") / "log")
    yield nursery
    nursery.end()


@pytest.fixture
def books(
    server: EmbeddedServer,
    nursery: Nursery,
    tmp_path: Path,
    settings: Any,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Books]:
    """A ledger with two pools and an officer, in a database of its own, where Django points."""
    settings.LEDGER_SIGNING_KEY = KEY
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    books = Books(server, nursery, f"faults_{uuid.uuid4().hex[:8]}", tmp_path)
    with contextlib.closing(server.connect(database.OWNER_ROLE)) as owner:
        owner.cursor().execute(f"CREATE DATABASE {books.database} TEMPLATE {TEMPLATE}")
    try:
        with django_db_blocker.unblock(), pointed_at(server, books.database):
            for code in POOLS:
                make_pool(code=code)
            make_officer()
            connection.close()  # ours is not there to be killed
            yield books
    finally:
        books.kill_all()
        server.start()  # it may have been killed last
        database.drop_database(server, books.database)


def findings(books: Books) -> dict[str, Findings]:
    connection.close()  # the server may have been another since
    return judge(Case(books.folder, VERIFIER))


# --- The honest run -------------------------------------------------------------------------------


def told(books: Books, reaper: Reaper) -> dict[str, int]:
    """What a round did, to be read and to be asked: where nothing happened, nothing was shown."""
    writers = notes_of(books.oracle, "writer")
    replayed = [note for note in writers if note.get("replayed")]
    return {
        "entries": Entry.objects.count(),
        "entries acknowledged": sum("entry" in note for note in writers),
        "entries acknowledged at a second try": len(replayed),
        "reversals": Entry.objects.filter(kind="reversal").count(),
        "decisions refused": sum("refused" in note for note in writers),
        "payments taken in": len(notes_of(books.oracle, "handler")),
        "entries sealed": Leaf.objects.count(),
        "checkpoints": Checkpoint.objects.count(),
        **{f"times killed: {way}": reaper.killed[way] for way in reaper.ways},
    }


def much_happened(books: Books) -> bool:
    """Whether a round may end: on a busy machine, seconds alone say little."""
    writers = notes_of(books.oracle, "writer")
    return (
        len(writers) > 100
        and any(note.get("replayed") for note in writers)
        and len(notes_of(books.oracle, "handler")) > 3
        and len(notes_of(books.oracle, "sealer")) > 3
    )


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_was_acknowledged_outlives_every_kill(books: Books, number: int) -> None:
    seed = SEED + number
    print(f"\nFAULT_SEED={seed}")
    for writer in range(WRITERS):
        books.start(f"writer-{writer}", forgets=0.02)
    books.start("sealer-0")
    books.start("handler-0")
    reaper = Reaper(books, seed)
    reaper.reap(SECONDS / ROUNDS, lambda: much_happened(books))
    books.finish_what_waits()

    found = findings(books)
    did = told(books, reaper)
    print("\n".join(f"{times:>9,} {what}" for what, times in did.items()))

    assert found == {}
    assert all(did.values())


# --- What each check is there for -------------------------------------------------------------------

TAMPERED = {
    "acknowledged": "UPDATE ledger_entry SET memo = 'Other words' WHERE id = 1",
    "once": "UPDATE ledger_entry SET source = 'event:writer-0:1:0' WHERE id = 2",
    "balanced": "UPDATE ledger_posting SET amount = amount + 1 WHERE entry_id = 1 AND amount > 0",
    "sums": "UPDATE ledger_figuretotal SET amount = amount + 1",
    "two_roads": "UPDATE ledger_figure SET amount = amount + 1 WHERE name = 'received'",
    "sealed": "DELETE FROM ledger_leaf WHERE sequence = 3",
    "checkpoints": "UPDATE ledger_checkpoint SET note = replace(note, 'faults', 'others')",
    "verifier": "UPDATE ledger_entry SET salt = sha256(salt) WHERE id = 1",
    "handler": "DELETE FROM payments_stripeevent",
    "done": "DELETE FROM payments_receipt",
}


def test_each_check_finds_what_it_is_there_for(books: Books) -> None:
    books.run("writer-0", acts=8)
    books.run("handler-0", acts=2)
    books.finish_what_waits()
    assert findings(books) == {}

    with pointed_at(books.server, books.database, database.SUPERUSER):
        for check, statement in TAMPERED.items():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(statement)
                assert cursor.rowcount > 0, statement
                assert check in judge(Case(books.folder, VERIFIER))
                transaction.set_rollback(True)
    assert findings(books) == {}


def test_an_error_that_nobody_foresaw_is_found(books: Books) -> None:
    with contextlib.closing(books.connect(database.OWNER_ROLE)) as owner:
        owner.cursor().execute("DROP FUNCTION public.ledger_seal(int)")
    books.run("sealer-0", acts=1)

    found = findings(books)
    assert found.keys() == {"unforeseen"}
    assert "ledger_seal(integer) does not exist" in found["unforeseen"][0]


# --- Planted faults: each must be found, and by the check that is there for it ----------------------


def test_commits_that_are_not_durable_are_found(books: Books) -> None:
    """An acknowledged entry is lost where its commit waits in the memory of a server that dies."""
    for acts in range(20, 120, 20):  # once is enough, unless something else writes the log out
        books.run("writer-0", acts=acts, planted="not durable")
        crash(books.server, signal.SIGKILL)
        books.finish_what_waits()
        if found := findings(books):
            break

    assert found.keys() == {"acknowledged"}
    assert "was acknowledged and is gone" in found["acknowledged"][0]


def test_a_key_made_anew_for_each_try_is_found(books: Books) -> None:
    """The acknowledgement is lost, the writer tries again, and the event is in the books twice."""
    books.run("writer-0", acts=1, planted="fresh key", forgets=1)
    assert not notes_of(books.oracle, "writer")
    books.run("writer-0", acts=1, planted="fresh key")
    books.finish_what_waits()

    assert findings(books).keys() == {"once"}


def test_with_the_same_key_the_lost_acknowledgement_is_given_again(books: Books) -> None:
    """The honest twin of the test above."""
    books.run("writer-0", acts=1, forgets=1)
    books.run("writer-0", acts=1)
    books.finish_what_waits()

    assert {note["replayed"] for note in notes_of(books.oracle, "writer")} == {True}
    assert findings(books) == {}


def test_a_handler_that_marks_as_done_in_a_second_transaction_is_found(books: Books) -> None:
    """It dies between the two, and an entry stands that its payment knows nothing of."""
    books.run("handler-0", acts=1, planted="two transactions")
    found = findings(books)
    assert "is marked with entry None; the books have" in found["handler"][0]

    books.run("handler-0", acts=0)  # the key saves it in the end: nothing is posted twice
    books.finish_what_waits()
    assert findings(books) == {}


def test_a_balance_update_left_out_is_found(books: Books) -> None:
    lame = sql.POST.replace("SET amount = b.amount + change", "SET amount = b.amount", 1)
    assert lame != sql.POST
    with contextlib.closing(books.connect(database.OWNER_ROLE)) as owner:
        owner.cursor().execute(lame)
    books.run("writer-0", acts=8)
    books.finish_what_waits()

    found = findings(books)
    assert found.keys() == {"sums"}
    assert any(finding.startswith("The kept sum of account") for finding in found["sums"])
    assert any(finding.startswith("Balance of") for finding in found["sums"])


def test_a_posting_altered_by_a_superuser_is_found(books: Books) -> None:
    """He doubles an entry and mends all sums, so that the books add up; the log tells all the same."""
    books.run("writer-0", acts=8)
    books.finish_what_waits()
    assert findings(books) == {}
    with contextlib.closing(books.connect(database.SUPERUSER)) as superuser:
        superuser.cursor().execute(
            """
            SET session_replication_role = replica;
            UPDATE ledger_posting SET amount = 2 * amount WHERE entry_id = 1;
            UPDATE ledger_figure SET amount = 2 * amount WHERE entry_id = 1;
            SELECT ledger_rebuild_balances();
            """
        )

    found = findings(books)
    assert found.keys() == {"acknowledged", "sealed", "verifier"}
    assert found["sealed"] == ["Entry 1 is not what was sealed."]


def test_the_newest_sealed_entries_deleted_with_their_proofs_are_found(books: Books) -> None:
    """The owner cuts books and log back to an older checkpoint: inside, all is in order again."""
    books.run("writer-0", acts=120)
    books.finish_what_waits()
    kept = Leaf.objects.count()
    books.run("writer-0", acts=300)
    books.finish_what_waits()
    assert findings(books) == {}
    tables = ("entry", "posting", "figure", "leaf", "treehash", "checkpoint")
    triggers = "".join(f"ALTER TABLE ledger_{table} %s TRIGGER USER;" for table in tables)
    with contextlib.closing(books.connect(database.OWNER_ROLE)) as owner:
        cursor = owner.cursor()
        cursor.execute("SELECT min(entry_id) FROM ledger_leaf WHERE sequence >= %s", [kept])
        (first,) = cursor.fetchone()
        cursor.execute(triggers.replace("%s", "DISABLE"))
        cursor.execute(
            f"""
            DELETE FROM ledger_checkpoint WHERE size > {kept};
            DELETE FROM ledger_treehash WHERE (index + 1) * (256 ^ level) > {kept};
            DELETE FROM ledger_leaf WHERE sequence >= {kept};
            DELETE FROM ledger_posting WHERE entry_id >= {first};
            DELETE FROM ledger_figure WHERE entry_id >= {first};
            DELETE FROM ledger_entry WHERE id >= {first};
            SELECT ledger_rebuild_balances();
            """
        )
        cursor.execute(triggers.replace("%s", "ENABLE"))

    assert list(verification.problems()) == []
    found = findings(books)
    assert found.keys() == {"acknowledged", "sealed", "checkpoints", "verifier"}
    assert any("outside is of another log" in finding for finding in found["checkpoints"])
    with pytest.raises(checkpoints.LogRewritten):
        checkpoints.publish()
