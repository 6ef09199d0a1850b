"""Two people bring the same feed at the same time."""

from home.models import ImportedNews
from home.news_import import importing
from portal import groups
from tests.conftest import CommittedDatabase
from tests.factories.home import make_site, make_staff
from tests.races import together

RSS = (
    b'<rss version="2.0"><channel><title>T</title><item><title>One</title>'
    b"<guid>g-1</guid><description>Words</description></item></channel></rss>"
)


def test_two_who_bring_the_same_feed_at_once_bring_it_once(
    committed_db: CommittedDatabase,
) -> None:
    make_site()
    people = [make_staff(groups.EDITORS), make_staff(groups.EDITORS)]

    def bring(number: int) -> int:
        made = importing.bring(
            RSS,
            "feed",
            language="en",
            source="a test",
            chosen=frozenset({1}),
            by=people[number],
        )
        return len(made)

    outcomes = together(lambda: bring(0), lambda: bring(1))

    assert sorted(outcomes) == [0, 1]
    assert ImportedNews.objects.count() == 1
