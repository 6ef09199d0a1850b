"""What the API's answers look like. Amounts are whole minor units of an ISO 4217 currency."""

import datetime

from ninja import Schema
from pydantic import Field


class Amount(Schema):
    """``amount`` minor units: 5000 USD is fifty dollars, 5000 XOF five thousand francs."""

    amount: int
    currency: str


class FigureOut(Schema):
    """A line of the sum that makes what is available."""

    figure: str
    value: Amount
    adds: int = Field(description="1 where it adds to what is available, -1 where it takes off.")
    entries: str = Field(description="The address of the entries that feed it.")


class FiguresOut(Schema):
    """Every figure of a pool, or of the foundation; together they are what is available."""

    currency: str
    figures: list[FigureOut]
    available: Amount


class Share(Schema):
    code: str
    per_cent: float


class PoolOut(Schema):
    code: str
    name: str
    currency: str
    purpose: str
    status: str = Field(
        description="planned, open, paused or closed; empty where it takes no gifts."
    )
    opens_on: datetime.date | None
    closes_on: datetime.date | None
    restricted: bool
    goal: Amount | None
    received: Amount
    available: Amount
    sectors: list[Share] = Field(description="Purpose codes of the OECD's DAC, of five digits.")
    countries: list[Share] = Field(description="ISO 3166-1, of two letters.")
    sdg_goals: list[int]
    page: str
    figures: str


class PoolsOut(Schema):
    items: list[PoolOut]


class FoundationOut(Schema):
    """All pools together, one for each currency; transfers between them are none here."""

    items: list[FiguresOut]


class PostingOut(Schema):
    pool: str
    account: str
    value: Amount = Field(description="Debit above zero, credit below.")


class FedFigure(Schema):
    pool: str
    figure: str
    value: Amount


class EntryOut(Schema):
    number: int
    date: datetime.date
    recorded_at: datetime.datetime
    month: str = Field(description="In whose books it stands, as 2026-03.")
    kind: str
    memo: str
    source: str = Field(description="An opaque reference: what the entry is about.")
    reverses: int | None
    leaf: int | None = Field(description="Its place in the log; null until it is sealed.")
    postings: list[PostingOut]
    figures: list[FedFigure]
    page: str


class EntriesOut(Schema):
    items: list[EntryOut]
    next: str | None = Field(description="The address of what comes after these, if anything.")


class GiftOut(Schema):
    name: str = Field(description="As the donor agreed to it for this very gift.")
    value: Amount
    received_on: datetime.date


class GiftsOut(Schema):
    items: list[GiftOut]
    next: str | None


class PledgesOut(Schema):
    """What donors promised to a pool. It is not money held, but for what is received of it."""

    pledged: Amount = Field(description="Promised and not here yet.")
    later: Amount = Field(description="Of it: not due yet.")
    due: Amount = Field(description="Of it: due within a month.")
    overdue: Amount = Field(description="Of it: past its day.")
    binding: Amount = Field(description="Of it: booked as a debt to the pool.")
    received: Amount = Field(description="What came in on pledges; a part of the pool's received.")


class StatementOut(Schema):
    month: str
    available: Amount = Field(description="What the pool had at the month's end.")
    statement: str = Field(description="The address of the statement, as it is hashed (JSON).")
    page: str


class StatementsOut(Schema):
    """The statements of a pool, the newest first: one for each month that is closed."""

    items: list[StatementOut]


class TransferOut(Schema):
    from_pool: str
    to_pool: str
    value: Amount
    kind: str
    basis: str
    basis_note: str
    reason: str
    decided_at: datetime.datetime | None
    entry: int | None
    taken_back_by: int | None = Field(description="The entry that took it back, if one did.")


class TransfersOut(Schema):
    items: list[TransferOut]
    next: str | None
