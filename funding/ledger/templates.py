"""The posting table of design.md §5: one pure function per event, event → entry.

Amounts are minor units and positive; each function names the figures its event feeds. No other
module writes postings by hand. ``key`` is the idempotency key; ``date`` the day it happened;
``source`` an opaque reference (never a name); ``memo`` public words.
"""

import datetime

from funding.ledger.entries import FigureLine, Line, NewEntry


def _entry(
    kind: str,
    *,
    key: str,
    pool: str,
    currency: str,
    date: datetime.date,
    source: str,
    memo: str,
    accounts: dict[str, int],
    figures: dict[str, int] | None = None,
) -> NewEntry:
    """An entry within one pool and currency; lines and figures of zero are left out."""
    return NewEntry(
        key=key,
        kind=kind,
        date=date,
        source=source,
        memo=memo,
        lines=tuple(
            Line(pool, account, currency, amount) for account, amount in accounts.items() if amount
        ),
        figures=tuple(
            FigureLine(pool, currency, name, amount)
            for name, amount in (figures or {}).items()
            if amount
        ),
    )


def opening_balance(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """What the pool held in the bank when its books began."""
    return _entry(
        "opening-balance",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"bank": amount, "fund-balance": -amount},
        figures={"opening": amount},
    )


def card_gift(
    *,
    key: str,
    pool: str,
    currency: str,
    gross: int,
    fee: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """A card gift whose balance transaction exists; ``fee`` is the processor's, part of gross."""
    return _entry(
        "card-gift",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"clearing": gross - fee, "fees": fee, "contributions": -gross},
        figures={"received": gross, "fees": fee},
    )


def bank_gift(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """A gift by bank transfer, matched at once."""
    return _entry(
        "bank-gift",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"bank": amount, "contributions": -amount},
        figures={"received": amount},
    )


def pledge_confirmed(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """A binding, unconditional pledge: a debt of the donor, not yet money; it feeds no figure."""
    return _entry(
        "pledge-confirmed",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"contributions-receivable": amount, "contributions": -amount},
    )


def instalment_paid_by_card(
    *,
    key: str,
    pool: str,
    currency: str,
    gross: int,
    fee: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """An instalment of a binding pledge paid by card."""
    return _entry(
        "instalment-paid",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"clearing": gross - fee, "fees": fee, "contributions-receivable": -gross},
        figures={"received": gross, "fees": fee},
    )


def pledge_written_off(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """What a binding pledge still owed, given up."""
    return _entry(
        "pledge-written-off",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"write-offs": amount, "contributions-receivable": -amount},
    )


def dues_invoice_issued(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """An invoice for a membership term: owed to us, and not yet earned."""
    return _entry(
        "dues-invoice-issued",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"dues-receivable": amount, "deferred-dues": -amount},
    )


def dues_paid_by_card(
    *,
    key: str,
    pool: str,
    currency: str,
    gross: int,
    fee: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """A dues invoice paid by card: received, and paid ahead until it is earned."""
    return _entry(
        "dues-paid",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"clearing": gross - fee, "fees": fee, "dues-receivable": -gross},
        figures={"received": gross, "fees": fee, "paid_ahead": gross},
    )


def dues_earned(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """One month of a paid term has passed."""
    return _entry(
        "dues-earned",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"deferred-dues": amount, "membership-dues": -amount},
        figures={"paid_ahead": -amount},
    )


def payout_created(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """The processor sends money to the bank; this pool's part of it."""
    return _entry(
        "payout-created",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"in-transit": amount, "clearing": -amount},
    )


def payout_arrived(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """The payout stands on the bank statement."""
    return _entry(
        "payout-arrived",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"bank": amount, "in-transit": -amount},
    )


def own_spending_paid(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """The foundation's own spending, paid from the bank."""
    return _entry(
        "own-spending",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"expense": amount, "bank": -amount},
        figures={"expenses": amount},
    )


def bank_charge(
    *,
    key: str,
    pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """The bank's own charge."""
    return _entry(
        "bank-charge",
        key=key,
        pool=pool,
        currency=currency,
        date=date,
        source=source,
        memo=memo,
        accounts={"fees": amount, "bank": -amount},
        figures={"fees": amount},
    )


def transfer_between_pools(
    *,
    key: str,
    from_pool: str,
    to_pool: str,
    currency: str,
    amount: int,
    date: datetime.date,
    source: str = "",
    memo: str = "",
) -> NewEntry:
    """Money moves from one pool to another: one entry, balanced in both."""
    return NewEntry(
        key=key,
        kind="transfer",
        date=date,
        source=source,
        memo=memo,
        lines=(
            Line(from_pool, "transfers-out", currency, amount),
            Line(from_pool, "bank", currency, -amount),
            Line(to_pool, "bank", currency, amount),
            Line(to_pool, "transfers-in", currency, -amount),
        ),
        figures=(
            FigureLine(from_pool, currency, "transfers", -amount),
            FigureLine(to_pool, currency, "transfers", amount),
        ),
    )
