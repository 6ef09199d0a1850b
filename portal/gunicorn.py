"""How gunicorn serves the portal: ``gunicorn --config portal/gunicorn.py portal.wsgi``.

Read by gunicorn, so the names here are gunicorn's.
"""

import os
import sys

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
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
forwarded_allow_ips = "*" if int(os.environ.get("TRUSTED_PROXY_COUNT") or 0) else "127.0.0.1"


def on_starting(server: object) -> None:
    """Refuse to serve with rights, settings or a database that the checks call an error."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import DatabaseError, connections

    try:
        django.setup()
        call_command("check", databases=["default"], verbosity=0)
    except (CommandError, ImproperlyConfigured, DatabaseError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    finally:
        # No connection may be shared with the workers that fork from here.
        connections.close_all()
