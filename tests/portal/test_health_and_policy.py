"""`/healthz`, and the headers by which a browser protects the reader."""

import json

import pytest
from django.db import OperationalError
from django.test import Client

from core.jobs.models import Worker
from portal import groups, health
from tests.factories.home import make_staff, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]


def answer_of(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get("/healthz")
    assert "no-cache" in answer["Cache-Control"]
    return answer.status_code, json.loads(answer.content)


def test_healthy_without_a_worker_is_said_and_still_serves(client: Client) -> None:
    Worker.objects.all().delete()
    assert answer_of(client) == (200, {"database": "ok", "migrations": "ok", "worker": "none"})


def test_a_database_behind_the_code_is_not_healthy(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "missing_migrations", lambda: [("funding", "0009_later")])
    status, said = answer_of(client)
    assert (status, said["migrations"]) == (503, "missing")


def test_a_database_out_of_reach_is_not_healthy(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(health, "missing_migrations", unreachable)
    status, said = answer_of(client)
    assert (status, said["database"]) == (503, "unreachable")
    assert "refused" not in json.dumps(said)


def test_public_and_member_pages_allow_no_script_and_no_inline_style(client: Client) -> None:
    for address in ("/", "/accounts/login/", "/members/", "/no/such/page/"):
        policy = client.get(address)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "base-uri 'none'" in policy


def test_the_back_office_alone_allows_inline_scripts_and_is_framed_by_nobody_else(
    client: Client,
) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    policy = client.get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "nonce" not in policy  # one nonce would cancel 'unsafe-inline'


def test_every_answer_carries_the_quiet_headers(client: Client) -> None:
    answer = client.get("/")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert not answer.cookies
