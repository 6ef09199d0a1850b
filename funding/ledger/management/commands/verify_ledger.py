from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from funding.ledger.models import Entry
from funding.ledger.verification import problems


class Command(BaseCommand):
    help = "Check the whole ledger against its rules. Exits with 0, or with 1 and what is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if not connection.in_atomic_block or len(connection.atomic_blocks) == 1:
                # One state of the books, whatever is posted meanwhile.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            found = list(problems())
            count = Entry.objects.count()
        for problem in found:
            self.stdout.write(problem)
        if found:
            raise CommandError(f"The ledger has {len(found)} faults in {count} entries.")
        self.stdout.write(self.style.SUCCESS(f"The ledger is sound: {count} entries."))
