"""The environment of the tests, for pytest (tests/conftest.py) and for `PORTAL_MODE=test manage.py`."""

import os
import sys
from pathlib import Path

VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "PORTAL_MODE": "test",
    "SECRET_KEY": "only-for-the-tests-and-long-enough-to-be-taken-0123456789",
    "SITE_URL": "http://testserver",
    "EMAIL_URL": "memorymail://",
    "STRIPE_API_BASE": "http://127.0.0.1:1",  # nothing listens there
    "STRIPE_SECRET_KEY": "sk_test_0123456789abcdefghijklmn",
    "STRIPE_WEBHOOK_SECRETS": "whsec_test_0123456789abcdefghijklmn",
    # Of no log but the tests' own.
    "LEDGER_SIGNING_KEY": (
        "PRIVATE+KEY+testserver/ledger+cf8d6fe1+AdjWXVFe4pjRiOHPPeZUtFME2pAexGA8N+BoENmC3o/b"
    ),
    "DATABASE_APP_ROLE": "portal_app",
}
UNSET = (
    "ALLOWED_HOSTS",
    "DATABASE_CONN_MAX_AGE",
    "DEFAULT_FROM_EMAIL",
    "EMAIL_SERVICE",
    "EMAIL_SERVICE_KEY",
    "EMAIL_SERVICE_WEBHOOK_SECRET",
    "LEDGER_CHECKPOINT_DIR",
    "LEDGER_WITNESSES",
    "LOG_LEVEL",
    "SECRET_KEY_FALLBACKS",
    "TRUSTED_PROXY_COUNT",
)
NO_DATABASE = "postgresql://portal_app@:5432//nowhere/portal"


def apply() -> None:
    """Put the tests' environment in place of whatever the caller had."""
    os.environ.update(VARIABLES)
    for name in UNSET:
        os.environ.pop(name, None)


def make_folders(var: Path) -> None:
    """What `make run` makes in a data folder and the tests' own web process expects there."""
    (var / "static").mkdir()


def apply_where_unset() -> None:
    for name, value in {**VARIABLES, "DATABASE_URL": NO_DATABASE}.items():
        os.environ.setdefault(name, value)


if __name__ == "__main__":  # python -m tests.environment COMMAND …
    apply_where_unset()
    os.execvp(sys.argv[1], sys.argv[1:])
