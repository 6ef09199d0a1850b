"""``manage.py run_worker``: the background worker, kept alive until SIGTERM or Ctrl-C."""

import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.jobs import schedule
from core.jobs.declare import BACKEND
from core.jobs.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run the background jobs: one worker process a queue, started again when it ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queues", default="", help="comma list; all queues by default")
        parser.add_argument(
            "--grace",
            type=float,
            default=8.0,
            help="seconds that a job in hand gets to finish at the end (default: 8)",
        )

    def handle(self, *, queues: str, grace: float, **options: Any) -> None:
        tasks: dict[str, dict[str, Any]] = settings.TASKS
        known: list[str] = tasks[BACKEND]["QUEUES"]
        wanted = [name.strip() for name in queues.split(",") if name.strip()] or known
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            raise CommandError(
                f"No such queue: {', '.join(unknown)}. There are {', '.join(known)}."
            )
        # As the web server does: no work with the rights of the owner.
        self.check(databases=["default"])
        _say_what_happens()
        schedule.load()
        Supervisor(wanted, grace).run()


def _say_what_happens() -> None:
    """On stderr, whatever the level of the other logs."""
    logger = logging.getLogger("core.jobs")
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        logger.addHandler(logging.StreamHandler(sys.stderr))
