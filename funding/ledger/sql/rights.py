"""Who may write what: the portal's role has no way to the books but the ledger's functions."""

from django.db.backends.base.base import BaseDatabaseWrapper

from funding.ledger.sql.bulk import POST_MANY_SIGNATURE
from funding.ledger.sql.posting import POST_SIGNATURE

WRITTEN_BY_FUNCTION = (
    "ledger_period",
    "ledger_entry",
    "ledger_posting",
    "ledger_figure",
    "ledger_accountbalance",
    "ledger_figuretotal",
    "ledger_closingbalance",
    "ledger_closingfigure",
    "ledger_sealer",
    "ledger_leaf",
    "ledger_treehash",
)
# PostgreSQL would write through a view as simple as these.
VIEWS = ("ledger_public_form", "ledger_private_form")
READ_ONLY = (*WRITTEN_BY_FUNCTION, *VIEWS)
ADDED = (
    "ledger_pool",
    "ledger_account",
    "ledger_checkpoint",
    "ledger_cosignature",
    "ledger_statementhash",
)
FUNCTIONS = (
    POST_SIGNATURE,
    POST_MANY_SIGNATURE,
    "public.ledger_open_month(date)",
    "public.ledger_close_month(date)",
    "public.ledger_seal(int)",
)


def restrict_app_role(connection: BaseDatabaseWrapper, role: str) -> None:
    """Leave the portal's ``role`` no way to write the books but the ledger's functions; idempotent.

    Pools, accounts, checkpoints and what they name it may add; a pool's row it may lock (which PostgreSQL counts as
    UPDATE of a column) and rename, never recode.
    """
    name = connection.ops.quote_name(role)
    tables = ", ".join(READ_ONLY)
    # An earlier migration runs this before the later tables are there.
    existing = connection.introspection.table_names()
    added = ", ".join(table for table in ADDED if table in existing)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user = %s, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
            [role, role],
        )
        is_owner, exists = cursor.fetchone()
        if is_owner or not exists:
            return  # The system check portal.E024 refuses to serve with an owner's rights.
        cursor.execute(f"REVOKE ALL ON {tables}, {added} FROM {name}")
        cursor.execute(f"GRANT SELECT ON {tables}, {added} TO {name}")
        cursor.execute(f"GRANT INSERT ON {added} TO {name}")
        cursor.execute(f"GRANT UPDATE (name) ON ledger_pool TO {name}")
        for function in FUNCTIONS:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {name}")
