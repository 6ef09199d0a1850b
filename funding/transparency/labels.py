"""Words for the codes of the books: kinds of entries and accounts."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

ENTRY_KINDS: dict[str, Promise] = {
    "opening-balance": _("Opening balance"),
    "card-gift": _("Gift by card"),
    "bank-gift": _("Gift by bank transfer"),
    "pledge-confirmed": _("Binding pledge confirmed"),
    "instalment-paid": _("Instalment of a pledge paid"),
    "pledge-written-off": _("Pledge written off"),
    "dues-invoice-issued": _("Dues invoice issued"),
    "dues-credited": _("Credit note for dues"),
    "dues-paid": _("Dues paid"),
    "dues-earned": _("Dues earned"),
    "receipt-unmatched": _("Bank receipt, not matched yet"),
    "receipt-returned": _("Bank receipt sent back"),
    "receipt-matched": _("Bank receipt matched"),
    "overpayment": _("Overpayment"),
    "overpayment-given-back": _("Overpayment given back"),
    "overpayment-applied": _("Overpayment used for dues"),
    "refund": _("Refund"),
    "dispute-opened": _("Dispute opened"),
    "dispute-won": _("Dispute won"),
    "dispute-lost": _("Dispute lost"),
    "dispute-won-on-appeal": _("Lost dispute won on appeal"),
    "payout-created": _("Payout on its way to the bank"),
    "payout-arrived": _("Payout arrived at the bank"),
    "bank-charge": _("Bank charge"),
    "exchange-loss": _("Exchange loss"),
    "exchange-gain": _("Exchange gain"),
    "grant-committed": _("Grant committed"),
    "disbursement-paid": _("Disbursement paid"),
    "grant-released": _("Remainder of a grant released"),
    "grant-returned": _("Grant money returned"),
    "own-spending": _("Own spending"),
    "advance-paid": _("Travel advance paid"),
    "advance-settled": _("Travel advance settled"),
    "advance-returned": _("Travel advance returned"),
    "transfer": _("Transfer between pools"),
    "overhead": _("Overhead"),
    "year-closed": _("Year closed"),
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
    """The kind of an entry in the reader's language, also of one that failed after it was booked."""
    known = ENTRY_KINDS.get(code)
    if known is None and code.endswith("-failed"):
        return _failed(ENTRY_KINDS.get(code.removesuffix("-failed"), code))
    return str(known or code)


def _failed(kind: str | Promise) -> str:
    return gettext("%(kind)s: failed") % {"kind": kind}


def account(code: str) -> str:
    return str(ACCOUNTS.get(code, code))
