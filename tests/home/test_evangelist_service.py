"""A year at a time: who serves on a day, who is reminded, who returns."""

import datetime

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from wagtail.models import ModelLogEntry

from core.mailing import expectations
from core.models import User
from home.evangelists import confirming, service
from home.evangelists.refusals import (
    AlreadyAsked,
    NothingToDecide,
    NotToDecide,
    NotYours,
    OwnReturn,
    ReasonMissing,
    TermsChanged,
    TermsNotAccepted,
)
from home.evangelists.service import Status
from home.models import Confirmation, ConfirmationNotice, EvangelistPage, HomePage, TermsAcceptance
from membership import agreements
from membership.models import Agreement, AgreementVersion
from portal import groups
from tests.factories.evangelists import (
    a_person,
    evangelist_of,
    letters_to,
    serving,
    terms_version,
)
from tests.factories.home import make_staff, sign_in

day = datetime.date


def at(when: datetime.date) -> time_machine.travel:
    noon = datetime.datetime.combine(when, datetime.time(12), datetime.UTC)
    return time_machine.travel(noon, tick=False)


def person_of(page: EvangelistPage) -> User:
    assert page.person is not None
    return page.person


# --- Which day is which ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confirmed", "on", "status", "until"),
    [
        (day(2026, 3, 10), day(2026, 3, 10), Status.CURRENT, day(2027, 3, 9)),
        (day(2026, 3, 10), day(2027, 3, 9), Status.CURRENT, day(2027, 3, 9)),
        (day(2026, 3, 10), day(2027, 3, 10), Status.ALUMNUS, day(2027, 3, 9)),
        (day(2026, 1, 1), day(2026, 12, 31), Status.CURRENT, day(2026, 12, 31)),
        (day(2026, 1, 1), day(2027, 1, 1), Status.ALUMNUS, day(2026, 12, 31)),
        # A leap day within the year, at its end, and as its beginning.
        (day(2027, 3, 1), day(2028, 2, 29), Status.CURRENT, day(2028, 2, 29)),
        (day(2027, 3, 1), day(2028, 3, 1), Status.ALUMNUS, day(2028, 2, 29)),
        (day(2027, 2, 28), day(2028, 2, 27), Status.CURRENT, day(2028, 2, 27)),
        (day(2027, 2, 28), day(2028, 2, 28), Status.ALUMNUS, day(2028, 2, 27)),
        (day(2028, 2, 29), day(2029, 2, 28), Status.CURRENT, day(2029, 2, 28)),
        (day(2028, 2, 29), day(2029, 3, 1), Status.ALUMNUS, day(2029, 2, 28)),
        (day(2099, 2, 28), day(2100, 2, 27), Status.CURRENT, day(2100, 2, 27)),
    ],
)
def test_a_word_counts_for_a_year(
    confirmed: datetime.date, on: datetime.date, status: Status, until: datetime.date
) -> None:
    found = service.on_days(confirmed, confirmed, on)
    assert (found.status, found.until) == (status, until)


def test_without_a_word_there_is_no_service() -> None:
    assert service.on_days(None, None, day(2026, 1, 1)).status == Status.NONE


@pytest.mark.parametrize(
    ("days", "spans"),
    [
        ([day(2024, 5, 1)], [(day(2024, 5, 1), day(2025, 4, 30))]),
        # Early, on the very next day, and after a gap of one day.
        ([day(2024, 5, 1), day(2024, 9, 1)], [(day(2024, 5, 1), day(2025, 8, 31))]),
        ([day(2024, 5, 1), day(2025, 5, 1)], [(day(2024, 5, 1), day(2026, 4, 30))]),
        (
            [day(2025, 5, 2), day(2024, 5, 1)],
            [(day(2024, 5, 1), day(2025, 4, 30)), (day(2025, 5, 2), day(2026, 5, 1))],
        ),
        ([], []),
    ],
)
def test_years_without_a_gap_are_one_period(
    days: list[datetime.date], spans: list[tuple[datetime.date, datetime.date]]
) -> None:
    rows = [Confirmation(counts_from=each) for each in days]
    assert service.periods([*rows, Confirmation(counts_from=None)]) == spans


@pytest.mark.parametrize(
    ("on", "kind"),
    [
        (day(2027, 2, 6), None),
        (day(2027, 2, 7), "soon"),
        (day(2027, 3, 8), "soon"),
        (day(2027, 3, 9), "last_day"),
        (day(2027, 3, 10), "ended"),
        (day(2027, 4, 9), "ended"),
        (day(2027, 4, 10), None),
    ],
)
def test_each_day_asks_for_one_letter_at_most(on: datetime.date, kind: str | None) -> None:
    assert confirming.kind_on(day(2027, 3, 9), on) == kind


# --- The yearly word ------------------------------------------------------------------------------


def test_one_button_renews_for_a_year_and_twice_on_a_day_is_once(
    site: HomePage, client: Client
) -> None:
    with at(day(2026, 11, 28)):
        page = serving(days=(day(2026, 1, 10),))
        version = terms_version()
        sign_in(client, person_of(page))
        shown = client.get("/account/evangelist/service/").content.decode()
        assert "counts until 9 January 2027" in shown

        without = client.post("/account/evangelist/service/confirm/", {"version": version})
        assert "Tick the box to go on." in without.content.decode()
        for _time in range(2):
            client.post(
                "/account/evangelist/service/confirm/", {"version": version, "accepts": "on"}
            )

        assert evangelist_of(page).confirmations.count() == 2
        shown = client.get("/account/evangelist/service/").content.decode()
        assert "counts until 27 November 2027" in shown
        assert TermsAcceptance.objects.get(person=page.person).version_id == version
        # The terms were accepted: no box any more.
        assert 'name="accepts"' not in shown


def test_a_newer_version_of_the_terms_is_accepted_by_its_own_number(site: HomePage) -> None:
    page = serving()
    old = terms_version()
    confirming.confirm(evangelist_of(page), by=person_of(page), version_id=old)
    newer = AgreementVersion.objects.create(
        agreement=Agreement.objects.get(code="evangelist-terms"),
        label="2.0",
        text="New words.",
        effective_from=datetime.date.today(),
    )
    agreements.publish(newer, by=make_staff(groups.MEMBERSHIP_OFFICERS))

    with pytest.raises(TermsNotAccepted):
        confirming.confirm(evangelist_of(page), by=person_of(page))
    with pytest.raises(TermsChanged):
        confirming.confirm(evangelist_of(page), by=person_of(page), version_id=old)
    confirming.confirm(evangelist_of(page), by=person_of(page), version_id=newer.pk)
    assert person_of(page).evangelist_terms.count() == 2


def test_nobody_confirms_for_somebody_else(site: HomePage, client: Client) -> None:
    page = serving()
    with pytest.raises(NotYours):
        confirming.confirm(evangelist_of(page), by=a_person(), version_id=terms_version())
    sign_in(client, a_person())
    assert client.get("/account/evangelist/service/").status_code == 404
    assert client.post("/account/evangelist/service/confirm/").status_code == 404


# --- Letters --------------------------------------------------------------------------------------


def test_reminders_come_once_each_and_name_the_day(site: HomePage) -> None:
    person = a_person("alice@example.org", preferred_language="en")
    page = serving(person=person, days=(day(2026, 3, 10),))
    for on, letters in [
        (day(2027, 2, 6), 0),
        (day(2027, 2, 7), 1),
        (day(2027, 2, 8), 1),
        (day(2027, 3, 9), 2),
        (day(2027, 3, 10), 3),
        (day(2027, 3, 20), 3),
    ]:
        with at(on):
            confirming.remind()
            assert len(letters_to("alice@example.org")) == letters, on
    subjects = [letter.subject for letter in letters_to("alice@example.org")]
    assert subjects == [
        "Are you still an evangelist of OpenLMIS after 9 March 2027?",
        "Are you still an evangelist of OpenLMIS after 9 March 2027?",
        "You are now an alumnus or alumna of the OpenLMIS evangelists",
    ]
    # Whoever ends is an alumnus by the day alone: the letters write nothing of it.
    assert not Confirmation.objects.filter(evangelist=page.evangelist).exclude(
        counts_from=day(2026, 3, 10)
    )


def test_whoever_confirmed_or_has_no_open_account_gets_no_letter(site: HomePage) -> None:
    serving(days=(day(2026, 3, 10), day(2027, 2, 1)))
    serving(person=a_person(is_active=False), days=(day(2026, 3, 10),))
    serving(person=None, days=(day(2026, 3, 10),))
    with at(day(2027, 3, 9)):
        assert confirming.remind() == 0


def test_a_letter_that_did_not_go_out_is_missed_and_sent_by_staff(site: HomePage) -> None:
    from home.evangelists.expectations import reminders

    with at(day(2027, 2, 1)):
        page = serving(days=(day(2026, 3, 10),))
    with at(day(2027, 2, 20)):
        (owed,) = reminders(day(2027, 2, 1), day(2027, 2, 19))
        assert owed.due_on == day(2027, 2, 7)
        assert expectations._not_in_the_log([owed]) == [owed]
        confirming.remind()
        assert expectations._not_in_the_log([owed]) == []
        assert owed.about == f"evangelist:{evangelist_of(page).pk}/soon/{_newest(page).pk}"


def _newest(page: EvangelistPage) -> Confirmation:
    found = confirming.newest(evangelist_of(page))
    assert found is not None
    return found


# --- Alumni and their return ----------------------------------------------------------------------


def alumnus() -> EvangelistPage:
    return serving(days=(day(2024, 3, 10),))


def test_an_alumnus_keeps_the_page_with_dates_and_takes_no_messages(
    site: HomePage, client: Client
) -> None:
    page = alumnus()
    shown = client.get(page.url).content.decode()
    assert "Was an evangelist from 10 March 2024 to 9 March 2025." in shown
    assert "Alumni" in shown
    assert "/write/" not in shown
    assert "takes no messages" in client.get(f"/evangelists/{page.slug}/write/").content.decode()
    certificate = client.get(f"/evangelists/certificate/{evangelist_of(page).code}/")
    assert "the service ended on 9 March 2025" in certificate.content.decode()


def test_a_return_counts_once_staff_agree(site: HomePage) -> None:
    page = alumnus()
    asked = confirming.confirm(evangelist_of(page), by=person_of(page), version_id=terms_version())
    assert asked.counts_from is None
    assert service.of(evangelist_of(page)).is_alumnus
    with pytest.raises(AlreadyAsked):
        confirming.confirm(evangelist_of(page), by=person_of(page))

    confirming.approve_return(asked, by=make_staff(groups.MODERATORS))

    assert service.of(evangelist_of(page)).is_current
    (letter,) = letters_to(person_of(page).email)
    assert letter.subject == "You are an evangelist of OpenLMIS"
    with pytest.raises(NothingToDecide):
        confirming.approve_return(asked, by=make_staff(groups.MODERATORS))


def test_a_return_is_declined_with_a_reason_and_can_be_asked_for_again(site: HomePage) -> None:
    page = alumnus()
    asked = confirming.confirm(evangelist_of(page), by=person_of(page), version_id=terms_version())
    bob = make_staff(groups.MODERATORS)
    with pytest.raises(ReasonMissing):
        confirming.decline_return(asked, by=bob, reason=" ")
    confirming.decline_return(asked, by=bob, reason="Talk to us first.")
    (letter,) = letters_to(person_of(page).email)
    assert "Talk to us first." in letter.body
    assert service.of(evangelist_of(page)).is_alumnus
    assert confirming.confirm(evangelist_of(page), by=person_of(page)).asks_staff


def test_nobody_without_the_right_decides_and_nobody_about_themself(site: HomePage) -> None:
    page = serving(days=(day(2024, 3, 10),), person=make_staff(groups.MODERATORS))
    asked = confirming.confirm(evangelist_of(page), by=person_of(page), version_id=terms_version())
    with pytest.raises(OwnReturn):
        confirming.approve_return(asked, by=person_of(page))
    with pytest.raises(NotToDecide):
        confirming.approve_return(asked, by=make_staff(groups.EDITORS))
    # The database holds it too.
    with pytest.raises(IntegrityError), transaction.atomic():
        Confirmation.objects.filter(pk=asked.pk).update(
            decided_by=page.person, decided_at=asked.made_at, counts_from=day(2026, 1, 1)
        )


def test_the_log_says_who_confirmed_and_who_agreed(site: HomePage) -> None:
    page = alumnus()
    asked = confirming.confirm(evangelist_of(page), by=person_of(page), version_id=terms_version())
    bob = make_staff(groups.MODERATORS)
    confirming.approve_return(asked, by=bob)
    acts = {(entry.action, entry.user) for entry in ModelLogEntry.objects.all()}
    assert {("home.ask_to_return", page.person), ("home.approve_return", bob)} <= acts


def test_notices_are_once_by_the_database(site: HomePage) -> None:
    page = serving()
    ConfirmationNotice.objects.create(confirmation=_newest(page), kind="soon")
    with pytest.raises(IntegrityError), transaction.atomic():
        ConfirmationNotice.objects.create(confirmation=_newest(page), kind="soon")


# --- A page and its service -----------------------------------------------------------------------


def test_a_page_made_by_hand_has_a_service_the_same_in_every_language(site: HomePage) -> None:
    page = serving()
    pages = EvangelistPage.objects.filter(translation_key=page.translation_key)
    assert pages.count() == 3
    assert {each.evangelist_id for each in pages} == {evangelist_of(page).pk}
    other = serving()
    assert other.evangelist_id != page.evangelist_id


def test_an_old_version_of_a_page_does_not_lose_its_service(site: HomePage) -> None:
    page = serving()
    revision = page.latest_revision
    revision.content = {**revision.content, "evangelist": None}
    revision.save()
    revision.publish()
    assert EvangelistPage.objects.get(pk=page.pk).evangelist_id == page.evangelist_id
