from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from funding.dues.verification import Verified, verify


class Command(BaseCommand):
    help = (
        "Check members, terms and dues against their rules and against the ledger, counted anew by "
        "a naive road. Exits with 0, or with 1 and what is wrong."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if len(connection.atomic_blocks) == 1:
                # One state of it all, whatever is paid meanwhile.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            found = verify()
        self._tell(found)
        for problem in found.problems:
            self.stdout.write(problem)
        if found.problems:
            raise CommandError(f"Membership has {len(found.problems)} faults.")
        self.stdout.write(
            self.style.SUCCESS(
                f"Membership is sound: {found.organisations} organisations, {found.terms} terms "
                f"({found.renewals} renewals), invoices: {found.invoices['paid']} paid, "
                f"{found.invoices['open']} open, {found.invoices['void']} void."
            )
        )

    def _tell(self, found: Verified) -> None:
        self.stdout.write(
            "month     members  current  grace  lapsed  earned by days  in the ledger"
        )
        for month in found.months:
            statuses = month.statuses
            self.stdout.write(
                f"{month.last:%Y-%m}  {month.members:9}{statuses['current']:9}"
                f"{statuses['grace']:7}{statuses['lapsed']:8}"
                f"{month.earned_by_days:16}{month.earned_in_ledger:15}"
            )
        if found.left_to_bounds:
            self.stdout.write(
                f"Of {found.left_to_bounds} terms money came in parts, went back or is to go back; they are held "
                "to what came alone."
            )
