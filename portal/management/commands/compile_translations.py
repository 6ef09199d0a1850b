"""``manage.py compile_translations``: a part of every deployment (docs/operating.md)."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.translations import compile_stale


class Command(BaseCommand):
    help = "Compile the translations that are missing or old; needs no gettext tools."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"{compile_stale()} compiled.")
