"""A draft shared with a colleague: Alice applies, Ben writes with her, Charlie is a stranger."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from core.jobs.testing import run_pending_jobs
from core.models import User
from funding.ledger.models import Pool
from membership import applications, sharing
from membership.applications import Answers
from membership.models import Application, Share
from membership.refusals import (
    AlreadyShared,
    NoSuchShare,
    SavedMeanwhile,
    SharedWithYourself,
    TooManyShares,
    WrongStep,
)
from tests.factories.membership import draft_application, submitted_application
from tests.factories.pools import make_person
from tests.look.html import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(foundation: Pool) -> User:
    return make_person("alice@example.org", first_name="Alice")


@pytest.fixture
def ben(foundation: Pool) -> User:
    return make_person("ben@example.org", first_name="Ben")


@pytest.fixture
def draft(alice: User) -> Application:
    return draft_application(alice)


def browser_of(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def page(answer: Any) -> str:
    content: str = answer.content.decode()
    assert Document(content).faults == []
    return content


def step(draft: Application, name: str = "organisation") -> str:
    return reverse("membership_application_step", args=[draft.public_id, name])


def test_a_colleague_gets_link_and_code_and_a_get_changes_nothing(
    alice: User, ben: User, draft: Application
) -> None:
    shared = browser_of(alice).post(
        reverse("membership_application_share", args=[draft.public_id]),
        {"email": "Ben@Example.org"},
    )
    assert shared.status_code == 303
    assert "ben@example.org" in page(browser_of(alice).get(shared["Location"]))
    run_pending_jobs()
    share, message = Share.objects.get(), mail.outbox[-1]
    link = reverse("membership_share", args=[share.public_id])
    assert message.to == ["ben@example.org"]
    assert link in message.body
    assert share.code in message.body

    browser = browser_of(ben)
    assert draft.public_name in page(browser.get(link))
    share.refresh_from_db()
    assert share.person is None
    assert browser.get(step(draft)).status_code == 404

    opened = browser.post(link)
    assert opened["Location"] == reverse("membership_application_check", args=[draft.public_id])
    assert "submits it" in page(browser.get(opened["Location"]))
    assert browser.post(link).status_code == 303
    saved = browser.post(step(draft), {"legal_name": "By Ben", "then": "later", "version": "9"})
    assert saved["Location"] == reverse("membership_area")
    assert "By Ben" in page(browser.get(step(draft)))
    assert draft.public_name not in page(browser_of(make_person()).get(reverse("membership_area")))


def test_the_code_opens_it_too_however_it_is_typed(
    alice: User, ben: User, draft: Application
) -> None:
    share = sharing.share(draft, ben.email, by=alice)
    browser, address = browser_of(ben), reverse("membership_shares")
    assert "not shared with a confirmed address" in page(
        browser.post(address, {"code": "ABCD2345"})
    )
    typed = f"{share.code[:4]}-{share.code[4:]}".lower()
    assert browser.post(address, {"code": typed}).status_code == 303
    share.refresh_from_db()
    assert share.person == ben


def test_neither_link_nor_code_helps_a_stranger_or_an_unconfirmed_address(
    alice: User, draft: Application
) -> None:
    share = sharing.share(draft, "dan@example.org", by=alice)
    for person in (make_person(), make_person("dan@example.org", verified=False)):
        browser = browser_of(person)
        link = reverse("membership_share", args=[share.public_id])
        assert draft.public_name not in page(browser.get(link))
        assert "not shared with a confirmed address" in page(browser.post(link))
        with pytest.raises(NoSuchShare):
            sharing.open_by_code(share.code, by=person)
        assert browser.get(step(draft)).status_code == 404


def test_a_revoked_share_ends_at_once_and_what_was_written_stays(
    alice: User, ben: User, draft: Application
) -> None:
    share = sharing.share(draft, ben.email, by=alice)
    sharing.open_share(share, by=ben)
    applications.save_draft(draft, Answers(public_name="By Ben"), by=ben)
    address = reverse(
        "membership_application_revoke_share", args=[draft.public_id, share.public_id]
    )
    assert browser_of(ben).post(address).status_code == 404
    for _again in range(2):
        assert browser_of(alice).post(address).status_code == 303
    assert browser_of(ben).get(step(draft)).status_code == 404
    with pytest.raises(NoSuchShare):
        sharing.open_share(share, by=ben)
    draft.refresh_from_db()
    assert draft.public_name == "By Ben"


def test_a_colleague_neither_submits_nor_withdraws_nor_shares_on(
    alice: User, ben: User, draft: Application
) -> None:
    sharing.open_share(sharing.share(draft, ben.email, by=alice), by=ben)
    browser = browser_of(ben)
    for name in ("check", "withdraw", "share"):
        address = reverse(f"membership_application_{name}", args=[draft.public_id])
        assert browser.post(address, {"email": "x@example.org"}).status_code == 404
    applications.submit(draft, by=alice)
    assert browser.get(reverse("membership_application", args=[draft.public_id])).status_code == 404


def test_who_saves_later_is_told_and_loses_nothing(
    alice: User, ben: User, draft: Application
) -> None:
    sharing.open_share(sharing.share(draft, ben.email, by=alice), by=ben)
    draft.refresh_from_db()
    opened_at = str(draft.version)
    sent = {"public_name": "Name", "kind": "ngo", "country": "MW", "version": opened_at}
    first = browser_of(alice).post(step(draft), {**sent, "legal_name": "By Alice"})
    assert first.status_code == 303
    browser = browser_of(ben)
    told = page(browser.post(step(draft), {**sent, "legal_name": "By Ben"}))
    assert "Alice saved this step while you were writing" in told
    assert 'value="By Ben"' in told
    assert "<dd>By Alice</dd>" in told
    draft.refresh_from_db()
    assert draft.legal_name == "By Alice"
    again = {**sent, "legal_name": "By Ben", "version": str(draft.version)}
    assert f'value="{draft.version}"' in told
    assert browser.post(step(draft), again).status_code == 303
    draft.refresh_from_db()
    assert draft.legal_name == "By Ben"


def test_two_who_write_different_steps_do_not_disturb_each_other(
    alice: User, ben: User, draft: Application
) -> None:
    sharing.open_share(sharing.share(draft, ben.email, by=alice), by=ben)
    draft.refresh_from_db()
    seen = draft.version
    applications.save_draft(draft, Answers(legal_name="By Alice"), by=alice, version=seen)
    applications.save_draft(draft, Answers(contact_name="By Ben"), by=ben, version=seen)
    with pytest.raises(SavedMeanwhile):
        applications.save_draft(draft, Answers(legal_name="By Ben"), by=ben, version=seen)
    # The same answer once more, such as by a double click, is no change.
    applications.save_draft(draft, Answers(legal_name="By Alice"), by=ben, version=seen)
    draft.refresh_from_db()
    assert (draft.legal_name, draft.contact_name) == ("By Alice", "By Ben")


def test_sharing_has_its_limits(alice: User, draft: Application) -> None:
    with pytest.raises(SharedWithYourself):
        sharing.share(draft, "ALICE@example.org", by=alice)
    sharing.share(draft, "ben@example.org", by=alice)
    with pytest.raises(AlreadyShared):
        sharing.share(draft, "ben@example.org ", by=alice)
    for number in range(sharing.MOST_SHARES - 1):
        sharing.share(draft, f"b{number}@example.org", by=alice)
    with pytest.raises(TooManyShares):
        sharing.share(draft, "one-more@example.org", by=alice)
    with pytest.raises(WrongStep):
        sharing.share(submitted_application(alice), "ben@example.org", by=alice)
