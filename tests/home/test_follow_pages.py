"""The pages of following: forms, links, and what strangers get."""

import datetime
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from core.jobs.testing import run_pending_jobs
from home.following import follows
from home.following.subjects import Subject
from home.models import Follow, HomePage, Notice
from tests.factories.home import CountryFactory

pytestmark = pytest.mark.django_db
AMINA = "amina@example.org"
NEWS = Subject("news", "en")
FILLED = {"what": "news:en", "address": AMINA, "often": "at_once"}


@pytest.fixture(autouse=True)
def _on_site(site: HomePage) -> None:
    """Every test stands on a small site."""


def following(address: str = AMINA, subject: Subject = NEWS, **values: Any) -> Follow:
    return Follow.objects.create(
        address=address,
        kind=subject.kind,
        key=subject.key,
        **{"language": "en", "often": "at_once", "confirmed_at": timezone.now(), **values},
    )


def last_mail() -> str:
    run_pending_jobs()
    return str(mail.outbox[-1].body)


def path_in(body: str, part: str) -> str:
    line = next(line for line in body.splitlines() if f"/{part}/" in line)
    return line.split("http://testserver")[-1].strip()


def test_somebody_follows_from_form_to_mail_to_button(client: Client) -> None:
    answer = client.post("/fr/follow/", FILLED, follow=True)
    assert AMINA in answer.content.decode()
    body = last_mail()
    link = path_in(body, "confirm")
    assert link.startswith("/fr/follow/confirm/")

    for _time in range(2):  # a scanner opens it as well
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert Follow.objects.get().confirmed_at is None

    answer = client.post(link, follow=True)
    assert answer.status_code == 200
    assert Follow.objects.get().confirmed_at is not None
    assert client.post(link, follow=True).status_code == 200


def test_somebody_follows_by_the_code(client: Client) -> None:
    page = client.post("/follow/", FILLED, follow=True)
    asked = page.context["asked"]
    code = next(line.strip() for line in last_mail().splitlines() if line.startswith("    "))

    wrong = client.post("/follow/code/", {"asked": asked, "code": "AAAA-AAAA"})
    assert "This code is not right" in wrong.content.decode()
    right = client.post("/follow/code/", {"asked": asked, "code": code}, follow=True)
    assert "It is confirmed" in right.content.decode()
    assert Follow.objects.get().confirmed_at is not None


def test_the_answer_does_not_tell_who_follows(client: Client) -> None:
    following()
    answers = [
        client.post("/follow/", {**FILLED, "address": address}, follow=True)
        for address in (AMINA, "nobody@example.org")
    ]
    known, unknown = (
        answer.content.decode().replace(address, "").replace(answer.context["asked"], "")
        for answer, address in zip(answers, (AMINA, "nobody@example.org"), strict=True)
    )
    assert _without_token(known) == _without_token(unknown)
    assert answers[0].redirect_chain[0][1] == answers[1].redirect_chain[0][1] == 303


def _without_token(page: str) -> str:
    return "\n".join(
        line
        for line in page.splitlines()
        if "csrfmiddlewaretoken" not in line and "asked=" not in line
    )


def test_a_program_that_fills_in_what_nobody_sees_gets_the_answer_and_no_mail(
    client: Client,
) -> None:
    answer = client.post("/follow/", {**FILLED, "homepage": "https://spam.example"}, follow=True)
    assert "Look into your mailbox" in answer.content.decode()
    assert run_pending_jobs() == 0
    assert not Follow.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"address": ""}, "Write your e-mail address."),
        ({"address": "amina"}, "Enter an e-mail address like"),
        ({"address": "a@example.org\r\nBcc: b@example.org"}, "Enter an e-mail address like"),
        ({"what": "pool:no-such-pool"}, "Choose what you want to follow."),
        ({"what": ""}, "Choose what you want to follow."),
        ({"often": "hourly"}, "Choose how often."),
    ],
)
def test_what_is_wrong_with_the_form_is_said_and_the_rest_is_kept(
    client: Client, wrong: dict[str, str], says: str
) -> None:
    page = client.post("/follow/", {**FILLED, **wrong}).content.decode()
    assert says in page
    assert "There is something to correct" in page
    assert not Follow.objects.exists()


def test_nobody_fills_a_mailbox_with_our_mails(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"follow": "100/h/ip,2/h/key", "follow_code": "2/h/key"}
    for _time in range(2):
        assert client.post("/follow/", FILLED).status_code == 303
    refused = client.post("/follow/", {**FILLED, "address": AMINA.upper()})
    assert refused.status_code == 429
    assert refused["Retry-After"] == "3600"
    assert client.post("/follow/", {**FILLED, "address": "b@example.org"}).status_code == 303
    run_pending_jobs()
    assert [message.to[0] for message in mail.outbox].count(AMINA) == 2

    asked = follows.asked_token(AMINA, NEWS)
    for status in (200, 200, 429):
        answer = client.post("/follow/code/", {"asked": asked, "code": "AAAA-AAAA"})
        assert answer.status_code == status


@pytest.mark.parametrize("query", ["?country=MW", "?news=fr", "?pool=nothing", "?topic=x%00y", ""])
def test_a_link_of_another_page_chooses_what_to_follow(client: Client, query: str) -> None:
    CountryFactory(title="Malawi", slug="mw", country="MW")
    page = client.get(f"/follow/{query}")
    assert page.status_code == 200
    chosen = {"?country=MW": "country:MW", "?news=fr": "news:fr", "": "news:en"}
    if query in chosen:
        assert f'<option value="{chosen[query]}" selected>' in page.content.decode()
    else:
        assert " selected>" not in page.content.decode()


def test_the_pages_of_news_and_countries_lead_here(client: Client) -> None:
    page = CountryFactory(title="Malawi", slug="mw", country="MW")
    assert 'href="/follow/?country=MW"' in client.get(page.url).content.decode()
    assert 'href="/fr/follow/?news=fr"' in client.get("/fr/news/").content.decode()


# --- Ended ----------------------------------------------------------------------------------------


def test_opening_the_link_ends_nothing_and_the_button_does(client: Client) -> None:
    following()
    path = follows.stop_path(AMINA, NEWS, "en")
    assert "follows “News in English”" in client.get(path).content.decode()
    client.head(path)
    assert Follow.objects.exists()
    assert "does not follow" in client.post(path).content.decode()
    assert not Follow.objects.exists()
    assert client.post(path).status_code == 200


def test_a_mail_program_ends_it_by_one_click_without_cookie_or_token() -> None:
    following()
    following("else@example.org")
    strict = Client(enforce_csrf_checks=True)
    path = follows.stop_path(AMINA, NEWS, "en")
    assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Follow.objects.get().address == "else@example.org"


def test_all_follows_are_managed_by_the_signed_link_and_only_ones_own(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    mine, other = following(), following("else@example.org")
    second = following(subject=Subject("country", "MW"))
    path = follows.all_path(AMINA)
    with django_assert_max_num_queries(8):
        page = client.get(path).content.decode()
    assert "News in English" in page
    assert "else@example.org" not in page

    client.post(path, {"act": "weekly", "pk": str(mine.pk)})
    mine.refresh_from_db()
    assert mine.often == "weekly"
    for act in ("stop", "weekly"):
        client.post(path, {"act": act, "pk": str(other.pk)})
    other.refresh_from_db()
    assert other.often == "at_once"
    for nonsense in ({}, {"act": "stop", "pk": "x"}, {"act": "x", "pk": "1"}, {"pk": "9" * 30}):
        assert client.post(path, nonsense).status_code == 303
    client.post(path, {"act": "stop", "pk": str(second.pk)})
    assert set(Follow.objects.all()) == {mine, other}
    client.post(path, {"act": "stop_all"})
    assert set(Follow.objects.all()) == {other}
    assert "You follow nothing" in client.get(path).content.decode()


@pytest.mark.parametrize("name", ["follow_confirm", "follow_stop", "follow_all"])
def test_a_link_that_is_cut_says_what_to_do(client: Client, name: str) -> None:
    for method in (client.get, client.post):
        answer = method(reverse(name, args=["x:y:z"]))
        assert answer.status_code == 404
        assert "Copy it from the e-mail as a whole." in answer.content.decode()
    assert client.get("/follow/code/?asked=x").status_code == 404
    assert client.get("/follow/code/").status_code == 404


def test_an_old_link_to_confirm_leads_to_the_form(client: Client) -> None:
    client.post("/follow/", FILLED)
    link = path_in(last_mail(), "confirm")
    follows.tidy(timezone.now() + datetime.timedelta(days=8))
    answer = client.post(link)
    assert answer.status_code == 404
    assert "no longer good" in answer.content.decode()
    assert not Notice.objects.exists()


def test_the_pages_are_no_crawlers_business(client: Client) -> None:
    for path in (follows.all_path(AMINA), follows.stop_path(AMINA, NEWS, "en")):
        answer = client.get(path)
        assert '<meta name="robots" content="noindex">' in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
