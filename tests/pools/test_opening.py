"""Opening a pool, drafting and approving its terms, pausing it: the transitions themselves."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from wagtail.models import ModelLogEntry, Revision

from core.models import User
from core.money import Money
from core.transactions import TransactionMissing, use_case
from funding.ledger.models import Pool
from funding.pools import opening, refusals, review, rules
from funding.pools.models import PoolProfile
from tests.factories import pools as make
from tests.payments.together import at_once

TODAY = timezone.localdate


def draft(profile: PoolProfile, by: User, title: str = "", **changes: Any) -> Revision:
    """A draft with these changes, on top of the newest one."""
    newest = PoolProfile.objects.get(pk=profile.pk)
    drafted = newest.get_latest_revision_as_object()
    drafted.drafted_title = title or drafted.title
    for name, value in changes.items():
        setattr(drafted, name, value)
    with use_case():
        return opening.draft_terms(
            drafted,
            based_on=newest.latest_revision_id,
            changed=list(changes),
            reason="The board met",
            by=by,
        )


def publish(revision: Revision, by: User | None) -> PoolProfile:
    with use_case():
        opening.publish_terms(revision, by=by)
    return PoolProfile.objects.get(pk=revision.object_id)


# --- Opening --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_pool_that_is_opened_takes_gifts_and_has_a_first_version() -> None:
    profile = make.open_pool(sectors={"12250": 100.0}, overhead_rate=750)
    profile.refresh_from_db()
    assert profile.is_open(TODAY())
    assert profile.live_revision == profile.latest_revision
    assert profile.revisions.count() == 1
    assert not profile.has_unpublished_changes
    assert profile.overhead_percent == 7.5


@pytest.mark.django_db
def test_a_pool_opened_as_a_draft_takes_nothing_until_somebody_else_approves_it() -> None:
    alice, bob = make.make_person(), make.make_person()
    profile = make.open_pool(live=False, by=alice)
    assert profile.status(TODAY()) == PoolProfile.Status.DRAFT
    with pytest.raises(refusals.PoolPaused):
        rules.check_open(profile, TODAY())
    with pytest.raises(refusals.PoolPaused):
        make.begun_gift(profile)
    with pytest.raises(refusals.OwnTerms):
        publish(profile.latest_revision, alice)
    profile = publish(profile.latest_revision, bob)
    assert profile.is_open(TODAY())
    make.begun_gift(profile)


@pytest.mark.django_db
def test_a_code_is_taken_once() -> None:
    make.open_pool("vaccines")
    with pytest.raises(refusals.PoolCodeTaken) as refused:
        make.open_pool("vaccines")
    assert "“vaccines”" in str(refused.value)
    assert Pool.objects.filter(code="vaccines").count() == 1


# --- Drafts ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_draft_leaves_the_terms_that_count_alone() -> None:
    profile, alice = make.open_pool(goal=10_000), make.make_person()
    draft(profile, alice, "Another title", goal=99_999, restricted=True)
    profile = PoolProfile.objects.get(pk=profile.pk)
    assert (profile.title, profile.goal, profile.restricted) == ("Core software", 10_000, False)
    assert profile.pool.name == "Core software"
    assert profile.has_unpublished_changes


@pytest.mark.django_db
def test_an_approved_draft_is_what_counts_to_the_last_field() -> None:
    profile = make.open_pool()
    alice, bob = make.make_person(), make.make_person()
    terms: dict[str, Any] = {
        "purpose": "Cold chain.",
        "restricted": True,
        "goal": 5_000_000,
        "opens_on": TODAY() - datetime.timedelta(days=3),
        "closes_on": TODAY() + datetime.timedelta(days=300),
        "suggested_amounts": [1_000, 2_000],
        "minimum_gift": 1_000,
        "maximum_gift": 2_000_000,
        "sdg_goals": [3, 17],
        "sectors": {"12250": 60.25, "12261": 39.75},
        "countries": {"MW": 100.0},
        "remainder": PoolProfile.Remainder.RETURNED,
        "goal_missed": PoolProfile.GoalMissed.GENERAL,
        "overhead_rate": 725,
    }
    profile = publish(draft(profile, alice, "Cold chain", **terms), bob)
    assert {name: getattr(profile, name) for name in terms} == terms
    assert profile.title == profile.pool.name == "Cold chain"
    assert not profile.has_unpublished_changes


@pytest.mark.django_db
def test_code_and_currency_stay_whatever_a_draft_says() -> None:
    profile, other = make.open_pool("kept"), make.open_pool("other", currency="EUR")
    revision = draft(profile, make.make_person())
    Revision.objects.filter(pk=revision.pk).update(content={**revision.content, "pool": other.pk})
    profile = publish(Revision.objects.get(pk=revision.pk), make.make_person())
    assert (profile.code, profile.currency) == ("kept", "USD")
    assert PoolProfile.objects.get(pk=other.pk).title == "Core software"


@pytest.mark.django_db
def test_nobody_approves_their_own_draft() -> None:
    profile, alice = make.open_pool(goal=10_000), make.make_person()
    revision = draft(profile, alice, goal=20_000)
    with pytest.raises(refusals.OwnTerms):
        publish(revision, alice)
    with pytest.raises(refusals.OwnTerms), use_case():
        revision.publish(user=alice)
    profile.refresh_from_db()
    assert profile.goal == 10_000


@pytest.mark.django_db
def test_who_wrote_an_earlier_draft_approves_no_later_one_and_reads_who_can() -> None:
    profile = make.open_pool()
    group = Group.objects.create(name="Board")
    with use_case():
        review.setup_review([group])
    alice, bob, carol = (
        make.make_person(first_name=name, last_name="Phiri") for name in ("Alice", "Bob", "Carol")
    )
    group.user_set.add(alice, bob)
    draft(profile, alice, goal=20_000)
    revision = draft(profile, bob, restricted=True)  # Alice’s goal is in it
    with pytest.raises(refusals.NobodyElseApproves):
        publish(revision, alice)
    group.user_set.add(carol)
    with pytest.raises(refusals.OwnTerms) as refused:
        publish(revision, alice)
    assert "somebody else has to approve them: Carol Phiri." in str(refused.value)
    profile = publish(revision, carol)
    assert (profile.goal, profile.restricted) == (20_000, True)
    # What was approved is nobody’s draft any more.
    publish(draft(profile, bob, goal=30_000), alice)


@pytest.mark.django_db
def test_a_draft_written_beside_a_newer_one_is_refused() -> None:
    profile = make.open_pool(goal=10_000)
    alice, bob = make.make_person(), make.make_person()
    before = profile.latest_revision_id
    draft(profile, alice, goal=20_000)
    profile.goal = 30_000
    with pytest.raises(refusals.TermsChangedMeanwhile), use_case():
        opening.draft_terms(profile, based_on=before, changed=["goal"], reason="Late", by=bob)
    assert PoolProfile.objects.get(pk=profile.pk).get_latest_revision_as_object().goal == 20_000


def test_of_two_drafts_at_the_same_moment_one_is_saved(committed_db: Any) -> None:
    profile, alice = make.open_pool(), make.make_person()
    seen = profile.latest_revision_id

    def save(goal: int) -> Any:
        mine = PoolProfile.objects.get(pk=profile.pk)
        mine.goal = goal
        with use_case():
            return opening.draft_terms(mine, based_on=seen, changed=["goal"], reason="r", by=alice)

    found = at_once(lambda: save(11_111), lambda: save(22_222))
    assert sorted(type(one).__name__ for one in found) == ["Revision", "TermsChangedMeanwhile"]
    assert profile.revisions.count() == 2


@pytest.mark.django_db
def test_a_draft_and_its_approval_are_written_down_with_who_and_why() -> None:
    profile = make.open_pool()
    alice, bob = make.make_person(), make.make_person()
    revision = draft(profile, alice, goal=20_000)
    publish(revision, bob)
    log = ModelLogEntry.objects.for_instance(profile)
    edited = log.get(action="pools.edit_pool")
    assert (edited.user, edited.data["reason"], edited.data["changed"]) == (
        alice,
        "The board met",
        ["goal"],
    )
    assert log.get(action="pools.publish_terms").user == bob


@pytest.mark.django_db
def test_terms_change_inside_a_use_case_alone() -> None:
    profile = make.open_pool()
    with pytest.raises(TransactionMissing):
        opening.draft_terms(profile, based_on=1, changed=[], reason="r", by=make.make_person())
    with pytest.raises(TransactionMissing):
        opening.publish_terms(profile.latest_revision, by=None)


# --- Pausing --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_pause_works_at_once_and_is_logged_once() -> None:
    profile, alice = make.open_pool(), make.make_person()
    opening.pause(profile, by=alice, reason="A doubt about the account")
    profile = opening.pause(profile, by=alice, reason="Twice")
    assert profile.status(TODAY()) == PoolProfile.Status.PAUSED
    assert not profile.is_open(TODAY())
    [entry] = ModelLogEntry.objects.for_instance(profile).filter(action="pools.pause_pool")
    assert entry.data["reason"] == "A doubt about the account"
    assert opening.resume(profile, by=alice, reason="Cleared").is_open(TODAY())


@pytest.mark.django_db
def test_terms_approved_during_a_pause_do_not_end_it() -> None:
    profile = make.open_pool(goal=10_000)
    alice, bob = make.make_person(), make.make_person()
    revision = draft(profile, alice, goal=20_000)
    opening.pause(profile, by=alice, reason="Wait")
    profile = publish(revision, bob)
    assert (profile.paused, profile.goal) == (True, 20_000)


@pytest.mark.django_db
def test_a_pool_that_closes_before_it_opens_cannot_be_drafted() -> None:
    profile = make.open_pool()
    with pytest.raises(Exception, match="would close before it opens"):
        draft(
            profile,
            make.make_person(),
            closes_on=profile.opens_on - datetime.timedelta(days=1),
        )
    assert PoolProfile.objects.get(pk=profile.pk).closes_on is None


@pytest.mark.django_db
def test_money_in_the_pools_currency_stays_as_it_is() -> None:
    profile = make.open_pool(currency="UGX", minimum_gift=5_000, suggested_amounts=[20_000])
    assert profile.minimum == Money(5_000, "UGX")
    assert profile.get_latest_revision_as_object().suggestions == [Money(20_000, "UGX")]
