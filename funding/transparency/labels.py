"""Words for the codes of the books: kinds of entries and accounts."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ENTRY_KINDS: dict[str, Promise] = {
    "opening-balance": _("Opening balance"),
    "card-gift": _("Gift by card"),
    "bank-gift": _("Gift by bank transfer"),
    "pledge-confirmed": _("Binding pledge confirmed"),
    "instalment-paid": _("Instalment of a pledge paid"),
    "pledge-written-off": _("Pledge written off"),
    "dues-invoice-issued": _("Dues invoice issued"),
    "dues-paid": _("Dues paid"),
    "dues-earned": _("Dues earned"),
    "payout-created": _("Payout on its way to the bank"),
    "payout-arrived": _("Payout arrived at the bank"),
    "own-spending": _("Own spending"),
    "bank-charge": _("Bank charge"),
    "transfer": _("Transfer between pools"),
    "reversal": _("Reversal of an entry"),
}

ACCOUNTS: dict[str, Promise] = {
    "bank": _("Bank"),
    "clearing": _("Held by the card processor"),
    "in-transit": _("On its way to the bank"),
    "disputed-funds": _("Disputed funds"),
    "advances": _("Advances"),
    "contributions-receivable": _("Pledges receivable"),
    "dues-receivable": _("Dues receivable"),
    "grants-payable": _("Grants payable"),
    "credits-payable": _("Credits payable"),
    "unallocated-receipts": _("Unallocated receipts"),
    "deferred-dues": _("Deferred dues"),
    "fund-balance": _("Fund balance"),
    "contributions": _("Contributions"),
    "membership-dues": _("Membership dues"),
    "transfers-in": _("Transfers in"),
    "fees": _("Fees"),
    "expense": _("Own spending"),
    "grants-expense": _("Grants"),
    "write-offs": _("Write-offs"),
    "transfers-out": _("Transfers out"),
    "exchange-difference": _("Exchange differences"),
}


def entry_kind(code: str) -> str:
    return str(ENTRY_KINDS.get(code, code))


def account(code: str) -> str:
    return str(ACCOUNTS.get(code, code))
