"""Each system check of portal/checks.py, by its id: what it refuses, and that it is silent here.

Those that read rights from the database are tried with real roles in test_roles.py.
"""

import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings
from django.urls import path
from django.views.generic import RedirectView

from funding.ledger import checkpoints
from portal import checks, translations


def ids(found: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in found]


def test_every_check_is_registered_and_content_with_the_tests_own_settings() -> None:
    assert [message for message in run_checks() if str(message.id).startswith("portal.")] == []


def test_every_id_is_given_once_and_tested() -> None:
    source = Path(checks.__file__).read_text(encoding="utf-8")
    given = re.findall(r'id="(portal\.[EW]\d+)"', source)
    assert len(given) == len(set(given))
    folder = Path(__file__).parent
    tests = "".join((folder / name).read_text() for name in ("test_checks.py", "test_roles.py"))
    assert [name for name in given if name not in tests.replace("_", ".")] == []


def test_portal_E001_a_second_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: find("psycopg2") if name == "psycopg" else find(name, *rest),
    )
    assert ids(checks.one_postgresql_driver(None)) == ["portal.E001"]


@pytest.mark.parametrize("key", ["sk_live_0123456789", "rk_live_0123456789"])
def test_portal_E002_a_live_key_outside_production(settings: Any, key: str) -> None:
    settings.STRIPE_SECRET_KEY = key
    (found,) = checks.no_real_money_outside_production(None)
    assert found.id == "portal.E002"
    assert key not in str(found)
    settings.PORTAL_MODE = "production"
    assert checks.no_real_money_outside_production(None) == []


@pytest.mark.parametrize(
    "loose",
    [
        {"script-src": ["'self'", "'unsafe-inline'"]},
        {"style-src": ["'self'", "'unsafe-inline'"]},
        {"default-src": ["*"]},
        {"script-src": ["https:"]},
    ],
)
def test_portal_E003_a_policy_that_lets_scripts_through(
    settings: Any, loose: dict[str, list[str]]
) -> None:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**directives, **loose}}
    assert ids(checks.public_pages_run_no_script(None)) == ["portal.E003"]


@pytest.mark.parametrize(
    "name",
    [
        "WAGTAIL_PASSWORD_RESET_ENABLED",
        "WAGTAIL_PASSWORD_MANAGEMENT_ENABLED",
        "WAGTAIL_EMAIL_MANAGEMENT_ENABLED",
        "WAGTAILUSERS_PASSWORD_ENABLED",
    ],
)
def test_portal_E004_another_way_to_sign_in(settings: Any, name: str) -> None:
    setattr(settings, name, True)
    (found,) = checks.one_way_to_sign_in(None)
    assert found.id == "portal.E004"
    assert name in found.msg
    delattr(settings, name)  # Wagtail's default is on
    assert ids(checks.one_way_to_sign_in(None)) == ["portal.E004"]


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_portal_E005_limits_that_each_process_counts_alone(settings: Any, backend: str) -> None:
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    assert ids(checks.limits_are_shared(None)) == ["portal.E005"]


def test_portal_E006_jobs_that_are_no_rows(settings: Any) -> None:
    backend = {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}
    settings.TASKS = {**settings.TASKS, "jobs": backend}
    assert ids(checks.jobs_are_rows_of_the_transaction(None)) == ["portal.E006"]


def test_portal_E007_requests_that_are_transactions(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)
    assert ids(checks.jobs_are_rows_of_the_transaction(None)) == ["portal.E007"]


def test_portal_W008_a_translation_that_is_not_compiled(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.BASE_DIR = tmp_path
    source = tmp_path / "locale" / "fr" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    shutil.copy(translations.LOCALE / "fr" / "LC_MESSAGES" / "django.po", source)
    monkeypatch.setattr(translations, "LOCALE", tmp_path / "locale")
    assert ids(checks.translations_are_compiled(None)) == ["portal.W008"]
    assert translations.compile_stale() == 1
    assert checks.translations_are_compiled(None) == []
    later = source.with_suffix(".mo").stat().st_mtime + 10
    os.utime(source, (later, later))
    assert ids(checks.translations_are_compiled(None)) == ["portal.W008"]


class OpenDoors:
    """An URL configuration in which Wagtail's pages come first."""

    from wagtail.admin.views.account import LoginView

    urlpatterns = [
        path("admin/login/", LoginView.as_view()),
        path("admin/password_reset/", RedirectView.as_view(url="/")),
    ]


def test_portal_I013_no_scanner_in_production(settings: Any) -> None:
    assert checks.somebody_looks_at_uploads(None) == []
    settings.PORTAL_MODE = "production"
    assert ids(checks.somebody_looks_at_uploads(None)) == ["portal.I013"]
    settings.UPLOAD_SCANNER = "foundation_scanner.scan"
    assert checks.somebody_looks_at_uploads(None) == []


def test_portal_E012_wagtails_own_sign_in(settings: Any) -> None:
    assert checks.wagtails_own_sign_in_is_shut(None) == []
    settings.ROOT_URLCONF = OpenDoors
    assert ids(checks.wagtails_own_sign_in_is_shut(None)) == ["portal.E012"]


# --- What the database says -----------------------------------------------------------------------


class Answers:
    """A cursor that answers as a server would that the tests cannot have."""

    def __init__(self, settings: Any, *, version: int = 180000, encoding: str = "UTF8") -> None:
        self.row: Any = (settings.DATABASE_APP_ROLE, False, False, version, encoding)

    def execute(self, statement: str) -> None:
        if "has_schema_privilege" in statement:
            self.row = (False,)

    def fetchone(self) -> Any:
        return self.row

    def fetchall(self) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ({}, []),
        ({"version": 150009}, ["portal.E021"]),
        ({"version": 160000}, []),
        ({"encoding": "LATIN1"}, ["portal.E022"]),
    ],
)
def test_portal_E021_E022_a_server_too_old_or_of_another_encoding(
    settings: Any, server: dict[str, Any], expected: list[str]
) -> None:
    assert ids(checks._problems_of_role(Answers(settings, **server))) == expected


@pytest.mark.django_db
def test_the_check_reads_the_database_only_where_it_is_asked_for() -> None:
    assert checks.the_role_has_data_rights_alone(None) == []
    assert checks.the_role_has_data_rights_alone(None, databases=["default"]) == []


def test_a_damaged_key_of_the_ledger_or_of_a_witness_stops_the_start(settings: Any) -> None:
    witness = "w.example+00000000+BA=="
    for changes in (
        {"LEDGER_SIGNING_KEY": settings.LEDGER_SIGNING_KEY[:-6]},
        {"LEDGER_WITNESSES": [f"{witness}@https://w.example"]},
    ):
        with override_settings(**changes):
            assert [e.id for e in checks.the_ledger_can_be_signed_and_watched(None)] == [
                "portal.E030"
            ]


def test_production_is_told_that_nobody_watches_its_log(settings: Any) -> None:
    settings.PORTAL_MODE = "production"
    settings.LEDGER_WITNESSES = []
    assert [e.id for e in checks.the_ledger_can_be_signed_and_watched(None)] == ["portal.W032"]
    key = str(checkpoints.signer().verifier)
    settings.LEDGER_WITNESSES = [f"{key}@ftp://w.example"]
    assert [e.id for e in checks.the_ledger_can_be_signed_and_watched(None)] == ["portal.E031"]
    settings.LEDGER_WITNESSES = [f"{key}@https://w.example"]
    assert checks.the_ledger_can_be_signed_and_watched(None) == []
