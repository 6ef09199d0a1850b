"""A system check for each dangerous misconfiguration, so that it stops a start, not a reader.

What one variable alone can get wrong is refused in settings.py. Here stands what follows from
several settings, from what is installed, or from the database (tag ``database``: run by
``manage.py check --database default`` and before the web server serves).
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError, connections

from funding.ledger import checkpoints, notes
from funding.ledger.sql.rights import READ_ONLY
from portal.translations import stale

OLDEST_POSTGRESQL = 160000
PROCESS_LOCAL_CACHES = ("locmem", "dummy")

Apps = Sequence[AppConfig] | None


@register(Tags.compatibility)
def one_postgresql_driver(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Django silently prefers psycopg 3 where both are installed."""
    if importlib.util.find_spec("psycopg") is None:
        return []
    return [
        Error(
            "Psycopg 3 is installed; Django would use it in place of psycopg2.",
            hint="Uninstall psycopg, or install from requirements.lock into a fresh environment.",
            id="portal.E001",
        )
    ]


@register(Tags.security)
def no_real_money_outside_production(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """A live key in a demo would charge real cards."""
    if settings.PORTAL_MODE == "production":
        return []
    if not settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")):
        return []
    return [
        Error(
            f"STRIPE_SECRET_KEY is a live key, but PORTAL_MODE is {settings.PORTAL_MODE}.",
            hint="Use a test key (sk_test_…), or leave it unset: the demo makes its own.",
            id="portal.E002",
        )
    ]


@register(Tags.security)
def the_ledger_can_be_signed_and_watched(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Without a whole key nothing is sealed in public; without a witness nobody else watches."""
    try:
        checkpoints.signer()
        witnesses = checkpoints.witnesses()
    except notes.BadKey as error:
        return [
            Error(
                f"LEDGER_SIGNING_KEY or LEDGER_WITNESSES holds a key that is not whole: {error}",
                hint="manage.py make_ledger_key makes a new one (docs/settings.md).",
                id="portal.E030",
            )
        ]
    wrong = [w.url for w in witnesses if not w.url.startswith(("https://", "http://"))]
    if wrong:
        return [
            Error(
                f"LEDGER_WITNESSES names an address that is none: {', '.join(wrong)!r}.",
                hint="Each witness is its key, an @, and an address with https://.",
                id="portal.E031",
            )
        ]
    if settings.PORTAL_MODE != "production" or witnesses:
        return []
    return [
        Warning(
            "No witness watches the ledger's log: LEDGER_WITNESSES is empty.",
            hint="Have somebody outside run tools/witness.py (docs/settings.md).",
            id="portal.W032",
        )
    ]


@register(Tags.security)
def public_pages_run_no_script(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The policy of public pages lets no script and no inline style through."""
    directives: Any = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    scripts = directives.get("script-src", directives.get("default-src", ["*"]))
    styles = directives.get("style-src", directives.get("default-src", ["*"]))
    loose = [
        name
        for name, sources in (("script-src", scripts), ("style-src", styles))
        if (set(sources) & {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:", "data:"})
    ]
    return [
        Error(
            f"The Content Security Policy of public pages is loose in {name}.",
            hint="Keep it strict; portal.policy loosens it for the Wagtail admin alone.",
            id="portal.E003",
        )
        for name in loose
    ]


@register(Tags.security)
def one_way_to_sign_in(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Wagtail's own ways to sign in or change an address pass by any second factor."""
    names = (
        "WAGTAIL_PASSWORD_RESET_ENABLED",
        "WAGTAIL_PASSWORD_MANAGEMENT_ENABLED",
        "WAGTAIL_EMAIL_MANAGEMENT_ENABLED",
        "WAGTAILUSERS_PASSWORD_ENABLED",
    )
    return [
        Error(
            f"{name} is on: Wagtail would offer a way around the one sign-in.",
            hint=f"Set {name} = False in portal/settings.py.",
            id="portal.E004",
        )
        for name in names
        if getattr(settings, name, True)
    ]


@register(Tags.security)
def limits_are_shared(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Rate limits count in the cache; one cache per process multiplies every limit."""
    backend = settings.CACHES["default"]["BACKEND"]
    if not any(name in backend for name in PROCESS_LOCAL_CACHES):
        return []
    return [
        Error(
            f"The default cache ({backend}) is not shared between processes.",
            hint="Sign-in limits count there: use the database's or another shared cache.",
            id="portal.E005",
        )
    ]


@register(Tags.database)
def jobs_are_rows_of_the_transaction(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Only a job that is a row can be written in the transaction that causes it."""
    problems: list[CheckMessage] = []
    tasks: Any = settings.TASKS
    if tasks["jobs"]["BACKEND"] != "django_tasks_db.DatabaseBackend":
        problems.append(
            Error(
                "The jobs of the alias `jobs` are not kept in the database.",
                hint="A crash could lose them or run them for a rollback; use DatabaseBackend.",
                id="portal.E006",
            )
        )
    if settings.DATABASES["default"].get("ATOMIC_REQUESTS"):
        problems.append(
            Error(
                "ATOMIC_REQUESTS is on.",
                hint="Views call out to the payment processor outside any transaction; leave it off.",
                id="portal.E007",
            )
        )
    return problems


@register(Tags.translation)
def translations_are_compiled(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    return [
        Warning(
            f"The translation {source.relative_to(settings.BASE_DIR)} is not compiled.",
            hint="Run manage.py compile_translations.",
            id="portal.W008",
        )
        for source in stale()
    ]


@register(Tags.urls)
def wagtails_own_sign_in_is_shut(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The addresses of Wagtail's login and password pages lead to the one sign-in."""
    from django.urls import Resolver404, resolve

    problems: list[CheckMessage] = []
    for path in ("/admin/login/", "/admin/password_reset/", "/_util/login/"):
        try:
            module = getattr(resolve(path).func, "__module__", "")
        except Resolver404:
            continue
        if module.startswith(("wagtail", "django.contrib.auth")):
            problems.append(
                Error(
                    f"{path} is answered by Wagtail and passes by any second factor.",
                    hint="Route it to allauth's page ahead of Wagtail's addresses in portal/urls.py.",
                    id="portal.E012",
                )
            )
    return problems


@register(Tags.security)
def somebody_looks_at_uploads(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Files come from outside and officers open them; the portal alone knows their kind and size."""
    if settings.PORTAL_MODE != "production" or settings.UPLOAD_SCANNER:
        return []
    return [
        # No warning: what no portal can bring along must not keep a sound one from starting.
        Info(
            "No virus scanner looks at the files that people send.",
            hint="Name a function of yours in UPLOAD_SCANNER (docs/settings.md#upload_scanner).",
            id="portal.I013",
        )
    ]


@register(Tags.database)
def the_role_has_data_rights_alone(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The books are append-only against the portal itself, or the start is refused."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            with connections[alias].cursor() as cursor:
                problems += _problems_of_role(cursor)
        except DatabaseError as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
            problems.append(
                Error(
                    f"The database does not answer: {reason}",
                    hint="See DATABASE_URL (docs/settings.md#database_url).",
                    id="portal.E020",
                )
            )
    return problems


def _problems_of_role(cursor: Any) -> list[CheckMessage]:
    cursor.execute(
        "SELECT current_user, rolsuper, rolcreaterole, current_setting('server_version_num')::int,"
        " pg_encoding_to_char(encoding)"
        " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"
    )
    role, is_superuser, makes_roles, version, encoding = cursor.fetchone()
    problems: list[CheckMessage] = []
    if version < OLDEST_POSTGRESQL:
        problems.append(
            Error(
                f"PostgreSQL {version // 10000} is too old.",
                hint="The portal needs PostgreSQL 16 or later.",
                id="portal.E021",
            )
        )
    if encoding != "UTF8":
        problems.append(
            Error(
                f"The database's encoding is {encoding}.",
                hint="Make the database with ENCODING 'UTF8'.",
                id="portal.E022",
            )
        )
    if role != settings.DATABASE_APP_ROLE:
        # A command that manage.py gave to the owner: nothing is said about the portal's role.
        return problems
    if is_superuser or makes_roles:
        problems.append(
            Error(
                f"The portal's role {role} is a superuser or may make roles.",
                hint="No rule of the ledger holds against it. Use a role with data rights alone: "
                "docs/operating.md#roles.",
                id="portal.E023",
            )
        )
    cursor.execute(
        "SELECT c.relname, pg_has_role(c.relowner, 'MEMBER'),"
        " array(SELECT r FROM unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) r"
        "       WHERE CASE WHEN r IN ('INSERT', 'UPDATE') THEN has_any_column_privilege(c.oid, r)"
        "       ELSE has_table_privilege(c.oid, r) END)"
        " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
        " AND c.relkind IN ('r', 'p', 'v') AND starts_with(c.relname, 'ledger_')"
    )
    for table, owns, rights in cursor.fetchall():
        if owns:
            problems.append(
                Error(
                    f"The portal's role {role} owns {table}, so it could switch its rules off.",
                    hint="Migrate as the owner (DATABASE_OWNER_URL) and run as another role: "
                    "docs/operating.md#roles.",
                    id="portal.E024",
                )
            )
        elif rights and table in READ_ONLY:
            problems.append(
                Error(
                    f"The portal's role {role} has {', '.join(rights)} on {table}.",
                    hint="Run manage.py setup_roles as the owner.",
                    id="portal.E025",
                )
            )
    cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
    if cursor.fetchone()[0]:
        problems.append(
            Error(
                f"The portal's role {role} may make tables and functions.",
                hint="Run manage.py setup_roles as the owner.",
                id="portal.E026",
            )
        )
    return problems
