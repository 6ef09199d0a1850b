"""Make the groups of the back office and their rights."""

from typing import Any

from django.core.management.base import BaseCommand

from core.transactions import use_case
from portal.groups import setup_groups


class Command(BaseCommand):
    help = "Makes the groups of the back office; adds rights that are missing, takes none away."

    def handle(self, *args: Any, **options: Any) -> None:
        with use_case():
            groups = setup_groups()
        self.stdout.write(f"Groups: {', '.join(groups)}.")
