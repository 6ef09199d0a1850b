"""What the inbox asks of a module that understands some of Stripe's events.

Such a module has ``HANDLERS: dict[str, Handler]``, by type of event; the inbox joins them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from funding.payments.models import Payment

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of an event: the payment it was about, and what staff must look at ("" if well)."""

    payment: Payment | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Handler(Generic[State]):
    """How one type of event is taken in, in two steps (rule 9).

    ``fetch`` takes the event's object, asks Stripe how that object stands now, and runs outside
    any transaction; None means that the object is none of this handler's. ``apply`` writes what
    was fetched, inside the inbox's transaction, and may be called any number of times.
    """

    fetch: Callable[[dict[str, Any]], State | None]
    apply: Callable[[State], Applied]
