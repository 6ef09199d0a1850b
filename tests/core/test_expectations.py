"""What should have gone out is compared with the log, and what is missing can be sent."""

import datetime
from collections.abc import Iterator

import pytest
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.mail import enqueue_mail
from core.mailing import expectations
from core.mailing.expectations import Expected
from core.mailing.models import Delivery, MissingMessage
from core.models import User
from core.refusals import Refusal
from core.transactions import use_case
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
TODAY = datetime.date(2027, 3, 10)
ABOUT = "term:7/lapsed"


class Facts:
    """Stands in for a package: what it owes, and how it sends."""

    def __init__(self) -> None:
        self.due_on = TODAY - datetime.timedelta(days=3)
        self.owes = [ABOUT]
        self.refuses = False

    def find(self, first: datetime.date, last: datetime.date) -> Iterator[Expected]:
        for about in self.owes:
            if first <= self.due_on <= last:
                yield Expected(
                    about, "dues_lapsed", "amina@example.org", "en", self.due_on, self.send
                )

    def send(self) -> None:
        if self.refuses:
            raise Refusal
        enqueue_mail(
            "dues_lapsed", "amina@example.org", "en", {"organisation": "Ministry"}, about=ABOUT
        )


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Facts:
    monkeypatch.setattr(expectations, "_registry", {})
    made = Facts()
    expectations.register("of_the_test", made.find)
    return made


def log(about: str, days_ago: int, **changes: object) -> Delivery:
    at = datetime.datetime.combine(TODAY, datetime.time(12), datetime.UTC)
    return Delivery.objects.create(
        template="dues_lapsed",
        about=about,
        message_id=f"<{Delivery.objects.count()}>",
        queued_at=at - datetime.timedelta(days=days_ago),
        **changes,
    )


@pytest.fixture
def old_log() -> Delivery:
    return log("something:else", 300)


def missing() -> list[str]:
    return list(MissingMessage.objects.values_list("about", flat=True))


def test_what_is_owed_and_not_in_the_log_is_missing_once(facts: Facts, old_log: Delivery) -> None:
    for _twice in range(2):
        assert expectations.compare(TODAY) == 1
    row = MissingMessage.objects.get()
    assert (row.about, row.template, row.due_on) == (ABOUT, "dues_lapsed", facts.due_on)


@pytest.mark.parametrize(
    "days_ago, is_missing", [(2, False), (3, False), (4, True)], ids=["after", "that day", "before"]
)
def test_a_message_about_it_since_it_fell_due_is_enough(
    facts: Facts, old_log: Delivery, days_ago: int, is_missing: bool
) -> None:
    log(ABOUT, days_ago)
    expectations.compare(TODAY)
    assert missing() == ([ABOUT] if is_missing else [])


def test_a_test_send_is_not_enough(facts: Facts, old_log: Delivery) -> None:
    log(ABOUT, 2, is_test=True)
    expectations.compare(TODAY)
    assert missing() == [ABOUT]


def test_what_fell_due_today_is_not_missing_yet(facts: Facts, old_log: Delivery) -> None:
    facts.due_on = TODAY
    assert expectations.compare(TODAY) == 0


def test_what_happened_before_the_log_began_is_not_compared(facts: Facts) -> None:
    assert expectations.compare(TODAY) == 0
    log("something:else", 3)
    assert expectations.compare(TODAY) == 0
    Delivery.objects.all().delete()
    log("something:else", 4)
    assert expectations.compare(TODAY) == 1


def test_what_is_long_ago_is_not_found_anew_but_stays_in_sight(
    facts: Facts, old_log: Delivery
) -> None:
    facts.due_on = TODAY - datetime.timedelta(days=32)
    assert expectations.compare(TODAY) == 0

    assert expectations.compare(TODAY - datetime.timedelta(days=2)) == 1
    assert expectations.compare(TODAY + datetime.timedelta(days=60)) == 1


def test_what_is_owed_no_more_is_struck_out(facts: Facts, old_log: Delivery) -> None:
    expectations.compare(TODAY)
    facts.owes = []
    expectations.compare(TODAY)
    assert missing() == []


def test_one_that_goes_wrong_hides_none_of_the_others(facts: Facts, old_log: Delivery) -> None:
    def wrong(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
        raise ZeroDivisionError
        yield

    expectations.register("wrong", wrong)
    MissingMessage.objects.create(
        expectation="wrong", about="x:1", template="x", due_on=facts.due_on
    )
    expectations.compare(TODAY)
    assert sorted(missing()) == [ABOUT, "x:1"]


def test_a_name_is_registered_once(facts: Facts) -> None:
    expectations.register("of_the_test", facts.find)
    with pytest.raises(ValueError, match="of_the_test"):
        expectations.register("of_the_test", Facts().find)


# --- Sending --------------------------------------------------------------------------------------


@pytest.fixture
def row(facts: Facts, old_log: Delivery) -> MissingMessage:
    facts.due_on = timezone.localdate() - datetime.timedelta(days=3)
    expectations.compare()
    return MissingMessage.objects.get()


@pytest.fixture
def officer() -> User:
    return UserFactory()


def test_sending_does_what_should_have_been_done_and_says_who_did(
    row: MissingMessage, officer: User
) -> None:
    expectations.send_missing(row.pk, by=officer)

    sent = Delivery.objects.get(about=ABOUT)
    assert missing() == []
    entry = ModelLogEntry.objects.get(action="core.send_missing")
    assert (entry.user, entry.object_id) == (officer, str(sent.pk))
    with pytest.raises(expectations.NoLongerMissing):
        expectations.send_missing(row.pk, by=officer)
    assert Delivery.objects.filter(about=ABOUT).count() == 1


def test_what_went_out_meanwhile_is_not_sent_twice(row: MissingMessage, officer: User) -> None:
    with use_case():
        enqueue_mail("dues_lapsed", "amina@example.org", "en", {}, about=ABOUT)
    with pytest.raises(expectations.NoLongerMissing):
        expectations.send_missing(row.pk, by=officer)
    assert Delivery.objects.filter(about=ABOUT).count() == 1
    assert missing() == []


def test_what_is_refused_stays_missing(facts: Facts, row: MissingMessage, officer: User) -> None:
    facts.refuses = True
    with pytest.raises(Refusal):
        expectations.send_missing(row.pk, by=officer)
    assert missing() == [ABOUT]
