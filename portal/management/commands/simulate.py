import datetime
import sys
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.simulation.planned import Scale
from portal.simulation.run import DatabaseNotEmpty, MonthNotOver, simulate

WIDTH = 30


def month(text: str) -> datetime.date:
    """Raises ArgumentTypeError for a text that is no month."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 (a month has no zone)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no month; write it as 2026-03") from None


class Command(BaseCommand):
    help = (
        "Fill an empty database with simulated years: pools, donors, gifts, pledges, refunds, "
        "disputes and transfers, and organisations that join, pay, renew, lapse and come back, made "
        "by the portal's own functions and daily jobs on a moved clock. The same seed and --until "
        "make the same years, whatever today is. Refuses a database that holds data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="Another seed, another year.")
        parser.add_argument("--years", type=int, default=1, help="How many years.")
        parser.add_argument(
            "--until",
            type=month,
            metavar="YYYY-MM",
            help="The last month, one that is over; without it the last full month before today.",
        )
        parser.add_argument(
            "--scale",
            type=float,
            default=1.0,
            help="A share of 400 donors, 6,000 gifts and 150 pledges a year, and of 2,000 "
            "organisations over all the years; 0.01 is a quick try.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["years"] < 1 or options["scale"] <= 0:
            raise CommandError("--years is 1 or more, and --scale is above 0.")
        try:
            result = simulate(
                options["seed"],
                options["years"],
                Scale().times(options["scale"]),
                until=options["until"],
                progress=self._show if self.stdout.isatty() else lambda *_: None,
            )
        except (DatabaseNotEmpty, MonthNotOver) as refusal:
            raise CommandError(str(refusal)) from refusal
        plan = result.plan
        last = plan.end - datetime.timedelta(days=1)
        self.stdout.write(
            self.style.SUCCESS(
                f"{plan.start} to {last}: {len(plan.pools)} pools, {len(plan.donors)} donors, "
                f"{len(plan.members)} organisations, {result.events} events, {result.entries} "
                f"entries; {sum(result.refused.values())} acts were refused by a rule. "
                "Now try: manage.py verify_membership, and manage.py verify_exports"
            )
        )
        for name, count in sorted(result.refused.items()):
            self.stdout.write(f"  refused {count} times: {name}")

    def _show(self, done: int, of: int, day: Any) -> None:
        if done % 20 and done != of:
            return
        filled = WIDTH * done // of
        bar = "#" * filled + "." * (WIDTH - filled)
        sys.stderr.write(f"\r[{bar}] {done}/{of} {day}" + ("\n" if done == of else ""))
        sys.stderr.flush()
