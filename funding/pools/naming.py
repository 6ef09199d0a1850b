"""Tells the read side whose gifts are named otherwise than before.

What pages show of donors is summed up elsewhere (`funding.transparency`), which this package does
not know: it registers itself here when the apps are ready.
"""

from collections.abc import Callable, Iterable

from core.transactions import inside_transaction

Listener = Callable[[list[int]], None]

_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Have ``listener`` called with donors' ids, in the transaction that changed their naming."""
    if listener not in _listeners:
        _listeners.append(listener)


@inside_transaction
def changed(donor_ids: Iterable[int]) -> None:
    """How gifts or pledges of these donors are named, or whose they are, has changed; or one of them
    was declined."""
    ids = sorted(set(donor_ids))
    for listener in _listeners:
        listener(ids)
