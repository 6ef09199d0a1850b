"""Load the demo's content."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from funding.payments import demo_cards
from portal import demo


class Command(BaseCommand):
    help = "Loads the demo's people, pages and money; what is there already is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--history", default="", help="file for the card payments that the sandbox is told of"
        )

    def handle(self, *args: Any, history: str, **options: Any) -> None:
        if settings.PORTAL_MODE == "production":
            raise CommandError(
                "The demo's people and money are invented; they do not belong in production. "
                "Run setup_site."
            )
        demo.load()
        if history:
            Path(history).write_text(json.dumps(demo_cards.history(), indent=1), encoding="utf-8")
        self.stdout.write("The demo's content is loaded.")
