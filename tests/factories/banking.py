"""Bank accounts, statements with their lines, and what is expected by transfer."""

import datetime
import itertools
from typing import Any

from django.contrib.auth.models import Group
from django.core.files.base import ContentFile

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Pool
from funding.payments.banking.csv_statements import Mapping
from funding.payments.banking.imports import import_statement
from funding.payments.expected import open_expected
from funding.payments.invoices import BillTo
from funding.payments.models import (
    BankAccount,
    BankLine,
    BankStatement,
    ExpectedPayment,
    ManualChannel,
)
from portal import groups
from tests.factories.core import StaffFactory
from tests.factories.ledger import make_pool
from tests.factories.payments import PURPOSE

_numbers = itertools.count(1)
IBAN = "DE89370400440532013000"
A_DAY = datetime.date(2026, 3, 2)
PLAIN = Mapping(
    date="date", amount="amount", reference="reference", name="name", text="text", delimiter="|"
)


def make_staff(group: str = groups.TREASURERS) -> User:
    """A member of staff with the rights of ``group``."""
    with use_case():
        groups.setup_groups()
    person = StaffFactory()
    person.groups.add(Group.objects.get(name=group))
    # Rights are read once per object.
    return User.objects.get(pk=person.pk)


def make_account(currency: str = "USD", **changes: Any) -> BankAccount:
    values: dict[str, Any] = {
        "name": f"Main {currency}",
        "holder": "OpenLMIS Foundation",
        "bank": "A Bank",
        "iban": IBAN,
        "currency": currency,
    }
    return BankAccount.objects.create(**{**values, **changes})


def make_channel(currency: str = "USD", **changes: Any) -> ManualChannel:
    values: dict[str, Any] = {
        "name": f"Mobile money {next(_numbers)}",
        "kind": ManualChannel.Kind.MOBILE_MONEY,
        "currency": currency,
        "country": "MW",
        "instructions": "Send it to 0999 123 456 and give the reference.",
        "evidence_hint": "The operator’s transaction id.",
    }
    return ManualChannel.objects.create(**{**values, **changes})


def make_expected(
    amount: int = 10_000,
    currency: str = "USD",
    *,
    pool: Pool | None = None,
    name: str = "Ministry of Health",
    **changes: Any,
) -> ExpectedPayment:
    """Expected by transfer to the open account of the currency, which is made where none is."""
    if not BankAccount.objects.filter(currency=currency, closed_on=None).exists():
        make_account(currency)
    values: dict[str, Any] = {
        "purpose": PURPOSE,
        "purpose_id": next(_numbers),
        "pool": pool or make_pool(currency=currency),
        "amount": Money(amount, currency),
        "payer": BillTo(name=name, address="1 Long Road", country="MW", email="pay@example.org"),
        "language": "en",
        "description": "A gift",
    }
    with use_case():
        return open_expected(**{**values, **changes})


def make_statement(
    *amounts: int,
    account: BankAccount | None = None,
    by: User | None = None,
    texts: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    day: datetime.date = A_DAY,
) -> BankStatement:
    """A statement with one line an amount (minor units), as a CSV import makes it."""
    account = account or BankAccount.objects.first() or make_account()
    last = account.statements.order_by("-pk").first()
    opening = last.closing if last else 0
    rows = ["date|amount|reference|name|text"]
    for place, amount in enumerate(amounts):
        text = texts[place] if place < len(texts) else ""
        name = names[place] if place < len(names) else ""
        money = Money(amount, account.currency).decimal
        rows.append(f"{day}|{money}|TX{next(_numbers)}|{name}|{text}")
    imported = import_statement(
        account,
        ContentFile("\n".join(rows).encode(), name="statement.csv"),
        by=by or make_staff(),
        mapping=PLAIN,
        opening=Money(opening, account.currency),
        closing=Money(opening + sum(amounts), account.currency),
    )
    (statement,) = imported.statements
    return statement


def make_line(amount: int = 10_000, text: str = "", name: str = "", **changes: Any) -> BankLine:
    """The only line of a new statement."""
    statement = make_statement(amount, texts=(text,), names=(name,), **changes)
    return statement.lines.get()
