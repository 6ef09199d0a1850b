"""``manage.py prepare_database``: rights, migrations and cache table in one go, as the owner."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "Bring the database up to this code: setup_roles, migrate, createcachetable."
    requires_system_checks: list[str] = []

    def handle(self, *, verbosity: int, **options: Any) -> None:
        # First the default privileges, so that every table is born with the right ones.
        call_command("setup_roles", stdout=self.stdout)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, skip_checks=True, verbosity=verbosity)
        call_command("createcachetable", verbosity=verbosity)
