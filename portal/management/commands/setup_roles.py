"""``manage.py setup_roles``: give the portal's role its rights on the owner's tables."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from funding.ledger.sql.rights import restrict_app_role
from portal.database import grant_data_rights


class Command(BaseCommand):
    help = (
        "Give the role that web and worker use (DATABASE_APP_ROLE) data rights alone. Run it as "
        "the owner before the first migrate; it may be run again at any time."
    )

    def handle(self, **options: Any) -> None:
        role = settings.DATABASE_APP_ROLE
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role]
            )
            owner, exists = cursor.fetchone()
        if not exists:
            raise CommandError(
                f"The role {role} does not exist. Let the database's administrator run: "
                f"CREATE ROLE \"{role}\" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '…';"
            )
        if owner == role:
            raise CommandError(
                f"DATABASE_APP_ROLE is {role}, the role this command runs as; the portal's role "
                "must be another one than the owner (docs/settings.md#database_owner_url)."
            )
        grant_data_rights(connection, role)
        if "ledger_posting" in connection.introspection.table_names():
            restrict_app_role(connection, role)
        self.stdout.write(f"{role} has data rights on the tables of {owner}.")
