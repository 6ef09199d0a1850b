"""Plain data that goes into and comes out of the ledger."""

import datetime
import hashlib
import json
import secrets
from dataclasses import dataclass, field

_as_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Line:
    """A posting to be: ``amount`` minor units on the account ``code`` of a pool, debit positive."""

    pool: str
    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class FigureLine:
    """What the entry adds to the figure ``name`` of a pool, in minor units."""

    pool: str
    currency: str
    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be posted, as a posting template (`funding.ledger.templates`) makes it."""

    key: str
    kind: str
    date: datetime.date
    lines: tuple[Line, ...]
    figures: tuple[FigureLine, ...] = ()
    memo: str = ""
    source: str = ""
    reverses: int | None = None
    # Ours to make or leave (a grant, a disbursement, a transfer): refused where it would promise
    # more than the pool has. A fact from outside always posts (rule 6).
    decision: bool = False
    # Who made it and who agreed, as opaque references (`person`); nobody where an outside fact is
    # booked by itself. Private: the auditor reads it, the public log binds it.
    prepared_by: str = ""
    approved_by: tuple[str, ...] = ()

    def sorted_lines(self) -> list[Line]:
        """The lines in the order that `ledger_post` wants: pool, currency, account."""
        return sorted(self.lines, key=lambda line: (line.pool, line.currency, line.account))

    def sorted_figures(self) -> list[FigureLine]:
        return sorted(self.figures, key=lambda line: (line.pool, line.currency, line.name))

    def content_hash(self) -> str:
        """SHA-256 over what is to be booked: the same key with another is refused.

        Who booked it is no part of it: an act that is repeated by somebody else stays one act.
        """
        content = {
            "key": self.key,
            "date": self.date.isoformat(),
            "kind": self.kind,
            "memo": self.memo,
            "lines": sorted(
                [line.pool, line.account, line.currency, line.amount] for line in self.lines
            ),
            "source": self.source,
            "figures": sorted(
                [fig.pool, fig.currency, fig.name, fig.amount] for fig in self.figures
            ),
            "decision": self.decision,
            "reverses": self.reverses,
        }
        return hashlib.sha256(_as_json(content).encode()).hexdigest()


def new_salt() -> bytes:
    """32 random bytes that keep the private part of an entry from being guessed."""
    return secrets.token_bytes(32)


def person(user_id: int) -> str:
    """How an entry names a person: never by name, so that erasing one leaves every proof intact."""
    return f"user:{user_id}"


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry that now stands in the books; ``replayed`` when it stood there before."""

    entry_id: int
    replayed: bool = field(compare=False)
