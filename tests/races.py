"""Doing things at once, each in a thread and a connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What each act returned, or the exception that it raised, begun at the same moment."""
    barrier = threading.Barrier(len(acts), timeout=60)

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return act()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
