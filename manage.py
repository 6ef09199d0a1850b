#!/usr/bin/env python
"""Django's command line, with the owner's role for the commands that change the schema."""

import os
import sys
import warnings

# The portal's own role has data rights alone; these commands need the owner of the tables.
OWNER_COMMANDS = {
    "createcachetable",
    "makemigrations",
    "migrate",
    "prepare_database",
    "rebuild_balances",
    "setup_roles",
    "sqlmigrate",
}
REFUSED = {
    "flush": "flush would empty the ledger, which is append-only; make a new database instead.",
    "sqlflush": "flush would empty the ledger, which is append-only; make a new database instead.",
    "test": "The tests run by `make test` (pytest).",
    "testserver": "The demo runs by `make run`.",
    "runserver": "The demo runs by `make run`.",
}


def stop(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.exit(2)


def main() -> None:
    """Run one command, or say in one line why it cannot be run."""
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    mode = os.environ.get("PORTAL_MODE", "")
    if mode not in ("demo", "test", "production"):
        stop("PORTAL_MODE is not set; set it to demo, test or production (docs/settings.md).")
    if command in REFUSED:
        stop(REFUSED[command])
    if mode == "test":
        from tests import environment

        environment.apply_where_unset()
        if os.environ["DATABASE_URL"] == environment.NO_DATABASE:
            warnings.filterwarnings("ignore", message="Got an error checking a consistent")
    if mode == "demo" and "DATABASE_URL" not in os.environ:
        stop(
            "The demo's database and secrets are known to portal.run: "
            f".venv/bin/python -m portal.run manage {command}"
        )
    if command in OWNER_COMMANDS and os.environ.get("DATABASE_OWNER_URL"):
        os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"]

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        stop(str(error))


if __name__ == "__main__":
    main()
