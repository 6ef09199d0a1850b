"""Following: asked for, confirmed, told of what happened once, ended."""

import datetime
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from wagtail.models import PageViewRestriction

from core.jobs.testing import run_pending_jobs
from core.mailing.models import DeadAddress, Delivery
from core.transactions import use_case
from funding.ledger.periods import close_month
from home.following import changes, follows, letters
from home.following.refusals import CodeIsWrong, FollowLinkIsOld, FollowLinkIsWrong
from home.following.subjects import Subject
from home.models import Change, Follow, HomePage, NewsIndexPage, NewsPage, Notice, PoolIndexPage
from home.models.pools import PoolPage
from portal.site_tree import plant
from tests.factories.home import CountryFactory, NewsFactory
from tests.factories.ledger import gift_entry, post_now
from tests.factories.membership import make_officer
from tests.factories.pools import open_pool

pytestmark = pytest.mark.django_db
NEWS = Subject("news", "en")
AMINA = "amina@example.org"


@pytest.fixture(autouse=True)
def _on_site(site: HomePage) -> None:
    """Every test stands on a small site."""


def ask(address: str = AMINA, subject: Subject = NEWS, **values: Any) -> None:
    follows.ask(address, subject, **{"often": "at_once", "language": "en", **values})


def following(address: str = AMINA, subject: Subject = NEWS, **values: Any) -> Follow:
    """A follow that was confirmed an hour ago."""
    return Follow.objects.create(
        **{
            "address": address,
            "kind": subject.kind,
            "key": subject.key,
            "language": "en",
            "often": Follow.Often.AT_ONCE,
            "confirmed_at": timezone.now() - datetime.timedelta(hours=1),
            **values,
        }
    )


def news(title: str = "Zebrafish", french: str = "", **values: Any) -> NewsPage:
    index = NewsIndexPage.objects.get(locale__language_code="en")
    page = NewsPage(slug=title.lower().replace(" ", "-"), date=timezone.localdate(), **values)
    spoken = {"en": {"title": title, "summary": "What happened."}}
    with use_case():
        return plant(index, page, spoken | ({"fr": {"title": french}} if french else {}))


def told() -> list[tuple[str, str]]:
    """Who is sent what by the jobs, in order of addresses."""
    before = len(mail.outbox)
    changes.tell()
    letters.send_at_once()
    run_pending_jobs()
    return sorted((message.to[0], message.subject) for message in mail.outbox[before:])


def sent() -> Any:
    run_pending_jobs()
    return mail.outbox[-1]


def code_in(body: str) -> str:
    return next(line.strip() for line in body.splitlines() if line.startswith("    "))


def link_in(body: str, part: str) -> str:
    line = next(line for line in body.splitlines() if f"/{part}/" in line)
    return line.split("http://testserver")[-1].strip()


def token_in(body: str, part: str) -> str:
    return link_in(body, part).split("/")[-2]


# --- Asked and confirmed --------------------------------------------------------------------------


def test_nothing_counts_before_the_mailbox_confirms_by_link() -> None:
    ask(" Amina@Example.org ")
    news()
    assert told() == [(AMINA, "Confirm that you want to follow: News in English")]

    token = token_in(mail.outbox[-1].body, "confirm")
    assert follows.by_link(token).confirmed_at is None
    first = follows.confirm_by_link(token).confirmed_at
    again = follows.confirm_by_link(token)
    assert first is not None
    assert again.confirmed_at == first
    assert again.code_hash == ""


def test_the_code_of_the_newest_mail_confirms_and_no_other() -> None:
    ask()
    old = code_in(sent().body)
    ask()
    new = code_in(sent().body)
    asked = follows.asked_token(AMINA, NEWS)
    for wrong in (old, "", "AAAA-AAAA", new[:-1]):
        with pytest.raises(CodeIsWrong):
            follows.confirm_by_code(asked, wrong)

    follows.confirm_by_code(asked, f" {new.lower().replace('-', ' ')} ")
    assert Follow.objects.get().confirmed_at is not None
    with pytest.raises(CodeIsWrong):
        follows.confirm_by_code(asked, new)
    with pytest.raises(CodeIsWrong):
        follows.confirm_by_code(asked, "")


def test_a_code_confirms_what_it_was_sent_for_alone() -> None:
    ask()
    code = code_in(sent().body)
    ask(subject=Subject("country", "MW"))
    for other in (
        follows.asked_token(AMINA, Subject("country", "MW")),
        follows.asked_token("else@example.org", NEWS),
    ):
        with pytest.raises(CodeIsWrong):
            follows.confirm_by_code(other, code)


@pytest.mark.parametrize("token", ["", "x", "WzFd:1aaaaa:xyz"])
def test_a_forged_or_cut_link_opens_nothing(token: str) -> None:
    follow = following()
    others = [follows.asked_token(AMINA, NEWS), follows.all_path(AMINA).split("/")[-2]]
    for text in (token, *others):
        for opened in (follows.by_link, follows.confirm_by_link, follows.stop):
            with pytest.raises(FollowLinkIsWrong):
                opened(text)
    with pytest.raises(FollowLinkIsWrong):
        follows.read_all(follows.stop_path(AMINA, NEWS, "en").split("/")[-2])
    assert Follow.objects.get() == follow


def test_an_old_link_does_not_bring_back_what_was_ended() -> None:
    ask()
    token = token_in(sent().body, "confirm")
    follows.confirm_by_link(token)
    follows.stop_all(AMINA)
    with pytest.raises(FollowLinkIsOld):
        follows.confirm_by_link(token)
    assert not Follow.objects.exists()


def test_who_follows_already_is_told_so_and_nothing_changes() -> None:
    follow = following(often=Follow.Often.WEEKLY)
    ask(often="at_once", language="fr")
    message = sent()
    assert message.subject == "You follow this already: News in English"
    assert link_in(message.body, "follow/all") == follows.all_path(AMINA)
    follow.refresh_from_db()
    assert (follow.often, follow.language) == ("weekly", "en")


def test_a_dead_address_is_asked_nothing_and_loses_what_it_follows() -> None:
    following()
    DeadAddress.objects.create(address=AMINA, why="bounced")
    ask(subject=Subject("country", "MW"))
    news()
    assert told() == []
    follows.tidy()
    assert not Follow.objects.exists()


def test_what_nobody_confirms_in_a_week_is_deleted() -> None:
    ask()
    following("else@example.org")
    now = timezone.now()
    follows.tidy(now + datetime.timedelta(days=6))
    assert Follow.objects.count() == 2
    follows.tidy(now + datetime.timedelta(days=8))
    assert Follow.objects.get().address == "else@example.org"


def test_the_database_holds_what_a_follow_is() -> None:
    following()
    for wrong in (
        {"address": AMINA},
        {"address": "b@example.org", "kind": "weather"},
        {"address": "c@example.org", "often": "hourly"},
        {"address": "d@example.org", "code_hash": "x"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            following(**wrong)


def test_a_mail_to_confirm_holds_its_code_out_of_the_log() -> None:
    ask()
    assert Delivery.objects.get().context is None


# --- Told of news ---------------------------------------------------------------------------------


def test_news_are_told_once_with_a_way_to_end_it() -> None:
    follow = following()
    page = news()

    assert told() == [(AMINA, "Zebrafish")]
    body = mail.outbox[-1].body
    assert "What happened." in body
    assert f"http://testserver{page.url}" in body
    headers = mail.outbox[-1].extra_headers
    stop = follows.stop_path(AMINA, NEWS, "en")
    assert headers["List-Unsubscribe"] == f"<http://testserver{stop}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert stop in body
    assert Delivery.objects.get().about == f"follow:{follow.pk}/news:{page.translation_key}"

    assert told() == []
    page.title = "Zebrafish, corrected"
    page.save_revision().publish()
    NewsPage.objects.get(pk=page.pk).unpublish()
    page.save_revision().publish()
    assert told() == []


def test_drafts_closed_pages_and_archives_are_not_told() -> None:
    following()
    NewsFactory(title="A draft", slug="draft", live=False)
    NewsFactory(title="An archive", slug="archive", date=datetime.date(2019, 1, 1))
    closed = NewsFactory(title="Closed", slug="closed", date=timezone.localdate())
    PageViewRestriction.objects.create(page=closed, restriction_type=PageViewRestriction.LOGIN)
    assert told() == []


def test_what_happened_before_somebody_followed_is_not_told() -> None:
    news()
    following(confirmed_at=timezone.now())
    assert told() == []


def test_news_of_a_language_come_in_that_language_alone() -> None:
    following(subject=Subject("news", "fr"), language="fr")
    following("else@example.org")
    news("Only English")
    assert told() == [("else@example.org", "Only English")]
    news("Both", "Les deux")
    assert told() == [(AMINA, "Les deux"), ("else@example.org", "Both")]


def test_followers_of_a_pool_read_their_language_or_the_original_and_one_mail() -> None:
    pool = open_pool().pool
    subject = Subject("pool", pool.code)
    following(subject=subject, language="fr")
    following(AMINA)  # follows the news as well: one mail all the same
    following("else@example.org", subject)
    following("third@example.org", Subject("pool", "another"))
    untranslated = news("Only English", pools=[pool])
    translated = news("Both", "Les deux", pools=[pool])

    assert told() == [
        (AMINA, "Both"),
        (AMINA, "Only English"),
        ("else@example.org", "Both"),
        ("else@example.org", "Only English"),
    ]
    assert untranslated.url in mail.outbox[0].body
    assert Notice.objects.filter(subject=f"news:{translated.translation_key}").count() == 2


def test_a_reader_of_french_gets_the_french_text_of_a_pools_news() -> None:
    pool = open_pool().pool
    following(subject=Subject("pool", pool.code), language="fr")
    news("Both", "Les deux", pools=[pool])
    assert told() == [(AMINA, "Les deux")]
    assert "http://testserver/fr/news/" in mail.outbox[-1].body
    news("Alone", pools=[pool])
    assert told() == [(AMINA, "Alone")]
    assert "http://testserver/fr/news/alone/" in mail.outbox[-1].body


# --- Told of countries and pools ------------------------------------------------------------------


def test_a_country_is_told_once_a_day_however_often_it_is_saved() -> None:
    following(subject=Subject("country", "MW"))
    following("else@example.org", Subject("country", "TZ"))
    page = CountryFactory(title="Malawi", slug="mw", country="MW")
    expected = (AMINA, "Malawi: the page about OpenLMIS there has changed")
    assert told() == [expected]
    page.save_revision().publish()
    assert told() == []


def a_pool(code: str, **values: Any) -> Any:
    profile = open_pool(code, **values)
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        plant(index, PoolPage(slug=code, pool=profile.pool), {"en": {"title": "Cold chain"}})
    return profile


def test_milestones_of_a_goal_are_told_once_and_a_leap_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = a_pool("cold", goal=100_000)
    type(profile).objects.filter(pk=profile.pk).update(live=True, goal=100_000)
    following(subject=Subject("pool", "cold"))

    def received(amount: int) -> list[str]:
        figures = {(profile.pool_id, "USD"): {"received": amount}}
        monkeypatch.setattr(changes.books, "figures_of_all_pools", lambda: figures)
        return [subject for _address, subject in told()]

    assert received(24_999) == []
    (half,) = received(60_000)
    assert half.startswith("Cold chain: 50 % of its goal of ")
    assert received(60_000) == []
    assert received(10_000) == []
    assert received(60_000) == []
    assert received(100_000)[0].startswith("Cold chain: 100 % of its goal")


def test_a_closed_month_is_told_to_those_who_follow_a_pool_that_moved(
    client: Client,
) -> None:
    moved, still = a_pool("cold"), a_pool("still")
    following(subject=Subject("pool", moved.code), language="fr")
    following("else@example.org", Subject("pool", still.code))
    month = (timezone.localdate().replace(day=1) - datetime.timedelta(days=1)).replace(day=1)
    post_now(gift_entry(moved.pool, date=month))
    with use_case():
        period = close_month(month, by=make_officer(), reason="All is in")

    ((address, subject),) = told()
    assert address == AMINA
    assert "Cold chain" in subject
    statement = f"/fr/pools/cold/statements/{month:%Y-%m}/"
    assert f"http://testserver{statement}" in mail.outbox[-1].body
    assert client.get(statement).status_code == 200
    assert Change.objects.get(about=f"month:cold:{month:%Y-%m}").happened_at == period.closed_at
    assert told() == []


# --- Weekly ---------------------------------------------------------------------------------------


def digests() -> list[Any]:
    before = len(mail.outbox)
    letters.send_digests()
    run_pending_jobs()
    return mail.outbox[before:]


def test_a_week_comes_in_one_mail_once() -> None:
    following(often=Follow.Often.WEEKLY)
    following("else@example.org", often=Follow.Often.WEEKLY)
    news("First")
    news("Second")
    assert told() == []

    found = digests()
    assert sorted(message.to[0] for message in found) == [AMINA, "else@example.org"]
    assert "* First (News in English)" in found[0].body
    assert "* Second (News in English)" in found[0].body
    assert "List-Unsubscribe" in found[0].extra_headers
    assert digests() == []

    follows.stop(found[0].extra_headers["List-Unsubscribe"].split("/")[-2])
    assert Follow.objects.get().address == found[1].to[0]


def test_what_was_taken_down_since_is_not_told() -> None:
    following(often="weekly")
    page = news("Published by mistake")
    changes.tell()
    page.unpublish()
    assert digests() == []
    assert not Notice.objects.exists()


def test_who_changes_to_at_once_hears_what_waited() -> None:
    follow = following(often=Follow.Often.WEEKLY)
    news()
    assert told() == []
    follows.change(AMINA, follow.pk, "at_once")
    assert told() == [(AMINA, "Zebrafish")]
    assert digests() == []


def test_who_ended_it_hears_nothing_of_what_waited() -> None:
    following(often=Follow.Often.WEEKLY)
    news()
    changes.tell()
    follows.stop(follows.stop_path(AMINA, NEWS, "en").split("/")[-2])
    assert digests() == []
    assert not Notice.objects.exists()


def test_what_was_told_long_ago_is_deleted() -> None:
    following()
    news()
    told()
    changes.tidy(timezone.now() + datetime.timedelta(days=401))
    assert not Change.objects.exists()
    assert not Notice.objects.exists()
