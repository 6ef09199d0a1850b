"""How gunicorn serves the portal: ``gunicorn --config portal/gunicorn.py portal.wsgi``.

Read by gunicorn, so the names here are gunicorn's.
"""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# gunicorn may be started from any folder (--chdir takes effect only after this file is read).
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
try:
    # Before anything else, so that a wrong value is one line and no trace.
    from portal import settings
except ImproperlyConfigured as error:
    sys.exit(str(error))


def whole_number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal():
        sys.exit(f"{variable} is {text!r}; it must be a whole number.")
    return int(text)


bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{whole_number('PORT', 8000)}"
worker_class = "gthread"
workers = whole_number("WEB_WORKERS", 2)
threads = whole_number("WEB_THREADS", 4)
# The code is loaded once, before the workers fork: less memory, and a fault stops the start.
preload_app = True
timeout = 60
graceful_timeout = 20
keepalive = 5
max_requests = 5000
max_requests_jitter = 500
control_socket_disable = True
errorlog = "-"
accesslog = None
# The portal itself decides whom to believe about the reader's address (TRUSTED_PROXY_COUNT).
forwarded_allow_ips = "*" if whole_number("TRUSTED_PROXY_COUNT", 0) else "127.0.0.1"


def on_starting(server: object) -> None:
    """Refuse to serve with rights, settings, files or a database that no page could be made with."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django
    from django.core.management import CommandError, call_command
    from django.db import DatabaseError, connections

    try:
        django.setup()
        manifest = settings.STATIC_ROOT / "staticfiles.json"
        if not manifest.exists():
            raise ImproperlyConfigured(f"{manifest} is missing: run manage.py collectstatic.")
        deploy = settings.PORTAL_MODE == "production"
        call_command("check", databases=["default"], deploy=deploy, verbosity=0)
    except (CommandError, ImproperlyConfigured, DatabaseError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    finally:
        # No connection may be shared with the workers that fork from here.
        connections.close_all()
