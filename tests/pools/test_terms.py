"""The terms of a pool in the back office: who writes them, who approves them, what a donor reads."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry, TaskState, WorkflowState

from core.models import User
from core.transactions import use_case
from funding.ledger.models import Pool
from funding.pools import opening
from funding.pools.models import PoolProfile
from portal import groups
from tests.factories import pools as make
from tests.factories.home import make_staff, sign_in
from tests.payments.together import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site() -> None:
    with use_case():
        groups.setup_groups()


@pytest.fixture
def treasurer(client: Client) -> User:
    return sign_in(client, make_staff(groups.TREASURERS))


def colleague(*names: str, **values: Any) -> tuple[Client, User]:
    """Another member of staff, in a browser of their own."""
    browser = Client()
    return browser, sign_in(browser, make_staff(*names, **values))


@pytest.fixture
def profile() -> PoolProfile:
    return make.open_pool("vaccines", goal=1_000_000)


def url(page: str, *args: Any) -> str:
    return reverse(f"giving_pools:{page}", args=args)


def typed(profile: PoolProfile, **changes: Any) -> dict[str, Any]:
    """The edit form as a browser sends it back, with changes."""
    newest = PoolProfile.objects.get(pk=profile.pk).latest_revision
    form = {
        "title": "Core software",
        "purpose": "Releases and security fixes.",
        "opens_on": profile.opens_on.isoformat(),
        "closes_on": "",
        "goal_amount": "10000",
        "goal_missed": "spent",
        "remainder": "general",
        "overhead": "0",
        "suggestions": "25, 50, 100",
        "smallest": "5",
        "largest": "",
        "sector_lines": "",
        "country_lines": "",
        "reason": "The board met",
        "loaded_revision_id": str(newest.pk),
        "loaded_revision_created_at": newest.created_at.isoformat(),
    }
    return {**form, **changes}


NEW = {
    "code": "cold-chain",
    "currency": "kwd",
    "title": "Cold chain",
    "purpose": "Fridges.",
    "opens_on": "2026-01-01",
    "goal_amount": "1000.125",
    "goal_missed": "returned",
    "remainder": "similar",
    "overhead": "7,5 %",
    "suggestions": "2.500, 5",
    "smallest": "1",
    "largest": "",
    "goals": ["3", "17"],
    "sector_lines": "12250 60\n12261 40",
    "country_lines": "MW\nZM",
}


def send(client: Client, profile: PoolProfile, action: str = "", **changes: Any) -> Any:
    form = typed(profile, **changes)
    if action:
        form[f"action-{action}"] = "1"
    return client.post(url("edit", profile.pk), form)


def approve(client: Client, profile: PoolProfile, **changes: Any) -> Any:
    """Approve in the editor, as its button does."""
    approval = {"reason": "", "workflow-action-name": "approve", **changes}
    return send(client, profile, "workflow-action", **approval)


# --- Opening --------------------------------------------------------------------------------------


def test_a_pool_is_opened_as_a_draft_with_its_terms(client: Client, treasurer: User) -> None:
    answer = client.post(url("add"), NEW)
    profile = PoolProfile.objects.get(pool__code="cold-chain")
    assert answer.status_code == 302
    assert (profile.live, profile.currency, profile.title) == (False, "KWD", "Cold chain")
    assert (profile.goal, profile.minimum_gift) == (1_000_125, 1_000)
    assert profile.suggested_amounts == [2_500, 5_000]
    assert (profile.overhead_rate, profile.sdg_goals) == (750, [3, 17])
    assert profile.sectors == {"12250": 60.0, "12261": 40.0}
    assert profile.countries == {"MW": 50.0, "ZM": 50.0}
    assert (profile.remainder, profile.goal_missed) == ("similar", "returned")
    assert client.get(url("edit", profile.pk)).status_code == 200


def test_a_new_pool_sent_at_once_counts_after_another_person_approves_it(
    client: Client, treasurer: User
) -> None:
    client.post(url("add"), {**NEW, "action-submit": "1"})
    profile = PoolProfile.objects.get(pool__code="cold-chain")
    assert profile.workflow_in_progress
    other, _bob = colleague(groups.MODERATORS)
    [task_state] = TaskState.objects.all()
    other.post(url("workflow_action", profile.pk, "approve", task_state.pk), {"comment": ""})
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert profile.live
    assert profile.is_open(timezone.localdate())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "vaccines"}, "Another pool has the code “vaccines”."),
        ({"code": "not a code"}, "Enter a valid “slug”"),
        ({"currency": "dollars"}, "at most 3 characters"),
        ({"purpose": ""}, "This field is required"),
        ({"sector_lines": "12250 60\n12261 30"}, "The shares add up to 90, not to 100."),
        ({"sector_lines": "99999"}, "Line 1: 99999 is no purpose code"),
        ({"country_lines": "MW 50\nMW 50"}, "Line 2: MW is there already."),
        ({"overhead": "101"}, "Enter a rate from 0 to 100."),
        ({"overhead": "seven"}, "Enter a rate in per cent, such as 7.5."),
        ({"overhead": "7.125"}, "A rate has two decimals at most."),
        ({"overhead": "NaN"}, "Enter a rate from 0 to 100."),
        ({"closes_on": "2025-12-31"}, "The pool would close before it opens."),
        ({"smallest": "10", "largest": "5"}, "The largest gift must not be below the smallest."),
        ({"goal_amount": "a lot"}, "“a lot” is not an amount."),
        ({"suggestions": "25, some"}, "“some” is not an amount."),
        ({"goals": ["18"]}, "18 is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    client: Client, treasurer: User, profile: PoolProfile, changes: dict[str, Any], words: str
) -> None:
    answer = client.post(url("add"), {**NEW, "title": "Kept words", **changes})
    page = text_of(answer)
    assert words in page
    assert "Kept words" in answer.content.decode()
    for value in changes.values():
        if isinstance(value, str) and value:
            assert value.splitlines()[0] in answer.content.decode()
    assert Pool.objects.filter(code="cold-chain").count() == 0


# --- Drafts and their approval --------------------------------------------------------------------


def test_an_edit_is_a_draft_that_donors_do_not_see(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    answer = send(client, profile, title="New title", goal_amount="25000", overhead="5")
    assert answer.status_code == 302
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert (profile.title, profile.goal, profile.overhead_rate) == ("Core software", 1_000_000, 0)
    page = text_of(Client().get(reverse("give", args=[profile.code])))
    assert "New title" not in page
    assert "None: all of it is for the purpose." in page
    assert "New title" in client.get(url("edit", profile.pk)).content.decode()
    entry = ModelLogEntry.objects.for_instance(profile).get(action="pools.edit_pool")
    assert entry.user == treasurer
    assert entry.data["reason"] == "The board met"
    assert set(entry.data["changed"]) == {"title", "goal_amount", "overhead"}


def test_an_edit_asks_why_and_keeps_what_was_typed(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    answer = send(client, profile, title="New title", reason="  ")
    assert "Write why the terms change." in text_of(answer)
    assert "New title" in answer.content.decode()
    assert profile.revisions.count() == 1


def test_a_form_in_which_nothing_changed_saves_no_version(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    assert send(client, profile, reason="").status_code == 302
    assert profile.revisions.count() == 1


def test_a_draft_sent_and_approved_by_another_counts(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, "submit", title="New title", goal_amount="25000", overhead="5")
    other, bob = colleague(groups.TREASURERS)
    asked = {"title": "New title", "goal_amount": "25000", "overhead": "5"}
    approve(other, profile, **asked)
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert (profile.title, profile.goal, profile.overhead_rate) == ("New title", 2_500_000, 500)
    assert WorkflowState.objects.get().status == WorkflowState.STATUS_APPROVED
    page = text_of(Client().get(reverse("give", args=[profile.code])))
    assert "Give to New title" in page
    assert "5 % of what is received pays the foundation’s own costs." in page
    log = ModelLogEntry.objects.for_instance(profile)
    assert log.get(action="pools.publish_terms").user == bob


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_approves_what_they_wrote_themselves(
    client: Client, profile: PoolProfile, superuser: bool
) -> None:
    sign_in(client, make_staff(groups.TREASURERS, is_superuser=superuser))
    send(client, profile, "submit", title="New title")
    answer = approve(client, profile, title="New title")
    assert "somebody else has to approve them" in text_of(answer)
    [task_state] = TaskState.objects.all()
    answer = client.post(
        url("workflow_action", profile.pk, "approve", task_state.pk), {"comment": ""}, follow=True
    )
    assert "somebody else has to approve them" in text_of(answer)
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert profile.title == "Core software"
    assert profile.workflow_in_progress


def test_nobody_approves_what_they_sent_for_approval(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, title="New title")
    other, _bob = colleague(groups.TREASURERS)
    send(other, profile, "submit", title="New title", reason="")
    assert WorkflowState.objects.get().requested_by != treasurer
    assert "somebody else has to" in text_of(approve(other, profile, title="New title"))
    assert PoolProfile.objects.get(pk=profile.pk).title == "Core software"


def test_an_approver_who_edits_has_written_it_too(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, "submit", title="New title")
    other, _bob = colleague(groups.TREASURERS)
    answer = approve(other, profile, title="Bob’s title", reason="Better")
    assert "somebody else has to" in text_of(answer)
    assert PoolProfile.objects.get(pk=profile.pk).title == "Core software"


def test_an_approval_counts_for_the_version_that_was_read(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, "submit", title="New title")
    other, _bob = colleague(groups.TREASURERS)
    read = typed(profile, title="New title", reason="")
    third, _carol = colleague(groups.ADMINISTRATORS)
    [task_state] = TaskState.objects.all()
    send(third, profile, title="Carol’s title", reason="Meanwhile")
    form = {**read, "action-workflow-action": "1", "workflow-action-name": "approve"}
    answer = other.post(url("edit", profile.pk), form)
    assert "Somebody else saved these terms while you wrote." in text_of(answer)
    answer = other.post(
        url("workflow_action", profile.pk, "approve", task_state.pk), {"comment": ""}, follow=True
    )
    assert "Somebody else saved these terms while you wrote." in text_of(answer)
    assert PoolProfile.objects.get(pk=profile.pk).title == "Core software"


def test_of_two_editors_the_second_is_told_and_loses_no_word(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    stale = typed(profile, title="Second words")
    other, _bob = colleague(groups.TREASURERS)
    send(other, profile, title="First words")
    answer = client.post(url("edit", profile.pk), stale)
    assert "Somebody else saved these terms while you wrote." in text_of(answer)
    assert "Second words" in answer.content.decode()
    newest = PoolProfile.objects.get(pk=profile.pk).get_latest_revision_as_object()
    assert newest.title == "First words"


def test_a_form_that_does_not_say_what_it_was_based_on_is_refused(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, title="New title", loaded_revision_id="", loaded_revision_created_at="")
    assert profile.revisions.count() == 1


def test_changes_can_be_asked_for_instead(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, "submit", title="New title")
    other, _bob = colleague(groups.MODERATORS)
    [task_state] = TaskState.objects.all()
    other.post(url("workflow_action", profile.pk, "reject", task_state.pk), {"comment": "Why?"})
    state = WorkflowState.objects.get()
    assert state.status == WorkflowState.STATUS_NEEDS_CHANGES
    assert PoolProfile.objects.get(pk=profile.pk).title == "Core software"


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_publishes_or_unpublishes_past_the_approval(
    client: Client, profile: PoolProfile, superuser: bool
) -> None:
    sign_in(client, make_staff(groups.ADMINISTRATORS, is_superuser=superuser))
    page = client.get(url("edit", profile.pk)).content.decode()
    assert "action-publish" not in page
    assert url("unpublish", profile.pk) not in page
    send(client, profile, "publish", title="New title")
    assert client.post(url("unpublish", profile.pk)).status_code in (302, 403)
    assert client.post(url("delete", profile.pk)).status_code in (302, 403)
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert (profile.live, profile.title) == (True, "Core software")


@pytest.mark.parametrize(
    ("group", "edits", "reads"),
    [
        (groups.TREASURERS, True, True),
        (groups.ADMINISTRATORS, True, True),
        (groups.MODERATORS, False, True),
        (groups.AUDITORS, False, True),
        (groups.EDITORS, False, False),
        (groups.MEMBERSHIP_OFFICERS, False, False),
    ],
)
def test_who_reads_and_who_edits(
    client: Client, profile: PoolProfile, group: str, edits: bool, reads: bool
) -> None:
    sign_in(client, make_staff(group))
    assert (client.get(url("list")).status_code == 200) is reads
    assert (client.get(url("edit", profile.pk)).status_code == 200) is edits
    assert (client.get(url("add")).status_code == 200) is edits
    send(client, profile, title="New title")
    assert (profile.revisions.count() == 2) is edits
    client.post(url("pause", profile.pk), {"act": "pause", "reason": "A doubt"})
    assert PoolProfile.objects.get(pk=profile.pk).paused is edits


def test_other_people_are_sent_away(client: Client, profile: PoolProfile) -> None:
    for page in ("edit", "pause", "preview_on_edit"):
        assert client.get(url(page, profile.pk)).status_code == 302
    sign_in(client, make.make_person())
    assert client.get(url("edit", profile.pk)).status_code in (302, 403)


# --- Preview, comparison, earlier versions --------------------------------------------------------


def test_the_preview_is_what_a_donor_would_read(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    changes = {
        "title": "New title",
        "closes_on": "2030-12-31",
        "goal_missed": "returned",
        "remainder": "similar",
        "overhead": "7.5",
        "reason": "",
    }
    answer = client.post(url("preview_on_edit", profile.pk), typed(profile, **changes))
    assert answer.json() == {"is_valid": True, "is_available": True}
    page = text_of(client.get(url("preview_on_edit", profile.pk)))
    assert "Give to New title" in page
    assert "If the goal is missed The money is offered back to the donors." in page
    assert "It goes to a pool with a similar purpose, which the board names." in page
    assert "7.5 % of what is received" in page
    assert PoolProfile.objects.get(pk=profile.pk).title == "Core software"
    assert profile.revisions.count() == 1


def test_a_pool_can_be_previewed_before_it_is_opened(client: Client, treasurer: User) -> None:
    assert client.post(url("preview_on_add"), NEW).json()["is_valid"]
    page = text_of(client.get(url("preview_on_add")))
    assert "Give to Cold chain" in page
    assert "1,000.125" in page
    assert not Pool.objects.filter(code="cold-chain").exists()


def test_two_versions_are_compared_in_words(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, title="New title", goal_amount="25000", sector_lines="12250")
    page = text_of(client.get(url("revisions_compare", profile.pk, "live", "latest")))
    assert "10,000.00" in page
    assert "25,000.00" in page
    assert "12250 Infectious disease control 100 %" in page
    assert "Smallest gift" not in page


def test_an_earlier_version_becomes_the_newest_draft_with_a_reason(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    first = profile.latest_revision
    send(client, profile, title="New title")
    address = url("revisions_revert", profile.pk, first.pk)
    assert client.get(address).status_code == 200
    assert "Write why" in text_of(client.post(address, typed(profile, reason="")))
    assert client.post(address, typed(profile, reason="Back")).status_code == 302
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert profile.revisions.count() == 3
    assert profile.get_latest_revision_as_object().title == "Core software"


def test_earlier_versions_are_listed(client: Client, treasurer: User, profile: PoolProfile) -> None:
    send(client, profile, title="New title")
    page = text_of(client.get(url("history", profile.pk)))
    assert "Draft of the terms saved" in page


# --- The list, and the pause ----------------------------------------------------------------------


def test_the_list_says_what_each_pool_is_today(client: Client, treasurer: User) -> None:
    today = timezone.localdate()
    make.open_pool("a", title="Closed one", closes_on=today - datetime.timedelta(days=1))
    make.open_pool("b", title="Later one", opens_on=today + datetime.timedelta(days=1))
    make.open_pool("c", title="Prepared one", live=False)
    make.open_pool("d", title="Paused one", paused=True)
    page = text_of(client.get(url("list")))
    for word in ("Closed", "Not open yet", "Being prepared", "Paused"):
        assert word in page


def test_a_pool_is_paused_and_let_again_with_a_reason(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    address = url("pause", profile.pk)
    assert address in client.get(url("edit", profile.pk)).content.decode()
    assert "Write the reason." in text_of(client.post(address, {"act": "pause", "reason": ""}))
    assert not PoolProfile.objects.get(pk=profile.pk).paused
    client.post(address, {"act": "pause", "reason": "A doubt"})
    give = reverse("give", args=[profile.code])
    assert "takes no gifts or pledges at the moment" in text_of(Client().get(give))
    client.post(address, {"act": "resume", "reason": "Cleared"})
    assert "takes no gifts" not in text_of(Client().get(give))
    log = ModelLogEntry.objects.for_instance(profile).filter(action="pools.pause_pool")
    assert [(entry.user, entry.data["reason"]) for entry in log] == [(treasurer, "A doubt")]


# --- What a donor reads ---------------------------------------------------------------------------


def test_terms_stand_on_the_form_before_anything_is_given(client: Client) -> None:
    profile = make.open_pool(
        restricted=True,
        goal=100_000,
        closes_on=timezone.localdate() + datetime.timedelta(days=30),
        goal_missed=PoolProfile.GoalMissed.GENERAL,
        remainder=PoolProfile.Remainder.RETURNED,
        overhead_rate=1_000,
    )
    page = text_of(client.get(reverse("give", args=[profile.code])))
    assert "On this purpose alone." in page
    assert "If the goal is missed The money goes to the general pool." in page
    assert "It is offered back to the donors, in proportion to their gifts." in page
    assert "10 % of what is received" in page


def test_without_a_goal_and_a_last_day_none_can_be_missed(client: Client) -> None:
    profile = make.open_pool(goal=100_000)
    page = text_of(client.get(reverse("give", args=[profile.code])))
    assert "If the goal is missed" not in page


def test_a_pause_touches_no_draft_that_waits(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    send(client, profile, "submit", title="New title")
    opening.pause(profile, by=treasurer, reason="A doubt")
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert profile.workflow_in_progress
    assert profile.get_latest_revision_as_object().title == "New title"
