from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.transactions import use_case
from funding.ledger import balances


class Command(BaseCommand):
    help = "Make the ledger's kept balances and figures anew from what was posted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing; report every difference and exit with 1 if there is one",
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        found = list(balances.differences())
        for difference in found:
            self.stdout.write(difference)
        if check and found:
            raise CommandError(f"{len(found)} kept sums are wrong; nothing was changed.")
        if check:
            self.stdout.write(self.style.SUCCESS("Every kept sum is right."))
            return
        with use_case():
            balances.rebuild()
        self.stdout.write(self.style.SUCCESS(f"Made anew; {len(found)} sums were wrong."))
