"""A clock that stands where the simulation is."""

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

from django.utils import timezone


class MovedClock:
    """What `django.utils.timezone.now` says while the clock is moved. It never goes back."""

    def __init__(self, start: datetime.datetime) -> None:
        self.at = start

    def move(self, to: datetime.datetime) -> None:
        """Raises ValueError for a time before the present one."""
        if to < self.at:
            raise ValueError(f"The clock stands at {self.at} and cannot go back to {to}.")
        self.at = to

    def now(self) -> datetime.datetime:
        return self.at


@contextlib.contextmanager
def moved_clock(start: datetime.datetime) -> Iterator[MovedClock]:
    """Let everything that asks Django for the time hear of another one.

    The database's own clock stays: an entry's ``recorded_at`` is when it was truly written, its
    effective date is the simulation's.
    """
    clock = MovedClock(start)
    module: Any = timezone
    truly = module.now
    module.now = clock.now
    try:
        yield clock
    finally:
        module.now = truly
