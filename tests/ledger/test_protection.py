"""The database itself keeps the books: against the portal's own role, and against its owner."""

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from core.transactions import use_case
from funding.ledger import sealing, templates
from funding.ledger.models import Entry, Leaf
from funding.ledger.refusals import NotEnoughAvailable, NotWhole, refusal_of
from portal.database import APP_ROLE
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now

TABLES = ["ledger_entry", "ledger_posting", "ledger_figure"]

AS_THE_PORTAL = [
    "UPDATE ledger_posting SET amount = 1",
    "UPDATE ledger_entry SET memo = 'nicer'",
    "DELETE FROM ledger_posting",
    "TRUNCATE ledger_entry CASCADE",
    "UPDATE ledger_accountbalance SET amount = 0",
    "DELETE FROM ledger_figuretotal",
    "INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)"
    " SELECT entry_id, pool_id, currency, 'opening', 1 FROM ledger_posting LIMIT 1",
    "INSERT INTO ledger_period (month) VALUES ('2020-01-01')",
    "UPDATE ledger_period SET closed_at = NULL",
    "UPDATE ledger_account SET code = 'bank'",
    "UPDATE ledger_pool SET currency = 'EUR'",
    "ALTER TABLE ledger_posting DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "GRANT UPDATE ON ledger_posting TO PUBLIC; UPDATE ledger_posting SET amount = 1",
    "ALTER TABLE ledger_posting OWNER TO CURRENT_USER",
    "CREATE OR REPLACE FUNCTION public.ledger_is_whole(entry bigint) RETURNS boolean"
    " LANGUAGE sql AS 'SELECT true'",
    "DROP FUNCTION public.ledger_seal(int)",
    "SET ROLE portal_owner",
]


@pytest.mark.django_db
@pytest.mark.parametrize("statement", AS_THE_PORTAL)
def test_the_portals_role_is_refused(statement):
    post_now(gift_entry(make_pool()))
    with (
        pytest.raises(
            DatabaseError, match=r"permission denied|must be owner|append-only|must be able to SET"
        ),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "verb", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"]
)
def test_even_the_owner_must_not_change_what_is_posted(committed_db, owner_connection, table, verb):
    post_now(gift_entry(make_pool()))
    column = "memo" if table == "ledger_entry" else "amount"
    with (
        pytest.raises(psycopg2.Error, match="append-only") as refused,
        owner_connection.cursor() as cursor,
    ):
        cursor.execute(verb.format(table, column))
    assert refused.value.pgcode == "LG010"


PAST_THE_FUNCTIONS = [
    # Balanced by itself, and yet not what was posted.
    "INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)"
    " SELECT p.entry_id, a.id, a.pool_id, a.currency, 5 FROM ledger_posting p"
    " JOIN ledger_account a ON a.pool_id = p.pool_id AND a.code IN ('bank', 'expense') LIMIT 2",
    "INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)"
    " SELECT entry_id, pool_id, currency, 'opening', 7 FROM ledger_posting LIMIT 1",
    "INSERT INTO ledger_entry (idempotency_key, content_hash, kind, period_id, effective_date,"
    " recorded_at, memo, source, posting_count, figure_count, prepared_by, approved_by, salt)"
    " SELECT 'empty', '', 'x', period_id, now(), now(), '', '', 2, 0, '', '{}', '' "
    " FROM ledger_entry LIMIT 1",
]


@pytest.mark.parametrize("statement", PAST_THE_FUNCTIONS)
def test_not_even_the_owner_writes_an_entry_past_the_ledgers_functions(
    committed_db, owner_connection, statement
):
    post_now(gift_entry(make_pool()))
    with pytest.raises(psycopg2.Error) as refused, owner_connection.cursor() as cursor:
        cursor.execute(statement)
    assert refused.value.pgcode == "LG010"


def test_what_was_changed_past_the_functions_is_never_sealed(committed_db, django_db_setup):
    post_now(gift_entry(make_pool()))
    connection.close()
    superuser = django_db_setup.server.connect("postgres", committed_db.name)
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE ledger_posting SET amount = amount + 1 WHERE amount < 0")
    superuser.close()
    with pytest.raises(NotWhole):
        sealing.seal()
    assert not Leaf.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_account SET code = 'sofa' WHERE code = 'bank'",
        "DELETE FROM ledger_account",
        "UPDATE ledger_pool SET code = 'other'",
        "UPDATE ledger_pool SET currency = 'EUR'",
        "DELETE FROM ledger_leaf",
        "DELETE FROM ledger_checkpoint",
    ],
)
def test_not_even_the_owner_recodes_what_sealed_entries_name(
    committed_db, owner_connection, statement
):
    post_now(gift_entry(make_pool()))
    with pytest.raises(psycopg2.Error), owner_connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_database_refusal_is_told_in_words():
    post_now(gift_entry(make_pool()))
    entry = Entry.objects.get()
    entry.memo = "Nicer"
    with pytest.raises(DatabaseError) as refused, use_case():
        entry.save()
    # The portal's role has not even the right to try; the owner would meet the trigger.
    assert refusal_of(refused.value) is None
    assert "permission denied" in str(refused.value)


@pytest.mark.django_db
def test_the_portals_role_may_lock_a_pool_and_rename_it():
    pool = make_pool()
    with use_case():
        locked = type(pool).objects.select_for_update().get(pk=pool.pk)
        locked.name = "A better name"
        locked.save(update_fields=["name"])
    pool.refresh_from_db()
    assert pool.name == "A better name"


SHADOWS = """
CREATE TEMP TABLE ledger_figuretotal (LIKE public.ledger_figuretotal);
INSERT INTO ledger_figuretotal (pool_id, currency, name, period_id, slot, amount)
    SELECT pool_id, currency, name, period_id, 99, 1000000000 FROM public.ledger_figuretotal;
CREATE TEMP TABLE ledger_leaf (LIKE public.ledger_leaf);
INSERT INTO ledger_leaf (sequence, entry_id, hash) SELECT 0, id, '' FROM public.ledger_entry
"""


@pytest.fixture
def snapshot(committed_db, django_db_setup):
    """A connection of the portal's role that looks at the books as they were when it began."""
    name = connection.settings_dict["NAME"]
    old = django_db_setup.server.connect(APP_ROLE, name)
    old.autocommit = False
    with old.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM ledger_entry")
        yield cursor
    old.close()


def test_a_callers_temporary_tables_are_not_taken_for_the_books(committed_db):
    pool = make_pool()
    post_now(gift_entry(pool, 100, 0))
    with connection.cursor() as cursor:
        cursor.execute(SHADOWS)
    with pytest.raises(NotEnoughAvailable):
        post_now(
            templates.grant_committed(
                key="grant", pool=pool.code, currency="USD", date=A_DAY, amount=10_000
            )
        )
    sealing.seal_all()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.ledger_leaf")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ledger_close_month('2026-03-01')",
        "SELECT ledger_seal(10)",
        "SELECT ledger_open_month('2026-01-01')",
    ],
)
def test_nobody_closes_seals_or_opens_by_an_old_state_of_the_books(snapshot, statement):
    post_now(gift_entry(make_pool()))
    with pytest.raises(psycopg2.Error, match="read-committed"):
        snapshot.execute(statement)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_private_form",
        "UPDATE ledger_private_form SET entry_id = 1",
        "SET LOCAL ledger.writing = 'on'; INSERT INTO ledger_private_form (entry_id) VALUES (1)",
    ],
)
def test_the_books_are_not_written_through_a_view(statement):
    post_now(gift_entry(make_pool()))
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
