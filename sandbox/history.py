"""Card payments from before the sandbox was there: a demo tells of months past.

The file is a list of objects with `payment_intent`, `charge`, `balance_transaction` (ids), `amount`,
`currency`, `created`, `description`, `name`, `email` and `metadata`. What is known already is left
alone, and nothing is told by webhook: the portal has long heard of it.
"""

import json
import time
from pathlib import Path

from sandbox import objects
from sandbox.errors import Json
from sandbox.instruments import find
from sandbox.payments import Sandbox

CARD = "4242424242424242"
EXPIRY = (12, time.gmtime().tm_year + 3)


def take_in(sandbox: Sandbox, file: Path) -> int:
    """Keep the payments of a file; how many were new. Raises OSError, ValueError, KeyError."""
    told = json.loads(file.read_text(encoding="utf-8"))
    with sandbox.store.transaction():
        return sum(_take_in(sandbox, payment) for payment in told)


def _take_in(sandbox: Sandbox, told: Json) -> bool:
    if sandbox.get(told["charge"]):
        return False
    card = find("card", [CARD])
    assert card is not None
    method = objects.payment_method(card, EXPIRY, told["email"], told["name"])
    method["created"] = told["created"]
    given = objects.of(told, "description", "metadata") | {"payment_method_types": ["card"]}
    intent = objects.payment_intent(told["amount"], told["currency"], given)
    intent |= {"id": told["payment_intent"], "created": told["created"], "status": "succeeded"}
    charge = objects.charge(intent, method, card, None, confirmed=False)
    charge |= {"id": told["charge"], "created": told["created"]}
    transaction = objects.balance_transaction(charge)
    transaction |= {
        "id": told["balance_transaction"],
        "created": told["created"],
        "available_on": (told["created"] // objects.DAY + 2) * objects.DAY,
    }
    charge["balance_transaction"] = transaction["id"]
    intent |= {"amount_received": intent["amount"], "latest_charge": charge["id"]}
    intent["payment_method"] = method["id"]
    for thing in (method, intent, charge, transaction):
        sandbox.save(thing)
    return True
