"""`/healthz`: whether this process can serve readers, for the load balancer and for `make run`."""

import functools

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.jobs.recovery import living_workers


@functools.cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations in the code of this process; reading them from disk once is enough."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.graph.leaf_nodes())


def missing_migrations() -> list[tuple[str, str]]:
    """Migrations this code has and the database has not, in the database's own record."""
    applied = MigrationExecutor(connection).recorder.applied_migrations()
    return sorted(_known_migrations() - set(applied))


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and holds every migration of this code, else 503.

    That no worker lives is told but makes the web process no worse: its pages still serve.
    """
    answer = {"database": "ok", "migrations": "ok", "worker": "ok"}
    try:
        if missing_migrations():
            answer["migrations"] = "missing"
        elif not living_workers().exists():
            answer["worker"] = "none"
    except (DatabaseError, InterfaceError):
        answer = {"database": "unreachable", "migrations": "unknown", "worker": "unknown"}
    healthy = answer["database"] == "ok" and answer["migrations"] == "ok"
    return JsonResponse(answer, status=200 if healthy else 503)
