"""What the portal knows of money arriving and leaving.

Amounts are ISO 4217 minor units (core.money); Stripe's own units stay in stripe_units.py. Rows of
money are never deleted and papers never change: the database holds that, not only Python.
"""

from funding.payments.models.bank import (
    BankAccount,
    BankLine,
    BankStatement,
    CsvMapping,
    ExpectedPayment,
    ManualChannel,
    Match,
)
from funding.payments.models.events import StripeCursor, StripeEvent
from funding.payments.models.out import Payout, PayoutDecision, Refund
from funding.payments.models.papers import (
    CreditNote,
    HowPaid,
    Invoice,
    InvoiceLine,
    NumberSeries,
    Receipt,
    Reminder,
)
from funding.payments.models.payment import NEXT_STATUS, Channel, Payment, Status
from funding.payments.models.processor import (
    Card,
    Customer,
    Dispute,
    Mandate,
    ProcessorPayout,
    ProcessorTransaction,
    Subscription,
)
from funding.payments.models.signoff import IssuerDetails, Reconciliation

__all__ = [
    "NEXT_STATUS",
    "BankAccount",
    "BankLine",
    "BankStatement",
    "Card",
    "Channel",
    "CreditNote",
    "CsvMapping",
    "Customer",
    "Dispute",
    "ExpectedPayment",
    "HowPaid",
    "Invoice",
    "InvoiceLine",
    "IssuerDetails",
    "Mandate",
    "ManualChannel",
    "Match",
    "NumberSeries",
    "Payment",
    "Payout",
    "PayoutDecision",
    "ProcessorPayout",
    "ProcessorTransaction",
    "Receipt",
    "Reconciliation",
    "Refund",
    "Reminder",
    "Status",
    "StripeCursor",
    "StripeEvent",
    "Subscription",
]
