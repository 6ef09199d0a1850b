"""``manage.py reconcile``: read the processor's books, compare them with the ledger, say what differs."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from funding.payments import report


class Command(BaseCommand):
    help = (
        "Reads events and balance transactions of the card processor, books what is missing, and "
        "prints agree or each difference. Ends with 1 where there is one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = report.nightly()
        self.stdout.write(str(found))
        if not found.agrees:
            sys.exit(1)
