"""`verify_ledger` says yes to sound books, and notices what a superuser tampered with."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from funding.ledger import templates
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now


def test_sound_books_pass(committed_db, capsys):
    pool = make_pool()
    post_now(gift_entry(pool))
    post_now(
        templates.own_spending_paid(
            key="spent", pool=pool.code, currency="USD", amount=500, date=A_DAY
        )
    )
    call_command("verify_ledger")
    assert "sound: 2 entries" in capsys.readouterr().out


TAMPERING = {
    "a posting altered": (
        "UPDATE ledger_posting SET amount = amount + 1 WHERE amount < 0",
        "does not balance",
    ),
    "a balance altered": (
        "UPDATE ledger_accountbalance SET amount = amount + 1",
        "postings add up to",
    ),
    "a balance lost": ("DELETE FROM ledger_accountbalance", "postings add up to"),
    "a total altered": ("UPDATE ledger_figuretotal SET amount = 7", "entries add up to"),
    "a figure altered": (
        "UPDATE ledger_figure SET amount = amount + 1 WHERE name = 'received'",
        "the accounts say",
    ),
    "a figure removed": ("DELETE FROM ledger_figure", "figures"),
    "an entry's lines removed": ("DELETE FROM ledger_posting", "counts 3 postings"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_what_a_superuser_altered_is_noticed(committed_db, django_db_setup, capsys, what):
    statement, words = TAMPERING[what]
    post_now(gift_entry(make_pool()))
    connection.close()
    superuser = django_db_setup.server.connect("postgres", committed_db.name)
    superuser.autocommit = True
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
    superuser.close()

    with pytest.raises(CommandError):
        call_command("verify_ledger")
    assert words in capsys.readouterr().out


def test_an_entry_that_the_sealer_passed_over_is_noticed(committed_db, owner_connection, capsys):
    entry = post_now(gift_entry(make_pool())).entry_id
    with owner_connection, owner_connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_sealer SET sealed_through = %s", [entry])
    with pytest.raises(CommandError):
        call_command("verify_ledger")
    assert f"Entry {entry} was passed over" in capsys.readouterr().out
