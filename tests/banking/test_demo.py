"""The demo's bank is loaded once, and its books and its statement agree."""

import pytest

from funding.ledger.models import Pool
from funding.ledger.queries import balances
from funding.payments import demo
from funding.payments.models import BankAccount, BankLine, BankStatement, ManualChannel, Match
from tests.factories.banking import make_staff

pytestmark = pytest.mark.django_db


def test_loading_twice_makes_nothing_double() -> None:
    clerk = make_staff()
    for _time in range(2):
        demo.open_accounts()
        demo.load(clerk)

    assert BankAccount.objects.count() == 2
    assert ManualChannel.objects.count() == 1
    statement = BankStatement.objects.get()
    assert sorted(Match.objects.values_list("kind", flat=True)) == ["charge", "parked"]
    assert BankLine.objects.count() == 3
    banked = sum(balances(pool, "USD").get("bank", 0) for pool in Pool.objects.all())
    unmatched = sum(line.amount for line in BankLine.objects.filter(matches=None))
    assert banked + unmatched == statement.closing
