"""The chart of accounts of a pool (design.md §5): one list, the same for every pool."""

from funding.ledger.models import Account

_KIND = Account.Kind

CHART: dict[str, Account.Kind] = {
    # Money that is ours now, or on its way.
    "bank": _KIND.ASSET,
    "clearing": _KIND.ASSET,
    "in-transit": _KIND.ASSET,
    "disputed-funds": _KIND.ASSET,
    "advances": _KIND.ASSET,
    # Money promised to us.
    "contributions-receivable": _KIND.ASSET,
    "dues-receivable": _KIND.ASSET,
    # Money we owe or have not earned.
    "grants-payable": _KIND.LIABILITY,
    "credits-payable": _KIND.LIABILITY,
    "unallocated-receipts": _KIND.LIABILITY,
    "deferred-dues": _KIND.LIABILITY,
    # What the pool stood at when the books began.
    "fund-balance": _KIND.NET,
    "contributions": _KIND.INCOME,
    "membership-dues": _KIND.INCOME,
    "transfers-in": _KIND.INCOME,
    "fees": _KIND.EXPENSE,
    "expense": _KIND.EXPENSE,
    "grants-expense": _KIND.EXPENSE,
    "write-offs": _KIND.EXPENSE,
    "transfers-out": _KIND.EXPENSE,
    "exchange-difference": _KIND.EXPENSE,
}

# The right side of rule 5: available = bank + clearing + in transit − grants payable − credits
# payable − unallocated receipts − (deferred dues − dues receivable). Balances are debit-positive,
# so a liability is already negative and the sum of these accounts is the number.
AVAILABLE = (
    "bank",
    "clearing",
    "in-transit",
    "grants-payable",
    "credits-payable",
    "unallocated-receipts",
    "deferred-dues",
    "dues-receivable",
)

# The left side of rule 5: which way each figure counts.
FIGURE_SIGNS = {
    "opening": 1,
    "received": 1,
    "refunded": -1,
    "held": -1,
    "lost": -1,
    "fees": -1,
    "expenses": -1,
    "exchange": 1,
    "transfers": 1,
    "disbursed": -1,
    "returned": 1,
    "committed": -1,
    "owed_back": -1,
    "paid_ahead": -1,
}

# The figures that move because we decided so, not because something happened outside.
OURS_TO_DECIDE = ("transfers", "disbursed", "committed")
