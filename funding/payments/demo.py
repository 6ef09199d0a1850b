"""The demo's bank: two accounts, a channel, and a statement of which some lines wait for a match.

Loading twice makes nothing double: accounts and channel are found by their names, the statement by
its account.
"""

import datetime

from django.core.files.base import ContentFile
from django.db.models import Sum
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Posting
from funding.payments.banking import confirming
from funding.payments.banking.csv_statements import Mapping
from funding.payments.banking.imports import import_statement
from funding.payments.models import BankAccount, ExpectedPayment, ManualChannel

HOLDER = "OpenLMIS Foundation (example)"
# The registry's own examples of an IBAN: nobody's accounts.
ACCOUNTS = (
    ("Main account", "USD", "GB33BUKB20201555555555", "BUKBGB22XXX"),
    ("Euro account", "EUR", "DE89370400440532013000", "COBADEFFXXX"),
)
CHANNEL = "Mobile money (example)"
AS_CSV = Mapping(
    date="Date",
    amount="Amount",
    reference="Reference",
    name="Counterparty",
    text="Details",
    delimiter=";",
)


def open_accounts() -> None:
    """Accounts and the channel; before anybody is told how to pay."""
    with use_case():
        for name, currency, iban, bic in ACCOUNTS:
            BankAccount.objects.get_or_create(
                name=name,
                currency=currency,
                defaults={
                    "holder": HOLDER,
                    "bank": "Example Bank",
                    "iban": iban,
                    "bic": bic,
                    "more": "An example: send no money.",
                },
            )
        ManualChannel.objects.get_or_create(
            name=CHANNEL,
            currency="USD",
            defaults={
                "kind": ManualChannel.Kind.MOBILE_MONEY,
                "country": "MW",
                "instructions": (
                    "Dial *000#, choose “Pay bill”, enter 000000 and the reference below.\n"
                    "An example: send no money."
                ),
                "evidence_hint": "The operator’s transaction id.",
            },
        )


def load(clerk: User) -> None:
    """A statement in dollars: a charge is matched, a gift nobody knows is parked, the rest waits.

    It opens with what the books say is in the bank, and one of its lines pays an invoice that is
    still open, if there is one.
    """
    account = BankAccount.objects.get(name=ACCOUNTS[0][0], currency="USD")
    if account.statements.exists():
        return
    held = Posting.objects.filter(account__code="bank", currency="USD").aggregate(sum=Sum("amount"))
    opening = held["sum"] or 0
    yesterday = timezone.localdate() - datetime.timedelta(days=1)
    rows = [
        (-1_250, "Example Bank", "MONTHLY CHARGE"),
        (25_000, "A friend of health", "gift"),
        (4_000, "Chisomo Banda", "for the foundation"),
    ]
    invoiced = (
        ExpectedPayment.objects.filter(currency="USD", withdrawn_at=None)
        .exclude(invoice=None)
        .order_by("-pk")
    )
    waiting = next(
        (row for row in invoiced if row.invoice and row.invoice.outstanding.amount), None
    )
    if waiting is not None:
        rows.append((waiting.amount, waiting.payer_name, f"dues {waiting.reference}"))
    lines = [
        f"{yesterday};{Money(amount, 'USD').decimal};DEMO{number};{name};{text}"
        for number, (amount, name, text) in enumerate(rows, 1)
    ]
    content = "\n".join(["Date;Amount;Reference;Counterparty;Details", *lines])
    imported = import_statement(
        account,
        ContentFile(content.encode(), name="example.csv"),
        by=clerk,
        mapping=AS_CSV,
        opening=Money(opening, "USD"),
        closing=Money(opening + sum(amount for amount, _name, _text in rows), "USD"),
    )
    charge, gift = imported.statements[0].lines.order_by("position")[:2]
    with use_case():
        confirming.charge(charge, by=clerk)
        confirming.park(gift, note="Nobody knows this payer yet.", by=clerk)
