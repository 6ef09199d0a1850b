from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding.ledger import notes


class Command(BaseCommand):
    help = "Make a private key for the ledger's log (LEDGER_SIGNING_KEY), and print it once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("origin", help="how the log is known: foundation.example.org/ledger")

    def handle(self, *args: Any, origin: str, **options: Any) -> None:
        self.stdout.write(notes.make_signer_key(origin))
