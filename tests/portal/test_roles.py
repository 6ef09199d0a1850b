"""Append-only holds against the portal itself: what its own role may not do to the books."""

from typing import Any

import psycopg2
import pytest
from django.core.checks import CheckMessage
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from portal import checks
from portal.database import APP_ROLE, OWNER_ROLE
from tests.conftest import CommittedDatabase

FORBIDDEN = {
    "update a posting": "UPDATE ledger_posting SET amount = amount + 1",
    "update an entry": "UPDATE ledger_entry SET memo = 'other'",
    "update a figure": "UPDATE ledger_figure SET amount = 0",
    "delete a posting": "DELETE FROM ledger_posting",
    "truncate the postings": "TRUNCATE ledger_posting CASCADE",
    "write an entry by hand": "INSERT INTO ledger_entry (memo) VALUES ('by hand')",
    "switch the rules off": "ALTER TABLE ledger_posting DISABLE TRIGGER ALL",
    "switch a user's rules off": "ALTER TABLE ledger_posting DISABLE TRIGGER USER",
    "switch all rules of the session off": "SET session_replication_role = replica",
    "put a rule of its own in": (
        "CREATE TRIGGER own BEFORE INSERT ON ledger_posting FOR EACH ROW"
        " EXECUTE FUNCTION ledger_check_entry()"
    ),
    "change a table": "ALTER TABLE ledger_posting ADD COLUMN own int",
    "drop a table": "DROP TABLE ledger_posting CASCADE",
    "own a table": f"ALTER TABLE ledger_posting OWNER TO {APP_ROLE}",
    "replace the function that posts": (
        "CREATE OR REPLACE FUNCTION public.ledger_post(content jsonb) RETURNS void"
        " LANGUAGE sql AS 'SELECT'"
    ),
    "make a table": "CREATE TABLE own (id int)",
    "make a schema": "CREATE SCHEMA own",
    "become the owner": f"SET ROLE {OWNER_ROLE}",
    "become a superuser": f"ALTER ROLE {APP_ROLE} SUPERUSER",
    "make a role": "CREATE ROLE another LOGIN",
    "join the owner": f"GRANT {OWNER_ROLE} TO {APP_ROLE}",
    "read the server's files": "SELECT pg_read_file('postgresql.conf')",
}


@pytest.mark.django_db
@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_the_portals_role_may_not(statement: str) -> None:
    with (
        pytest.raises(ProgrammingError) as refused,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert isinstance(refused.value.__cause__, psycopg2.errors.InsufficientPrivilege)


@pytest.mark.django_db
def test_the_portals_role_may_not_grant_itself_rights() -> None:
    """PostgreSQL answers such a GRANT with a mere warning: what counts is what it has after."""
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT UPDATE, DELETE, TRUNCATE, TRIGGER ON ledger_posting TO {APP_ROLE}")
        cursor.execute(
            "SELECT has_table_privilege('ledger_posting', r) FROM"
            " unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) r"
        )
        assert [row[0] for row in cursor.fetchall()] == [False] * 4


@pytest.mark.django_db
def test_the_portals_role_has_its_rights_on_every_other_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND NOT starts_with(relname, 'ledger_')"
            " AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')"
            " AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))"
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND (has_table_privilege(oid, 'TRUNCATE')"
            " OR has_table_privilege(oid, 'TRIGGER') OR has_table_privilege(oid, 'REFERENCES'))"
        )
        assert cursor.fetchall() == []


def problems() -> list[str | None]:
    found: list[CheckMessage] = checks.the_role_has_data_rights_alone(None, databases=["default"])
    return [message.id for message in found]


def test_the_check_is_content_with_the_roles_as_they_are(committed_db: CommittedDatabase) -> None:
    assert problems() == []


def test_the_check_refuses_a_right_to_change_postings(committed_db: CommittedDatabase) -> None:
    run_as_owner(committed_db, f"GRANT UPDATE (amount) ON ledger_posting TO {APP_ROLE}")
    assert problems() == ["portal.E025"]


def test_the_check_refuses_a_right_to_truncate_entries(committed_db: CommittedDatabase) -> None:
    run_as_owner(committed_db, f"GRANT TRUNCATE ON ledger_entry TO {APP_ROLE}")
    assert problems() == ["portal.E025"]


def test_the_check_refuses_a_right_to_make_functions(committed_db: CommittedDatabase) -> None:
    run_as_owner(committed_db, f"GRANT CREATE ON SCHEMA public TO {APP_ROLE}")
    assert problems() == ["portal.E026"]


@pytest.mark.parametrize(
    "role, expected", [("postgres", {"portal.E023"}), (OWNER_ROLE, {"portal.E024", "portal.E026"})]
)
def test_the_check_refuses_to_run_as_superuser_or_owner(
    role: str,
    expected: set[str],
    committed_db: CommittedDatabase,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "USER", role)
    settings.DATABASE_APP_ROLE = role
    try:
        assert expected <= set(problems())
    finally:
        connection.close()


def test_the_check_tells_of_a_database_that_does_not_answer(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    assert problems() == ["portal.E020"]


def test_setup_roles_mends_rights_that_went_astray(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as_owner(
        committed_db,
        f"GRANT ALL ON ledger_posting, ledger_entry TO {APP_ROLE}",
        f"GRANT CREATE ON SCHEMA public TO {APP_ROLE}",
        f"REVOKE ALL ON core_user FROM {APP_ROLE}",
    )
    assert problems() != []
    as_owner(monkeypatch)
    call_command("setup_roles", verbosity=0)
    connection.close()
    monkeypatch.undo()
    assert problems() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('core_user', 'UPDATE')")
        assert cursor.fetchone() == (True,)


def test_setup_roles_names_the_role_that_is_missing(
    committed_db: CommittedDatabase, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_owner(monkeypatch)
    settings.DATABASE_APP_ROLE = "nobody_made_it"
    with pytest.raises(CommandError, match='CREATE ROLE "nobody_made_it" LOGIN NOSUPERUSER'):
        call_command("setup_roles")


def test_setup_roles_refuses_one_role_for_both(
    committed_db: CommittedDatabase, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_owner(monkeypatch)
    settings.DATABASE_APP_ROLE = OWNER_ROLE
    with pytest.raises(CommandError, match="must be another one than the owner"):
        call_command("setup_roles")


def as_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "USER", OWNER_ROLE)


def run_as_owner(own: CommittedDatabase, *statements: str) -> None:
    with psycopg2.connect(
        host=connection.settings_dict["HOST"],
        port=connection.settings_dict["PORT"],
        user=OWNER_ROLE,
        dbname=own.name,
    ) as owner:
        for statement in statements:
            owner.cursor().execute(statement)
    owner.close()
