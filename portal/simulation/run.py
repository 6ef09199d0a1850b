"""Runs a plan from its first event to its last."""

import contextlib
import datetime
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from core.mailing.models import Delivery
from core.models import User
from core.refusals import Refusal
from core.transactions import in_transaction
from funding.ledger import checkpoints
from funding.ledger.models import Entry, Pool
from portal.simulation.acts import Simulation
from portal.simulation.clock import moved_clock
from portal.simulation.plan import make_plan
from portal.simulation.planned import Plan, Scale, month_after, month_before

# Jobs of the simulated year (mail to invented donors, calls to Stripe) are thrown away this often.
SWEEP = 500


class DatabaseNotEmpty(Refusal):
    message = (
        "This database holds data already (%(what)s). A simulation writes invented money beside it, "
        "so it runs on an empty database alone: make one, migrate it, and name it in DATABASE_URL."
    )


class MonthNotOver(Refusal):
    message = "%(month)s is not over yet: the simulated years end with a month that is."


@dataclass(frozen=True, slots=True)
class Result:
    plan: Plan
    events: int
    entries: int
    refused: dict[str, int]  # how often each rule refused each kind of act


def refuse_unless_empty() -> None:
    """Raises DatabaseNotEmpty where there is a pool, an entry or a person."""
    for model, what in ((Entry, "entries"), (Pool, "pools"), (User, "people")):
        count = model.objects.count()
        if count:
            raise DatabaseNotEmpty(what=f"{count} {what}")


def simulate(
    seed: int,
    years: int,
    scale: Scale,
    *,
    until: datetime.date | None = None,
    progress: Callable[[int, int, datetime.date], None] = lambda _done, _all, _day: None,
) -> Result:
    """Make ``years`` years up to the end of the month that ``until`` lies in, or of last month.

    The same seed, years, scale and ``until`` make the same years, whatever today is. ``progress`` is
    told how many events of how many are done, and which day it is. Raises DatabaseNotEmpty and
    MonthNotOver.
    """
    assert not in_transaction(), "Each event is a use case of its own."
    today = timezone.now().date()
    last = until or month_before(today)
    if month_after(last) > today:
        raise MonthNotOver(month=f"{last:%Y-%m}")
    refuse_unless_empty()
    plan = make_plan(seed, years, scale, until=last)
    simulation = Simulation(plan)
    first = datetime.datetime.combine(plan.start, datetime.time(6), datetime.UTC)
    with moved_clock(first) as clock, _nobody_is_called():
        simulation.set_up()
        for number, event in enumerate(plan.events, start=1):
            clock.move(max(clock.at, event.at))
            simulation.happen(event)
            progress(number, len(plan.events), event.at.date())
            if number % SWEEP == 0:
                _sweep()
    _sweep()
    _hold_messages()
    checkpoints.publish()
    return Result(plan, len(plan.events), Entry.objects.count(), simulation.refused)


@contextlib.contextmanager
def _nobody_is_called() -> Iterator[None]:
    """An invented dispute is no alarm."""
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _sweep() -> None:
    """Throw away what waits for a worker: nobody is to be written to, and Stripe knows nothing."""
    DBTaskResult.objects.all().delete()


def _hold_messages() -> None:
    """Say in the log that they were never sent, or staff would be told that each is stuck.

    They are kept: by them the log is compared with what should have gone out.
    """
    queued = Delivery.in_state(Delivery.State.QUEUED)
    Delivery.objects.filter(queued).update(
        held_at=F("queued_at"), held_as=Delivery.Held.UNSUBSCRIBED
    )
