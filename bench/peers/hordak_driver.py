"""The client of django-hordak: the same orders as ours (`bench.client`), by hordak's own API.

    python -m bench.peers.hordak_driver migrate    tables, triggers and accounts
    python -m bench.peers.hordak_driver serve      answer orders (`bench.pacing`)

It runs in a virtual environment of its own. HORDAK_DATABASE is a JSON object with HOST, PORT,
NAME and USER.
"""

import json
import os
import random
import sys
from decimal import Decimal
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

from bench.pacing import Order, median_microseconds, pace, serve

CURRENCY = "USD"
POOLS = 50  # as many pairs of accounts as our books have pools (bench.client.POOLS)


def configure() -> None:
    """The least that hordak's installation page asks for; everything else is Django's default."""
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "CONN_MAX_AGE": None,
                **json.loads(os.environ["HORDAK_DATABASE"]),
            }
        },
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "mptt",
            "djmoney",
            "hordak",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DEFAULT_CURRENCY=CURRENCY,
        CURRENCIES=[CURRENCY],
        USE_TZ=True,
    )
    django.setup()


def migrate() -> None:
    """Hordak's own migrations, which bring its triggers, and a pair of accounts for each pool."""
    from hordak.models import Account, AccountType

    call_command("migrate", verbosity=0)
    for number in range(1, POOLS + 1):
        for name, kind in (("bank", AccountType.asset), ("contributions", AccountType.income)):
            Account.objects.create(name=f"{name} {number}", type=kind, currencies=[CURRENCY])


class Books:
    """What a client does with hordak's books."""

    def __init__(self) -> None:
        from hordak.models import Account

        found = {account.name: account for account in Account.objects.all()}
        self.pairs = [
            (found[f"bank {number}"], found[f"contributions {number}"])
            for number in range(1, POOLS + 1)
        ]

    def pair(self, pools: int) -> tuple[Any, Any]:
        return self.pairs[random.randrange(pools)]

    def amount(self) -> Any:
        from moneyed import Money

        return Money(Decimal(random.randint(1, 100_000)).scaleb(-2), CURRENCY)

    def gifts(self, pools: int, size: int) -> int:
        """``size`` gifts in one commit, each a Transaction and two Legs as hordak's manual says.

        `Account.transfer_to` does the same for one gift; in a loop it would add a savepoint each.
        """
        from django.db import transaction
        from hordak.models import Leg, Transaction

        with transaction.atomic():
            for _ in range(size):
                bank, contributions = self.pair(pools)
                amount = self.amount()
                gift = Transaction.objects.create()
                Leg.objects.create(transaction=gift, account=contributions, credit=amount)
                Leg.objects.create(transaction=gift, account=bank, debit=amount)
        return size

    def bulk_create(self, pools: int, size: int) -> int:
        """``size`` gifts in one commit by Django's `bulk_create`.

        Hordak's manual does not know this way; its command create_benchmark_transactions uses it.
        """
        from django.db import transaction
        from hordak.models import Leg, Transaction

        transactions, legs = [], []
        for _ in range(size):
            bank, contributions = self.pair(pools)
            amount = self.amount()
            transactions.append(Transaction())
            legs.append(Leg(transaction=transactions[-1], account=bank, debit=amount))
            legs.append(Leg(transaction=transactions[-1], account=contributions, credit=amount))
        with transaction.atomic():
            Transaction.objects.bulk_create(transactions)
            Leg.objects.bulk_create(legs)
        return size

    def write(self, order: Order) -> dict[str, float]:
        way = self.bulk_create if order["way"] == "bulk_create" else self.gifts
        return pace(lambda: way(order["pools"], order["size"]), order)

    def fill(self, order: Order) -> dict[str, int]:
        done = 0
        while done < order["entries"]:
            done += self.bulk_create(order["pools"], min(1_000, order["entries"] - done))
        return {"entries": done}

    def balance(self, order: Order) -> dict[str, float]:
        """The balance of one account, by the way that hordak recommends for speed."""
        from hordak.models import Account

        bank, _ = self.pairs[0]
        return {
            "balance": median_microseconds(
                lambda: Account.objects.with_balances().get(pk=bank.pk).balance, order["calls"]
            )
        }


def main() -> None:
    configure()
    if sys.argv[1:] == ["migrate"]:
        migrate()
    else:
        books = Books()
        serve({"write": books.write, "fill": books.fill, "read": books.balance})


if __name__ == "__main__":
    main()
