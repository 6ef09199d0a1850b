"""Gifts paid at the sandbox, and a judgement of what became of them.

    python -m bench.giving begin N CARD   N gifts, each begun and paid on the sandbox's page
    python -m bench.giving judge N        one JSON line: what is in the inbox and in the books

The database is the one in DATABASE_URL, Stripe the sandbox at STRIPE_API_BASE.
"""

import datetime
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

from bench.client import CURRENCY, pool_code

AMOUNT = 5_000
AT_ONCE = 4


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_browser = urllib.request.build_opener(_StayHere)


def _pay(address: str, card: str) -> None:
    typed = {"email": "ada@example.org", "name": "Ada", "number": card, "expiry": "12/50"}
    body = urllib.parse.urlencode({**typed, "cvc": "123"}).encode()
    try:
        _browser.open(address, body, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 303:
            return
        raise
    raise RuntimeError("The checkout page did not send the payer on.")


def begin(count: int, card: str) -> None:
    """Begin ``count`` gifts to one pool and pay them; nothing of the portal hears of it yet."""
    from django.db import connection

    from core.money import Money
    from core.transactions import use_case
    from funding.ledger.models import Pool
    from funding.payments.checkout import begin_checkout
    from funding.pools.donors import Giver
    from funding.pools.gifts import begin_gift
    from funding.pools.models import PoolProfile

    with use_case():
        pool = Pool.objects.get(code=pool_code(1))
        profile, _ = PoolProfile.objects.get_or_create(
            pool=pool, defaults={"purpose": "Benchmark", "opens_on": datetime.date(2026, 1, 1)}
        )

    def give(number: int) -> None:
        payment = begin_gift(
            Giver(name=f"Giver {number}", email="ada@example.org", public_name="", user=None),
            profile=profile,
            amount=Money(AMOUNT, CURRENCY),
            language="en",
            form_token=uuid.uuid4(),
        )
        _pay(begin_checkout(payment), card)
        connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool_of_threads:
        list(pool_of_threads.map(give, range(count)))


def judge(count: int) -> dict[str, Any]:
    """What a look at every table finds; ``wrong`` lists what must not be."""
    from django.db.models import Count, F, Q

    from funding.ledger.models import Entry, Pool
    from funding.ledger.queries import figures
    from funding.payments.models import NumberSeries, Payment, Receipt, Status, StripeEvent
    from funding.pools.models import Gift

    events = StripeEvent.objects.aggregate(
        all=Count("pk"), done=Count("pk", filter=Q(processed_at__isnull=False))
    )
    twice = StripeEvent.objects.filter(attempts__gt=1).count()
    wrong = []
    paid = Payment.objects.filter(status=Status.SUCCEEDED)
    if paid.count() != count:
        wrong.append(f"{paid.count()} payments of {count} are paid")
    if Payment.objects.filter(entry=None).exists():
        wrong.append("payments without their entry")
    if Entry.objects.count() != count:
        wrong.append(f"{Entry.objects.count()} entries for {count} payments")
    received = figures(Pool.objects.get(code=pool_code(1)), CURRENCY)["received"]
    if received != count * AMOUNT:
        wrong.append(f"received is {received}, not {count * AMOUNT}")
    if Gift.objects.exclude(received_at=None).count() != count:
        wrong.append("gifts that were not received")
    if Receipt.objects.count() != count:
        wrong.append(f"{Receipt.objects.count()} receipts for {count} payments")
    last = sum(NumberSeries.objects.filter(prefix="RCT").values_list(F("last"), flat=True))
    if last != count:
        wrong.append(f"the last receipt has the number {last}")
    if Payment.objects.exclude(problem="").exists():
        wrong.append("payments with a problem")
    return {"events": events["all"], "done": events["done"], "twice": twice, "wrong": wrong}


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "begin":
        begin(int(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps(judge(int(sys.argv[2]))))
