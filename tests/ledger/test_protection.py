"""The database itself keeps the books: against the portal's own role, and against its owner."""

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from core.transactions import use_case
from funding.ledger.models import Entry
from funding.ledger.posting import refusal_of
from tests.factories.ledger import gift_entry, make_pool, post_now

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
    "CREATE OR REPLACE FUNCTION public.ledger_check_entry(checked_entry bigint) RETURNS void"
    " LANGUAGE sql AS 'SELECT 1'",
    "DROP FUNCTION public.ledger_post(jsonb)",
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
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_even_the_owner_must_not_change_what_is_posted(committed_db, owner_connection, table, verb):
    post_now(gift_entry(make_pool()))
    with (
        pytest.raises(psycopg2.Error, match="append-only") as refused,
        owner_connection.cursor() as cursor,
    ):
        cursor.execute(verb.format(table))
    assert refused.value.pgcode == "LG010"


ADDED_LATER = [
    # Balanced by itself, and yet not what was posted.
    "INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)"
    " SELECT entry_id, account_id, pool_id, currency, x FROM ledger_posting, (VALUES (5), (-5)) v(x)"
    " WHERE id = (SELECT min(id) FROM ledger_posting)",
    "INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)"
    " SELECT entry_id, pool_id, currency, 'opening', 7 FROM ledger_posting LIMIT 1",
    # An entry written past the function, unbalanced.
    "WITH e AS (INSERT INTO ledger_entry (idempotency_key, content_hash, kind, period_id,"
    " effective_date, recorded_at, memo, source, posting_count, figure_count)"
    " SELECT 'past', '', 'x', period_id, now(), now(), '', '', 2, 0 FROM ledger_entry LIMIT 1"
    " RETURNING id) INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)"
    " SELECT e.id, p.account_id, p.pool_id, p.currency, 5 FROM e, ledger_posting p LIMIT 2",
    # An entry without postings.
    "INSERT INTO ledger_entry (idempotency_key, content_hash, kind, period_id, effective_date,"
    " recorded_at, memo, source, posting_count, figure_count)"
    " SELECT 'empty', '', 'x', period_id, now(), now(), '', '', 2, 0 FROM ledger_entry LIMIT 1",
]


@pytest.mark.parametrize("statement", ADDED_LATER)
def test_at_commit_an_entry_must_be_whole_and_balanced(committed_db, owner_connection, statement):
    post_now(gift_entry(make_pool()))
    with owner_connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(psycopg2.Error) as refused:
        owner_connection.commit()
    assert refused.value.pgcode == "LG003"


def test_a_posting_cannot_name_another_pool_than_its_accounts(committed_db, owner_connection):
    entry = post_now(gift_entry(make_pool())).entry_id
    other = make_pool()
    with (
        pytest.raises(psycopg2.errors.ForeignKeyViolation),
        owner_connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)"
            " SELECT entry_id, account_id, %s, currency, 5 FROM ledger_posting"
            " WHERE entry_id = %s LIMIT 1",
            [other.pk, entry],
        )


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
