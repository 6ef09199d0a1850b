"""Plain data that goes into and comes out of the ledger."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field


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

    def content(self) -> Mapping[str, object]:
        """What `ledger_post` takes, as JSON; lines and figures in an order of their own."""
        return {
            "key": self.key,
            "kind": self.kind,
            "date": self.date.isoformat(),
            "memo": self.memo,
            "source": self.source,
            "reverses": self.reverses,
            "decision": self.decision,
            "lines": sorted(
                [line.pool, line.account, line.currency, line.amount] for line in self.lines
            ),
            "figures": sorted(
                [fig.pool, fig.currency, fig.name, fig.amount] for fig in self.figures
            ),
        }


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry that now stands in the books; ``replayed`` when it stood there before."""

    entry_id: int
    replayed: bool = field(compare=False)
