"""The posting table of design.md §5: one pure function per event, event → entry.

No other module writes postings by hand. Every function takes what its event is about (`About`) and
its amounts: minor units, never negative (ValueError), the way money went being the function's to
know. Each names the figures that its event feeds.
"""

import datetime
import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, NotRequired, ParamSpec, TypedDict, Unpack

from funding.ledger.entries import FigureLine, Line, NewEntry

# Where money lies that came or goes: at the bank, with the card processor, or on its way from one
# who collects for us (a mobile money operator, a cheque).
Place = Literal["bank", "clearing", "in-transit"]
# What a payment paid: decides which account a matching, a refund or a lost dispute touches.
Paid = Literal["gift", "instalment", "dues"]

_DEBT_OF: dict[Paid, str] = {
    "gift": "contributions",
    "instalment": "contributions-receivable",
    "dues": "dues-receivable",
}


class About(TypedDict):
    """What every event has: ``key`` is the idempotency key, ``pool`` a pool's code, ``date`` the
    day it happened, ``source`` an opaque reference (never a name), ``memo`` public words; who
    prepared and who approved it as `funding.ledger.entries.person` names them."""

    key: str
    pool: str
    currency: str
    date: datetime.date
    source: NotRequired[str]
    memo: NotRequired[str]
    prepared_by: NotRequired[str]
    approved_by: NotRequired[tuple[str, ...]]


P = ParamSpec("P")


def _template(function: Callable[P, NewEntry]) -> Callable[P, NewEntry]:
    """Refuse a negative amount: it would be another event, with other figures."""

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> NewEntry:
        for name, value in kwargs.items():
            if isinstance(value, int) and value < 0:
                raise ValueError(
                    f"{function.__name__}: {name} is {value}; it must not be negative."
                )
        return function(*args, **kwargs)

    return checked


def _entry(
    kind: str,
    about: About,
    accounts: Mapping[str, int],
    figures: Mapping[str, int] | None = None,
    *,
    decision: bool = False,
) -> NewEntry:
    """An entry within one pool and currency; lines and figures of zero are left out."""
    pool = about["pool"]
    return _across(kind, about, {pool: accounts}, {pool: figures or {}}, decision=decision)


def _across(
    kind: str,
    about: About,
    accounts: Mapping[str, Mapping[str, int]],
    figures: Mapping[str, Mapping[str, int]],
    *,
    decision: bool = False,
) -> NewEntry:
    """An entry of several pools, each balanced by itself: pool → account (or figure) → amount."""
    currency = about["currency"]
    return NewEntry(
        key=about["key"],
        kind=kind,
        date=about["date"],
        source=about.get("source", ""),
        memo=about.get("memo", ""),
        prepared_by=about.get("prepared_by", ""),
        approved_by=about.get("approved_by", ()),
        decision=decision,
        lines=tuple(
            Line(pool, account, currency, amount)
            for pool, amounts in accounts.items()
            for account, amount in amounts.items()
            if amount
        ),
        figures=tuple(
            FigureLine(pool, currency, name, amount)
            for pool, amounts in figures.items()
            for name, amount in amounts.items()
            if amount
        ),
    )


# --- Gifts and pledges ----------------------------------------------------------------------------


@_template
def opening_balance(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """What the pool held in the bank when its books began."""
    return _entry(
        "opening-balance", about, {"bank": amount, "fund-balance": -amount}, {"opening": amount}
    )


@_template
def card_gift(*, gross: int, fee: int, **about: Unpack[About]) -> NewEntry:
    """A card gift whose balance transaction exists; ``fee`` is the processor's, part of gross."""
    return _entry(
        "card-gift",
        about,
        {"clearing": gross - fee, "fees": fee, "contributions": -gross},
        {"received": gross, "fees": fee},
    )


@_template
def bank_gift(*, amount: int, place: Place = "bank", **about: Unpack[About]) -> NewEntry:
    """A gift by bank transfer, matched at once; or by a channel whose money is in transit."""
    return _entry(
        "bank-gift", about, {place: amount, "contributions": -amount}, {"received": amount}
    )


@_template
def pledge_confirmed(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A binding, unconditional pledge: a debt of the donor, not yet money; it feeds no figure."""
    return _entry(
        "pledge-confirmed", about, {"contributions-receivable": amount, "contributions": -amount}
    )


@_template
def instalment_paid_by_card(*, gross: int, fee: int, **about: Unpack[About]) -> NewEntry:
    """An instalment of a binding pledge paid by card."""
    return _entry(
        "instalment-paid",
        about,
        {"clearing": gross - fee, "fees": fee, "contributions-receivable": -gross},
        {"received": gross, "fees": fee},
    )


@_template
def instalment_paid_by_bank(
    *, amount: int, place: Place = "bank", **about: Unpack[About]
) -> NewEntry:
    """An instalment of a binding pledge paid by bank transfer, or by a channel (in transit)."""
    return _entry(
        "instalment-paid",
        about,
        {place: amount, "contributions-receivable": -amount},
        {"received": amount},
    )


@_template
def pledge_written_off(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """What a binding pledge still owed, given up."""
    return _entry(
        "pledge-written-off", about, {"write-offs": amount, "contributions-receivable": -amount}
    )


# --- Dues (pool *general*) ------------------------------------------------------------------------


@_template
def dues_invoice_issued(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """An invoice for a membership term: owed to us, and not yet earned."""
    return _entry(
        "dues-invoice-issued", about, {"dues-receivable": amount, "deferred-dues": -amount}
    )


@_template
def dues_credited(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A credit note for what is unpaid of a dues invoice."""
    return _entry("dues-credited", about, {"deferred-dues": amount, "dues-receivable": -amount})


@_template
def dues_paid_by_card(*, gross: int, fee: int, **about: Unpack[About]) -> NewEntry:
    """A dues invoice paid by card: received, and paid ahead until it is earned."""
    return _entry(
        "dues-paid",
        about,
        {"clearing": gross - fee, "fees": fee, "dues-receivable": -gross},
        {"received": gross, "fees": fee, "paid_ahead": gross},
    )


@_template
def dues_paid_by_bank(*, amount: int, place: Place = "bank", **about: Unpack[About]) -> NewEntry:
    """A dues invoice paid by bank transfer, or by a channel (in transit)."""
    return _entry(
        "dues-paid",
        about,
        {place: amount, "dues-receivable": -amount},
        {"received": amount, "paid_ahead": amount},
    )


@_template
def dues_earned(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """One month of a paid term has passed; never more is earned than is paid."""
    return _entry(
        "dues-earned",
        about,
        {"deferred-dues": amount, "membership-dues": -amount},
        {"paid_ahead": -amount},
    )


# --- Bank lines that wait for their match (pool *holding*), and overpayments ------------------------


@_template
def receipt_unmatched(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A line of the bank statement that nobody could match yet; ``pool`` is *holding*."""
    return _entry("receipt-unmatched", about, {"bank": amount, "unallocated-receipts": -amount})


@_template
def receipt_returned(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """Parked money goes back to where it came from; ``pool`` is *holding*. It fed no figure."""
    return _entry("receipt-returned", about, {"unallocated-receipts": amount, "bank": -amount})


@_template
def receipt_matched(
    *, amount: int, to_pool: str, paid: Paid | Literal["too-much"], **about: Unpack[About]
) -> NewEntry:
    """It was found out what the line paid; ``pool`` is *holding*, ``to_pool`` the one it was for.

    ``too-much``: more than was owed, so it is owed back.
    """
    figures = {"received": amount}
    if paid == "dues":
        figures["paid_ahead"] = amount
    if paid == "too-much":
        figures["owed_back"] = amount
    debt = "credits-payable" if paid == "too-much" else _DEBT_OF[paid]
    return _across(
        "receipt-matched",
        about,
        {
            about["pool"]: {"unallocated-receipts": amount, "bank": -amount},
            to_pool: {"bank": amount, debt: -amount},
        },
        {to_pool: figures},
    )


@_template
def overpayment_received(
    *, amount: int, place: Place = "bank", fee: int = 0, **about: Unpack[About]
) -> NewEntry:
    """More came than was owed: received, and owed back whole; the processor's fee is ours."""
    return _entry(
        "overpayment",
        about,
        {place: amount - fee, "fees": fee, "credits-payable": -amount},
        {"received": amount, "fees": fee, "owed_back": amount},
    )


@_template
def overpayment_given_back(
    *, amount: int, place: Place = "bank", **about: Unpack[About]
) -> NewEntry:
    """What was owed back is paid back."""
    return _entry(
        "overpayment-given-back",
        about,
        {"credits-payable": amount, place: -amount},
        {"refunded": amount, "owed_back": -amount},
    )


@_template
def overpayment_applied(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """What was owed back pays an invoice for dues instead."""
    return _entry(
        "overpayment-applied",
        about,
        {"credits-payable": amount, "dues-receivable": -amount},
        {"owed_back": -amount, "paid_ahead": amount},
    )


# --- Refunds and disputes -------------------------------------------------------------------------


def _taken_back(amount: int, paid: Paid, unearned: int) -> dict[str, int]:
    """The debit side of a payment taken back. Of dues the unearned part goes first."""
    if paid != "dues":
        return {_DEBT_OF[paid]: amount}
    if unearned > amount:
        raise ValueError(f"Of {amount} taken back, {unearned} cannot be unearned.")
    return {"deferred-dues": unearned, "membership-dues": amount - unearned}


@_template
def refunded(
    *, amount: int, paid: Paid, place: Place, unearned: int = 0, **about: Unpack[About]
) -> NewEntry:
    """A payment given back, whole or in part; the processor's fee stays spent.

    ``unearned``: how much of it is dues not yet earned. An instalment's debt stands again.
    """
    return _entry(
        "refund",
        about,
        {**_taken_back(amount, paid, unearned), place: -amount},
        {"refunded": amount, "paid_ahead": -unearned},
    )


@_template
def overpayment_disputed_lost(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A lost dispute of money that we owed back anyway: it is not owed any more."""
    return _entry(
        "dispute-lost",
        about,
        {"credits-payable": amount, "disputed-funds": -amount},
        {"held": -amount, "lost": amount, "owed_back": -amount},
    )


@_template
def dispute_opened(*, amount: int, fee: int, **about: Unpack[About]) -> NewEntry:
    """The payer's bank takes the money until the dispute is decided, and the processor a fee."""
    return _entry(
        "dispute-opened",
        about,
        {"disputed-funds": amount, "fees": fee, "clearing": -(amount + fee)},
        {"held": amount, "fees": fee},
    )


@_template
def dispute_won(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """The held money comes back."""
    return _entry(
        "dispute-won", about, {"clearing": amount, "disputed-funds": -amount}, {"held": -amount}
    )


@_template
def dispute_lost(*, amount: int, paid: Paid, unearned: int = 0, **about: Unpack[About]) -> NewEntry:
    """The held money is gone: what the payment paid is taken back as by a refund."""
    return _entry(
        "dispute-lost",
        about,
        {**_taken_back(amount, paid, unearned), "disputed-funds": -amount},
        {"held": -amount, "lost": amount, "paid_ahead": -unearned},
    )


@_template
def dispute_won_on_appeal(
    *, amount: int, paid: Paid | Literal["too-much"], unearned: int = 0, **about: Unpack[About]
) -> NewEntry:
    """A lost dispute is decided for us after all: the money is back, and pays what it paid."""
    if paid == "too-much":
        accounts, figures = {"credits-payable": amount}, {"owed_back": amount}
    else:
        accounts, figures = _taken_back(amount, paid, unearned), {"paid_ahead": unearned}
    again = {account: -part for account, part in accounts.items()}
    return _entry(
        "dispute-won-on-appeal", about, {"clearing": amount, **again}, {"lost": -amount, **figures}
    )


# --- Payouts, charges, exchange -------------------------------------------------------------------


@_template
def payout_created(*, parts: Mapping[str, int], **about: Unpack[About]) -> NewEntry:
    """The processor sends money to the bank, each pool's part of it: balanced in every pool.

    ``parts``: pool → amount. A part below zero is a pool whose refunds and disputes were more than
    what came for it since the last payout. ``about["pool"]`` is not used.
    """
    accounts = {pool: {"in-transit": part, "clearing": -part} for pool, part in parts.items()}
    return _across("payout-created", about, accounts, {})


@_template
def payout_arrived(*, parts: Mapping[str, int], **about: Unpack[About]) -> NewEntry:
    """What was in transit stands on the bank statement, each pool's part of it (as above)."""
    accounts = {pool: {"bank": part, "in-transit": -part} for pool, part in parts.items()}
    return _across("payout-arrived", about, accounts, {})


@_template
def bank_charge(*, amount: int, place: Place = "bank", **about: Unpack[About]) -> NewEntry:
    """The bank's or the processor's own charge."""
    return _entry("bank-charge", about, {"fees": amount, place: -amount}, {"fees": amount})


@_template
def exchange_loss(*, amount: int, place: Place, **about: Unpack[About]) -> NewEntry:
    """Less came at settlement than the exchange rate of the day promised."""
    return _entry(
        "exchange-loss",
        about,
        {"exchange-difference": amount, place: -amount},
        {"exchange": -amount},
    )


@_template
def exchange_gain(*, amount: int, place: Place, **about: Unpack[About]) -> NewEntry:
    """More came at settlement than the exchange rate of the day promised."""
    return _entry(
        "exchange-gain",
        about,
        {place: amount, "exchange-difference": -amount},
        {"exchange": amount},
    )


# --- Money promised and paid out ------------------------------------------------------------------


@_template
def grant_committed(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """Money of the pool is promised to a grantee."""
    return _entry(
        "grant-committed",
        about,
        {"grants-expense": amount, "grants-payable": -amount},
        {"committed": amount},
        decision=True,
    )


@_template
def disbursement_paid(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A part of a grant is paid."""
    return _entry(
        "disbursement-paid",
        about,
        {"grants-payable": amount, "bank": -amount},
        {"disbursed": amount, "committed": -amount},
        decision=True,
    )


@_template
def grant_released(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A grant is cancelled: what was not yet paid of it is free again."""
    return _entry(
        "grant-released",
        about,
        {"grants-payable": amount, "grants-expense": -amount},
        {"committed": -amount},
    )


@_template
def grant_returned(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """A grantee gives money back."""
    return _entry(
        "grant-returned", about, {"bank": amount, "grants-expense": -amount}, {"returned": amount}
    )


@_template
def own_spending_paid(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """The foundation's own spending, paid from the bank."""
    return _entry("own-spending", about, {"expense": amount, "bank": -amount}, {"expenses": amount})


@_template
def advance_paid(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """Money for a journey, paid before it: spent, until some of it comes back."""
    return _entry(
        "advance-paid", about, {"advances": amount, "bank": -amount}, {"expenses": amount}
    )


@_template
def advance_settled(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """Receipts show what the advance was spent on; no money moves."""
    return _entry("advance-settled", about, {"expense": amount, "advances": -amount})


@_template
def advance_returned(*, amount: int, **about: Unpack[About]) -> NewEntry:
    """What was left of the advance comes back."""
    return _entry(
        "advance-returned", about, {"bank": amount, "advances": -amount}, {"expenses": -amount}
    )


@_template
def transfer_between_pools(
    *, amount: int, to_pool: str, overhead: bool = False, **about: Unpack[About]
) -> NewEntry:
    """Money moves from ``pool`` to ``to_pool``: one entry, balanced in both. Overhead is one kind."""
    return _across(
        "overhead" if overhead else "transfer",
        about,
        {
            about["pool"]: {"transfers-out": amount, "bank": -amount},
            to_pool: {"bank": amount, "transfers-in": -amount},
        },
        {about["pool"]: {"transfers": -amount}, to_pool: {"transfers": amount}},
        decision=True,
    )


@_template
def year_closed(*, balances: Mapping[str, int], **about: Unpack[About]) -> NewEntry:
    """The year's income and expenses become part of the fund balance; no money moves.

    ``balances``: what each account of income and expense stands at, debit positive.
    """
    accounts = {account: -amount for account, amount in balances.items()}
    return _entry("year-closed", about, {**accounts, "fund-balance": sum(balances.values())})


def failed_later(entry: NewEntry, *, key: str, date: datetime.date, source: str = "") -> NewEntry:
    """A payout, refund, debit or disbursement that failed after it was booked: its opposite.

    It is an event of its own with its own day, not a mistake that a reversal would mend.
    """
    return replace(
        entry,
        key=key,
        kind=f"{entry.kind}-failed",
        decision=False,
        prepared_by="",
        approved_by=(),
        date=date,
        source=source or entry.source,
        lines=tuple(replace(line, amount=-line.amount) for line in entry.lines),
        figures=tuple(replace(figure, amount=-figure.amount) for figure in entry.figures),
    )


def with_fee(entry: NewEntry, *, pool: str, currency: str, fee: int) -> NewEntry:
    """``entry`` with what the processor took for it (below zero: gave back) out of clearing."""
    lines = Counter({(line.pool, line.account, line.currency): line.amount for line in entry.lines})
    lines.update({(pool, "fees", currency): fee})
    lines.subtract({(pool, "clearing", currency): fee})
    figures = Counter({(fig.pool, fig.currency, fig.name): fig.amount for fig in entry.figures})
    figures.update({(pool, currency, "fees"): fee})
    return replace(
        entry,
        lines=tuple(Line(*where, amount) for where, amount in lines.items() if amount),
        figures=tuple(FigureLine(*what, amount) for what, amount in figures.items() if amount),
    )
