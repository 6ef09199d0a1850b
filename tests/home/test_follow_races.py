"""Following and searching when several things happen at the same moment."""

import datetime
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from wagtail.contrib.search_promotions.models import Query

from core.mailing.models import Delivery
from home.following import changes, follows, letters
from home.following.subjects import Subject
from home.models import Follow, Notice
from home.searching import asking, picks, upkeep
from tests.factories.home import NewsFactory, make_site
from tests.races import together

AMINA = "amina@example.org"
NEWS = Subject("news", "en")

pytestmark = pytest.mark.usefixtures("committed_db")


def follow(number: int = 0, often: str = "at_once") -> Follow:
    return Follow.objects.create(
        address=f"person{number}@example.org",
        kind="news",
        key="en",
        language="en",
        often=often,
        confirmed_at=timezone.now() - datetime.timedelta(hours=1),
    )


def faults(results: list[Any]) -> list[Any]:
    return [result for result in results if isinstance(result, Exception)]


def test_asked_and_confirmed_at_once_it_is_one_follow() -> None:
    make_site()

    def ask() -> None:
        follows.ask(AMINA, NEWS, often="at_once", language="en")

    assert faults(together(ask, ask, ask)) == []
    row = Follow.objects.get()
    token = follows._dumps(follows._CONFIRM, row.pk, AMINA)
    confirmed = together(*[lambda: follows.confirm_by_link(token)] * 3)
    assert faults(confirmed) == []
    assert len({each.confirmed_at for each in confirmed}) == 1
    stop = follows.stop_path(AMINA, NEWS, "en").split("/")[-2]
    assert faults(together(lambda: follows.stop(stop), lambda: follows.stop(stop), ask)) == []


def test_two_workers_tell_each_follower_once() -> None:
    make_site()
    for number in range(5):
        follow(number, "weekly" if number > 2 else "at_once")
    for number in range(3):
        NewsFactory(title=f"News {number}", slug=f"n{number}", date=timezone.localdate())

    assert faults(together(changes.tell, changes.tell, changes.tell)) == []
    assert Notice.objects.count() == 15
    assert faults(together(letters.send_at_once, letters.send_at_once)) == []
    letters.send_at_once()
    assert faults(together(letters.send_digests, letters.send_digests)) == []
    letters.send_digests()
    assert Delivery.objects.filter(template="follow_change").count() == 9
    assert Delivery.objects.filter(template="follow_digest").count() == 2
    assert len(set(Delivery.objects.values_list("about", flat=True))) == 11
    assert DBTaskResult.objects.exists()


def test_the_search_is_rebuilt_twice_at_once() -> None:
    make_site()
    counts = together(upkeep.rebuild, upkeep.rebuild)
    assert faults(counts) == []
    assert counts[0] == counts[1]


def test_a_query_is_counted_by_many_at_once() -> None:
    assert faults(together(*[lambda: picks.count("Zebrafish")] * 6)) == []
    assert Query.objects.get().hits == 6


def test_the_limit_of_time_ends_with_the_search() -> None:
    make_site()
    upkeep.rebuild()
    before = asking._rows("SHOW statement_timeout", [])
    assert asking.Search(asking.Asked(q="medicine"), "en").total
    assert asking._rows("SHOW statement_timeout", []) == before
