"""Triggers that more than one table of payments has."""

from typing import Any

import pgtrigger


def refuse(name: str, what: str, operation: Any) -> pgtrigger.Trigger:
    """A trigger that refuses ``operation`` with the words ``what``, whoever asks."""
    statement = operation is pgtrigger.Truncate
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement if statement else pgtrigger.Row,
        when=pgtrigger.Before,
        operation=operation,
        func=f"RAISE EXCEPTION '{what}' USING ERRCODE = 'integrity_constraint_violation';",
    )


def never_deleted(table: str, what: str) -> list[pgtrigger.Trigger]:
    """The triggers of a table whose rows may change but never go."""
    return [
        refuse(f"{table}_no_delete", what, pgtrigger.Delete),
        refuse(f"{table}_no_truncate", what, pgtrigger.Truncate),
    ]


def immutable(table: str, what: str) -> list[pgtrigger.Trigger]:
    """The triggers of a table whose rows stand as they were written."""
    return [
        refuse(f"{table}_immutable", what, pgtrigger.Update | pgtrigger.Delete),
        refuse(f"{table}_no_truncate", what, pgtrigger.Truncate),
    ]
