"""Checks the links of all pages: addresses of this site each time, others now and then."""

import datetime
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from core.transactions import in_transaction
from home.editing import finding, inside, outside
from home.editing.outside import Outcome
from home.models import LinkedAddress

State = LinkedAddress.State
Reason = LinkedAddress.Reason

# An address that works is asked again after a week, one in trouble the next day.
AGAIN = datetime.timedelta(days=6, hours=12)
AGAIN_IN_TROUBLE = datetime.timedelta(hours=12)
# Other people's servers are asked little: so many addresses a run, so many of one host, and a
# pause between two questions to the same one.
MOST = 300
MOST_OF_A_HOST = 20
PAUSE = 1.0
# How long a run may ask in all, in seconds: money waits in the same queue.
PATIENCE = 40.0


def check_own() -> None:
    """Find the links of all pages, and look at those that stay on this site."""
    finding.keep(finding.on_all_pages())
    check_inside()


def check_inside() -> None:
    """Look at every address of this site."""
    for address in LinkedAddress.objects.all():
        if inside.is_inside(address.address):
            record(address, inside.look(address.address))


def check_outside(
    look: Callable[[str], Outcome] = outside.look, wait: Callable[[float], None] = time.sleep
) -> None:
    """Ask the other sites whose addresses are due, the longest unasked first, for a short while.

    Calls out, so in no transaction. The next run goes on where this one ended.
    """
    assert not in_transaction()
    until = time.monotonic() + PATIENCE
    asked: Counter[str] = Counter()
    last = ""
    for address in _due(timezone.now()):
        host = urlsplit(address.address).netloc.casefold()
        if asked.total() >= MOST or time.monotonic() > until:
            return
        if not settings.CHECK_OUTSIDE_LINKS:
            record(address, Outcome(State.LEFT, Reason.SWITCHED_OFF))
            continue
        if asked[host] >= MOST_OF_A_HOST:
            continue
        if host == last:
            wait(PAUSE)
        asked[host] += 1
        last = host
        record(address, look(address.address))


def _due(now: datetime.datetime) -> list[LinkedAddress]:
    in_trouble = Q(state__in=[State.BROKEN, State.SILENT], checked_at__lt=now - AGAIN_IN_TROUBLE)
    due = LinkedAddress.objects.filter(
        Q(checked_at=None) | Q(checked_at__lt=now - AGAIN) | in_trouble
    ).order_by(F("checked_at").asc(nulls_first=True), "pk")
    return [address for address in due if not inside.is_inside(address.address)]


def record(address: LinkedAddress, outcome: Outcome) -> None:
    """Write down what was found; ``since`` moves only when the state does."""
    now = timezone.now()
    values = {
        "state": outcome.state,
        "reason": outcome.reason,
        "answer": outcome.answer,
        "checked_at": now,
    }
    if outcome.state != address.state:
        values["since"] = now
    LinkedAddress.objects.filter(pk=address.pk).update(**values)
