"""Who opens the transaction is visible: the outermost use case does, inner verbs refuse to.

A use case reads ``with use_case():`` and holds lock, rule, write, log and job. A verb that is only
a part of one is marked ``@inside_transaction`` and refuses to run alone, since alone it would
commit half of something. A test's own transaction would hide the mistake; the check looks past it.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
R = TypeVar("R")


class TransactionMissing(RuntimeError):
    """A verb that is a part of a use case was called outside any transaction."""


def use_case() -> transaction.Atomic:
    """The one transaction of a use case; raises RuntimeError when it would be a nested one."""
    return transaction.atomic(durable=True)


def in_transaction() -> bool:
    """Whether a transaction of the program (not the one a test wraps around itself) is open."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def inside_transaction(verb: Callable[P, R]) -> Callable[P, R]:
    """Mark ``verb`` as a part of a use case: it raises TransactionMissing when called alone."""

    @functools.wraps(verb)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not in_transaction():
            raise TransactionMissing(
                f"{verb.__module__}.{verb.__qualname__} must run inside `with use_case():`."
            )
        return verb(*args, **kwargs)

    return checked
