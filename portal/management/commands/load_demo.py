"""Load the demo's content."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal import demo


class Command(BaseCommand):
    help = "Loads the demo's people, pages and money; what is there already is left alone."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PORTAL_MODE == "production":
            raise CommandError(
                "The demo's people and money are invented; they do not belong in production. "
                "Run setup_site."
            )
        demo.load()
        self.stdout.write("The demo's content is loaded.")
