"""The environment of the tests, for pytest (tests/conftest.py) and for `PORTAL_MODE=test manage.py`."""

import os
import sys

VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "PORTAL_MODE": "test",
    "SECRET_KEY": "only-for-the-tests-and-long-enough-to-be-taken-0123456789",
    "SITE_URL": "http://testserver",
    "EMAIL_URL": "memorymail://",
    "STRIPE_API_BASE": "http://127.0.0.1:1",  # nothing listens there
    "STRIPE_SECRET_KEY": "sk_test_0123456789abcdefghijklmn",
    "STRIPE_WEBHOOK_SECRETS": "whsec_test_0123456789abcdefghijklmn",
    "DATABASE_APP_ROLE": "portal_app",
}
UNSET = ("DATABASE_CONN_MAX_AGE", "LOG_LEVEL", "TRUSTED_PROXY_COUNT", "ALLOWED_HOSTS")
NO_DATABASE = "postgresql://portal_app@:5432//nowhere/portal"


def apply() -> None:
    """Put the tests' environment in place of whatever the caller had."""
    os.environ.update(VARIABLES)
    for name in UNSET:
        os.environ.pop(name, None)


def apply_where_unset() -> None:
    for name, value in {**VARIABLES, "DATABASE_URL": NO_DATABASE}.items():
        os.environ.setdefault(name, value)


if __name__ == "__main__":  # python -m tests.environment COMMAND …
    apply_where_unset()
    os.execvp(sys.argv[1], sys.argv[1:])
