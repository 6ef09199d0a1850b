"""Bring the search in line with everything that is public."""

from typing import Any

from django.core.management.base import BaseCommand

from home.searching import upkeep


class Command(BaseCommand):
    help = "Bring the search in line with everything that is public, and count its words."

    def handle(self, *args: Any, **options: Any) -> None:
        count = upkeep.rebuild()
        if options["verbosity"]:
            self.stdout.write(f"{count} texts can be found.")
