"""What stops a start: each missing or unsafe value, with a message that names its variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import environment
from tests.database import ROOT

# What a process of its own needs of the machine; nothing else of the caller's gets in.
MACHINE = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def read_env_file(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


# The example that operators copy, with the keys that it leaves out.
PRODUCTION = {
    **read_env_file(ROOT / "docs" / "production.env"),
    "SECRET_KEY": "6Jv0sYw3nKq8Zt1mXc5bLr9dPf2hGa7uEo4iTy-QxWkNzVjMhBpCgD",
    "LEDGER_SIGNING_KEY": environment.VARIABLES["LEDGER_SIGNING_KEY"],
}


def load(environment: dict[str, str], code: str = "") -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own, as manage.py and gunicorn do."""
    program = (
        "import sys\n"
        "from django.core.exceptions import ImproperlyConfigured\n"
        "try:\n"
        "    from portal import settings\n"
        "except ImproperlyConfigured as error:\n"
        "    sys.exit(str(error))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program + code],
        cwd=ROOT,
        env={**MACHINE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(environment: dict[str, str]) -> str:
    """The one line that the settings refuse ``environment`` with."""
    answer = load(environment)
    assert answer.returncode == 1, answer.stderr
    (line,) = answer.stderr.splitlines()
    assert answer.stdout == ""
    return line


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in PRODUCTION.items() if name not in names}


def test_the_example_for_production_is_taken_and_is_safe() -> None:
    answer = load(
        PRODUCTION,
        "print(settings.DEBUG, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE,"
        " settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS > 0,"
        " settings.ALLOWED_HOSTS, settings.STRIPE_API_BASE, settings.EMAIL_USE_TLS)",
    )
    assert answer.stderr == ""
    assert answer.stdout == (
        "False True True True True ['foundation.example.org'] https://api.stripe.com True\n"
    )


@pytest.mark.parametrize("mode", [None, "", "Production", "prod", "debug"])
def test_the_mode_is_named_and_never_guessed(mode: str | None) -> None:
    """Not even where every other value looks like production's."""
    environment = without("PORTAL_MODE") | ({} if mode is None else {"PORTAL_MODE": mode})
    wanted = f"PORTAL_MODE is {mode or ''!r}; set it to demo, test or production."
    assert refusal(environment) == wanted


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize(
    "name",
    [
        "SITE_URL",
        "SECRET_KEY",
        "DATABASE_URL",
        "EMAIL_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRETS",
        "LEDGER_SIGNING_KEY",
        "PORTAL_VAR",
    ],
)
def test_production_refuses_to_start_without(name: str, value: str | None) -> None:
    environment = without(name) | ({} if value is None else {name: value})
    wanted = f"{name} is not set; PORTAL_MODE=production needs it (docs/settings.md)."
    assert refusal(environment) == wanted


UNSAFE = [
    ("SITE_URL", "http://foundation.example.org", "https://"),
    ("SITE_URL", "foundation.example.org", "https://"),
    ("SITE_URL", "https://foundation.example.org/portal", "https://"),
    ("ALLOWED_HOSTS", "www.example.org,*", "name each host"),
    ("SECRET_KEY", "short", "at least 50"),
    ("SECRET_KEY", "ab" * 40, "at least 50"),
    ("SECRET_KEY", "django-insecure-" + PRODUCTION["SECRET_KEY"], "at least 50"),
    ("SECRET_KEY_FALLBACKS", f"{PRODUCTION['SECRET_KEY']},short", "at least 50"),
    ("DATABASE_URL", "mysql://a:b@db.example.org/portal", "postgresql://"),
    ("DATABASE_URL", "postgresql://a:b@db.example.org", "postgresql://"),
    ("DATABASE_URL", "postgresql://a:b@db.example.org/portal", "unencrypted"),
    ("DATABASE_URL", "postgresql://a:b@db.example.org/portal?sslmode=prefer", "unencrypted"),
    ("EMAIL_URL", "mail.example.org", "smtp+tls://"),
    ("EMAIL_URL", "consolemail://", "SMTP"),
    ("EMAIL_URL", "smtp+tls://", "SMTP"),
    ("EMAIL_URL", "smtp://a:b@mail.example.org:25", "unencrypted"),
    ("EMAIL_SERVICE", "pigeon", "brevo or postmark"),
    ("STRIPE_API_BASE", "http://127.0.0.1:8001", "sandbox"),
    ("STRIPE_SECRET_KEY", "sk_test_0123456789abcdefghijklmn", "live key"),
    ("STRIPE_SECRET_KEY", "pk_live_0123456789abcdefghijklmn", "live key"),
    ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef,anything", "whsec_"),
    ("STRIPE_WEBHOOK_SECRETS", "whsec_short", "whsec_"),
    ("TRUSTED_PROXY_COUNT", "0", "proxy"),
    ("TRUSTED_PROXY_COUNT", "-1", "whole number"),
    ("TRUSTED_PROXY_COUNT", "one", "whole number"),
    ("DATABASE_CONN_MAX_AGE", "ever", "whole number"),
    ("LOG_LEVEL", "DEBUG", "personal data"),
    ("LOG_LEVEL", "loud", "DEBUG, INFO"),
    ("PORTAL_VAR", "var", "whole path"),
]


@pytest.mark.parametrize(("name", "value", "reason"), UNSAFE)
def test_production_refuses_an_unsafe_value(name: str, value: str, reason: str) -> None:
    said = refusal({**PRODUCTION, name: value})
    assert said.startswith(f"{name} ")
    assert reason in said


SERVICE = {
    **without("EMAIL_URL"),
    "EMAIL_SERVICE": "postmark",
    "EMAIL_SERVICE_KEY": "server-token",
    "EMAIL_SERVICE_WEBHOOK_SECRET": "postmark:0123456789abcdefghij",
}


def test_production_takes_an_e_mail_service_in_place_of_a_mail_server() -> None:
    answer = load(SERVICE, "print(settings.EMAIL_BACKEND, sorted(settings.ANYMAIL))")
    assert answer.stderr == ""
    assert answer.stdout == (
        "anymail.backends.postmark.EmailBackend ['POSTMARK_SERVER_TOKEN', 'WEBHOOK_SECRET']\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("EMAIL_SERVICE_KEY", "", "is not set"),
        ("EMAIL_SERVICE_WEBHOOK_SECRET", "", "is not set"),
        ("EMAIL_SERVICE_WEBHOOK_SECRET", "0123456789abcdefghijkl", "name:password"),
        ("EMAIL_SERVICE_WEBHOOK_SECRET", "postmark:short", "at least 20"),
    ],
)
def test_an_e_mail_service_is_refused_without_key_and_secret(
    name: str, value: str, reason: str
) -> None:
    said = refusal({**SERVICE, name: value})
    assert said.startswith(f"{name} ")
    assert reason in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://portal:geheim/nis@db.example.org:5432/portal",
        "postgresql://portal:geheim@nis@db.example.org:port/portal",
        "postgresql://portal:geheim[nis@db.example.org/portal",
        "portal:geheim@db.example.org/portal",
    ],
)
def test_an_address_that_cannot_be_read_is_told_without_its_password(url: str) -> None:
    for name, value in (("DATABASE_URL", url), ("EMAIL_URL", url.replace("postgresql", "smtp"))):
        answer = load({**PRODUCTION, name: value})
        assert "geheim" not in answer.stderr
        assert "nis" not in answer.stderr
        if answer.returncode:
            assert answer.stderr.startswith(f"{name} ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://portal_app@:5432//run/postgresql/portal"),
        ("DATABASE_URL", "postgresql://a:b@127.0.0.1/portal"),
        ("DATABASE_URL", "postgres://a:b@db/portal?sslmode=disable"),
        ("EMAIL_URL", "smtp://localhost:25"),
        ("EMAIL_URL", "smtp+ssl://a:b@mail.example.org:465"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef, whsec_fedcba9876543210"),
        ("SECRET_KEY_FALLBACKS", PRODUCTION["SECRET_KEY"][::-1]),
        ("LOG_LEVEL", "warning"),
    ],
)
def test_production_takes(name: str, value: str) -> None:
    answer = load({**PRODUCTION, name: value})
    assert (answer.returncode, answer.stderr) == (0, "")


def test_an_empty_value_is_as_good_as_none() -> None:
    names = ["ALLOWED_HOSTS", "SECRET_KEY_FALLBACKS", "DATABASE_CONN_MAX_AGE", "LOG_LEVEL"]
    names += ["DATABASE_APP_ROLE", "DEFAULT_FROM_EMAIL", "STRIPE_API_BASE"]
    show = (
        "print(settings.ALLOWED_HOSTS, settings.SECRET_KEY_FALLBACKS, settings.LOG_LEVEL,"
        " settings.DATABASE_APP_ROLE, settings.DEFAULT_FROM_EMAIL, settings.STRIPE_API_BASE)"
    )
    empty = load({**PRODUCTION, **dict.fromkeys(names, "")}, show)
    missing = load(without(*names), show)
    assert empty.stderr == missing.stderr == ""
    assert empty.stdout == missing.stdout


def test_bank_debits_are_off_in_production_until_named() -> None:
    show = "print(sorted(settings.STRIPE_BANK_DEBITS))"
    assert load(PRODUCTION, show).stdout.strip() == "[]"
    named = {**PRODUCTION, "STRIPE_BANK_DEBITS": " eur, GBP ,"}
    assert load(named, show).stdout.strip() == "['EUR', 'GBP']"
    assert "STRIPE_BANK_DEBITS" in refusal({**PRODUCTION, "STRIPE_BANK_DEBITS": "KES"})


def test_what_production_refuses_a_demo_may_do() -> None:
    demo = {
        **PRODUCTION,
        "PORTAL_MODE": "demo",
        "SITE_URL": "http://127.0.0.1:8000",
        "ALLOWED_HOSTS": "*",
        "SECRET_KEY": "short",
        "DATABASE_URL": "postgresql://a:b@db/portal",
        "EMAIL_URL": "consolemail://",
        "STRIPE_API_BASE": "http://127.0.0.1:8001",
        "STRIPE_SECRET_KEY": "sk_test_demo",
        "STRIPE_WEBHOOK_SECRETS": "whsec_demo",
        "TRUSTED_PROXY_COUNT": "0",
    }
    answer = load(demo, "print(settings.EMAIL_BACKEND, settings.SESSION_COOKIE_SECURE)")
    assert answer.stderr == ""
    assert answer.stdout == "django.core.mail.backends.filebased.EmailBackend False\n"


# --- The programs that read them ------------------------------------------------------------------


def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**MACHINE, **PRODUCTION, **changes},
        capture_output=True,
        text=True,
        check=False,
    )


def test_managepy_says_in_one_line_what_is_wrong() -> None:
    answer = run("manage.py", "check", SECRET_KEY="short")
    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        "SECRET_KEY is not safe for production: a key must be a random text of at least "
        "50 characters."
    ]


@pytest.mark.parametrize("command", ["flush", "sqlflush", "test", "testserver", "runserver"])
def test_managepy_refuses_what_would_empty_the_books_or_serve_without_care(command: str) -> None:
    answer = run("manage.py", command)
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 1


def test_managepy_points_to_the_demo_where_it_does_not_know_the_database() -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", "shell"],
        cwd=ROOT,
        env={**MACHINE, "PORTAL_MODE": "demo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "portal.run manage shell" in answer.stderr


def test_managepy_says_that_no_mode_is_set() -> None:
    answer = run("manage.py", "check", PORTAL_MODE="")
    assert answer.returncode == 2
    assert answer.stderr.startswith("PORTAL_MODE is not set;")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMAIL_URL", "consolemail://", "EMAIL_URL is not safe for production"),
        ("WEB_WORKERS", "many", "WEB_WORKERS is 'many'"),
        ("WEB_THREADS", "-1", "WEB_THREADS is '-1'"),
        ("PORT", "http", "PORT is 'http'"),
        ("PORTAL_VAR", "/nonexistent", "run manage.py collectstatic"),
    ],
)
def test_the_web_server_does_not_start(name: str, value: str, said: str) -> None:
    changes = {"HOST": "127.0.0.1", "PORT": "0", name: value}
    answer = run("-m", "gunicorn", "--config", "portal/gunicorn.py", "portal.wsgi", **changes)
    assert answer.returncode != 0
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_three_languages_are_offered_unless_others_are_named() -> None:
    show = "print([code for code, name in settings.LANGUAGES])"
    assert load(PRODUCTION, show).stdout == "['en', 'fr', 'pt']\n"
    more = PRODUCTION | {"PORTAL_LANGUAGES": "en, fr, ar, es"}
    assert load(more, show).stdout == "['en', 'fr', 'ar', 'es']\n"
    assert load(more, "print(settings.WAGTAIL_CONTENT_LANGUAGES is settings.LANGUAGES)").stdout == (
        "True\n"
    )


@pytest.mark.parametrize("languages", ["fr,en", "en,de", "en,fr,fr", "en,,fr", "ar"])
def test_languages_that_nobody_prepared_are_refused(languages: str) -> None:
    line = refusal(PRODUCTION | {"PORTAL_LANGUAGES": languages})
    assert line.startswith("PORTAL_LANGUAGES is")
    assert "must begin with en" in line


def test_other_sites_are_asked_about_links_in_production_alone() -> None:
    show = "print(settings.CHECK_OUTSIDE_LINKS)"
    assert load(PRODUCTION, show).stdout == "True\n"
    assert load(PRODUCTION | {"CHECK_OUTSIDE_LINKS": "false"}, show).stdout == "False\n"
    assert "set it to true or false" in refusal(PRODUCTION | {"CHECK_OUTSIDE_LINKS": "maybe"})


def test_who_hears_of_security_holes_is_an_address_or_nobody() -> None:
    show = "print(repr(settings.SECURITY_CONTACT))"
    assert load(PRODUCTION, show).stdout == "''\n"
    mail = {"SECURITY_CONTACT": "mailto:security@foundation.example.org"}
    assert load(PRODUCTION | mail, show).stdout == "'mailto:security@foundation.example.org'\n"
    assert "SECURITY_CONTACT is" in refusal(PRODUCTION | {"SECURITY_CONTACT": "security@x.org"})
