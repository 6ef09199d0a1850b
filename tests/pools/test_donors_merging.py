"""Two rows that are one donor, a donor who claims what staff recorded, and who may see what."""

import datetime
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import use_case
from funding.pools import claims, donors, merging, naming, refusals
from funding.pools.models import (
    Donor,
    DonorCheck,
    Gift,
    MatchingOffer,
    Pledge,
    RecordedGiving,
    RecurringGift,
)
from tests.factories import pools as make


def make_staff_person() -> User:
    return make.make_person()


def recorded_donor(**changes: Any) -> Donor:
    """As staff write one down who never signs in."""
    values = {"name": "Ministry of Health", "kind": Donor.Kind.ORGANISATION, "email": ""}
    return Donor.objects.create(**{**values, "recorded_by": make.make_person(), **changes})


def gift_of(donor: Donor, **changes: Any) -> Gift:
    gift = make.received_gift(giver=make.a_giver(**changes))
    Gift.objects.filter(pk=gift.pk).update(donor=donor)
    gift.refresh_from_db()
    return gift


@pytest.fixture
def told() -> Any:
    """What the read side is told."""
    heard: list[list[int]] = []
    naming.register(heard.append)
    yield heard
    naming._listeners.remove(heard.append)


# --- Merging --------------------------------------------------------------------------------------


def test_everything_that_hangs_on_a_donor_moves_or_is_known_to_stay() -> None:
    hanging = {
        relation.related_model for relation in Donor._meta.related_objects if relation.related_model
    }
    assert hanging == {*merging.MOVED, DonorCheck, Donor}


@pytest.mark.django_db
def test_merging_moves_all_and_leaves_an_empty_row_that_points_on(told: list[list[int]]) -> None:
    by = make.make_person()
    kept, gone = recorded_donor(), recorded_donor(email="ministry@example.org", country="MW")
    gift = gift_of(gone, public_name="The Ministry")
    pledge = make.confirmed_pledge()
    Pledge.objects.filter(pk=pledge.pk).update(donor=gone)
    wish = RecurringGift.objects.create(
        donor=gone,
        pool=gift.pool,
        amount=500,
        currency="USD",
        interval="month",
        anonymous=True,
        language="en",
        form_token=uuid.uuid4(),
    )
    offer = MatchingOffer.objects.create(
        donor=gone,
        pool=gift.pool,
        currency="USD",
        most=1_000,
        starts_on=timezone.localdate(),
        ends_on=timezone.localdate(),
        anonymous=True,
        recorded_by=by,
    )
    line = RecordedGiving.objects.create(
        external_id="A-1",
        kind="expected",
        donor=gone,
        gift=gift,
        content_sha256="0" * 64,
        recorded_by=by,
    )

    found = merging.merge_donors(kept, gone, by=by, reason="The same ministry.")

    assert found == kept
    for row in (gift, pledge, wish, offer, line):
        row.refresh_from_db()
        assert row.donor == kept
    gift.refresh_from_db()
    assert (gift.anonymous, gift.public_name) == (False, "The Ministry")
    gone.refresh_from_db()
    assert gone.merged_into == kept
    assert gone.merged_at is not None
    assert (found.email, found.country) == ("ministry@example.org", "MW")
    assert told[-1] == sorted([kept.pk, gone.pk])
    log = ModelLogEntry.objects.get(action="pools.merge_donors")
    assert (log.user, log.data["reason"], log.data["merged"]) == (
        by,
        "The same ministry.",
        gone.pk,
    )
    assert log.data["moved"]["gift"] == 1


@pytest.mark.django_db
def test_nothing_new_hangs_on_a_merged_row_whoever_writes_it() -> None:
    kept, gone = recorded_donor(), recorded_donor()
    gift = gift_of(kept)
    merging.merge_donors(kept, gone, by=make.make_person(), reason="One donor.")
    with pytest.raises(IntegrityError, match="donor was merged"):
        Gift.objects.filter(pk=gift.pk).update(donor=gone)


@pytest.mark.django_db
def test_what_was_merged_into_the_merged_one_points_to_the_last() -> None:
    by = make.make_person()
    first, second, third = recorded_donor(), recorded_donor(), recorded_donor()
    merging.merge_donors(second, first, by=by, reason="One.")
    merging.merge_donors(third, second, by=by, reason="One.")
    first.refresh_from_db()
    assert first.merged_into == third
    assert set(donors.rows_of(third)) == {first, second, third}


@pytest.mark.django_db
@pytest.mark.parametrize("swapped", [False, True])
def test_an_account_goes_to_the_row_that_is_kept(swapped: bool) -> None:
    user = make.make_person()
    own = Donor.objects.create(user=user, name="Own", email=user.email)
    other = recorded_donor()
    kept, gone = (other, own) if swapped else (own, other)
    merging.merge_donors(kept, gone, by=make.make_person(), reason="One.")
    assert donors.own_row(user) == kept
    with use_case():
        assert donors.donor_for(make.a_giver(user)) == kept


@pytest.mark.django_db
def test_what_cannot_be_merged_is_refused_and_nothing_moves() -> None:
    by = make.make_person()
    one, two = make.make_person(), make.make_person()
    first = Donor.objects.create(user=one, name="One", email=one.email)
    second = Donor.objects.create(user=two, name="Two", email=two.email)
    gift = gift_of(second)
    with pytest.raises(refusals.TwoAccounts):
        merging.merge_donors(first, second, by=by, reason="x")
    with pytest.raises(refusals.SameDonor):
        merging.merge_donors(first, first, by=by, reason="x")
    gone = recorded_donor()
    merging.merge_donors(first, gone, by=by, reason="x")
    for pair in ((first, gone), (gone, second), (recorded_donor(), gone)):
        with pytest.raises(refusals.DonorMerged):
            merging.merge_donors(*pair, by=by, reason="x")
    gift.refresh_from_db()
    assert gift.donor == second


@pytest.mark.django_db
def test_duplicates_are_offered_by_address_and_by_name_whatever_the_case() -> None:
    donor = recorded_donor(name="Ministry of Health", email="moh@example.org")
    by_name = recorded_donor(name="ministry of health")
    by_email = recorded_donor(name="MoH", email="MOH@example.org")
    recorded_donor(name="Another")
    merged = recorded_donor(name="Ministry of Health")
    merging.merge_donors(by_email, merged, by=make.make_person(), reason="x")
    assert set(merging.likely_duplicates(donor)) == {by_name, by_email}
    # Rows without an address are not duplicates for having none.
    assert set(merging.likely_duplicates(recorded_donor(name="Nobody else"))) == set()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of several threads got, or the error it ended with."""
    barrier = threading.Barrier(len(acts), timeout=60)
    found: list[Any] = []

    def one(act: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            found.append(act())
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_who_merge_the_same_rows_both_ways_at_once_merge_them_once(committed_db: Any) -> None:
    first, second, by = recorded_donor(), recorded_donor(), make.make_person()
    found = at_once(
        lambda: merging.merge_donors(first, second, by=by, reason="x"),
        lambda: merging.merge_donors(second, first, by=by, reason="x"),
    )
    assert sorted(type(each).__name__ for each in found) == ["Donor", "DonorMerged"]
    assert Donor.objects.filter(merged_into__isnull=False).count() == 1


# --- Claiming -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_claimed_row_becomes_the_persons_own_where_they_have_none(
    told: list[list[int]],
) -> None:
    donor, user = recorded_donor(), make.make_person()
    gift = gift_of(donor)
    code = claims.issue_claim_code(donor, by=make.make_person())
    assert len(code) == 14
    typed = f" {code.lower().replace('-', ' ')} "
    assert claims.claim(typed, user=user) == donor
    assert list(donors.donors_of(user)) == [donor]
    assert Gift.objects.get().donor == gift.donor == donor
    assert told == [[donor.pk]]
    # Typed again it is the same, even when the code is old by then.
    with time_machine.travel(timezone.now() + datetime.timedelta(days=100)):
        assert claims.claim(code, user=user) == donor
    assert ModelLogEntry.objects.filter(action="pools.claim_donor", user=user).count() == 1


@pytest.mark.django_db
def test_the_persons_own_row_takes_over_what_was_recorded_without_a_double() -> None:
    donor, user = recorded_donor(), make.make_person()
    gift = gift_of(donor)
    own = Donor.objects.create(user=user, name="Own", email=user.email)
    code = claims.issue_claim_code(donor, by=make.make_person())
    assert claims.claim(code, user=user) == own
    gift.refresh_from_db()
    assert gift.donor == own
    assert list(donors.donors_of(user)) == [own]
    assert claims.claim(code, user=user) == own
    assert Donor.objects.filter(user=user).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("with_own_row", [False, True])
def test_another_persons_code_says_that_it_was_used(with_own_row: bool) -> None:
    donor, first, second = recorded_donor(), make.make_person(), make.make_person()
    if with_own_row:
        Donor.objects.create(user=first, name="Own", email=first.email)
    code = claims.issue_claim_code(donor, by=make.make_person())
    claims.claim(code, user=first)
    with pytest.raises(refusals.ClaimUsed):
        claims.claim(code, user=second)
    assert not donors.donors_of(second).exists()


@pytest.mark.django_db
def test_a_code_is_known_only_as_it_was_issued_last_and_not_for_ever() -> None:
    donor, user, by = recorded_donor(), make.make_person(), make.make_person()
    earlier = claims.issue_claim_code(donor, by=by)
    code = claims.issue_claim_code(donor, by=by)
    donor.refresh_from_db()
    assert donor.claim_code_sha256
    assert code.replace("-", "") not in donor.claim_code_sha256
    for wrong in (earlier, "", "----", code[:-1], "é" * 12):
        with pytest.raises(refusals.ClaimUnknown):
            claims.claim(wrong, user=user)
    with (
        time_machine.travel(timezone.now() + datetime.timedelta(days=90, minutes=1)),
        pytest.raises(refusals.ClaimExpired),
    ):
        claims.claim(code, user=user)
    assert claims.claim(code, user=user) == donor


@pytest.mark.django_db
def test_the_code_of_a_row_that_staff_merged_claims_the_row_it_went_into() -> None:
    kept, gone, user = recorded_donor(), recorded_donor(), make.make_person()
    own = Donor.objects.create(user=user, name="Own", email=user.email)
    code = claims.issue_claim_code(gone, by=make.make_person())
    merging.merge_donors(kept, gone, by=make.make_person(), reason="x")
    assert claims.claim(code, user=user) == own
    assert set(donors.rows_of(own)) == {own, kept, gone}


@pytest.mark.django_db
def test_a_code_outlives_a_change_of_the_secret_key_while_the_old_one_is_kept(
    settings: Any,
) -> None:
    donor, user = recorded_donor(), make.make_person()
    code = claims.issue_claim_code(donor, by=make.make_person())
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key"
    with pytest.raises(refusals.ClaimUnknown):
        claims.claim(code, user=user)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert claims.claim(code, user=user) == donor


@pytest.mark.django_db
def test_no_code_is_issued_for_who_signs_in_or_was_merged() -> None:
    user, by = make.make_person(), make.make_person()
    own = Donor.objects.create(user=user, name="Own", email=user.email)
    gone = recorded_donor()
    merging.merge_donors(own, gone, by=by, reason="x")
    with pytest.raises(refusals.DonorHasAccount):
        claims.issue_claim_code(own, by=by)
    with pytest.raises(refusals.DonorMerged):
        claims.issue_claim_code(gone, by=by)


def test_two_persons_with_one_code_at_once_are_one_claim(committed_db: Any) -> None:
    donor, first, second = recorded_donor(), make.make_person(), make.make_person()
    code = claims.issue_claim_code(donor, by=make.make_person())
    found = at_once(lambda: claims.claim(code, user=first), lambda: claims.claim(code, user=second))
    assert sorted(type(each).__name__ for each in found) == ["ClaimUsed", "Donor"]


def test_a_claim_and_a_first_gift_at_once_end_in_one_row(committed_db: Any) -> None:
    donor, user = recorded_donor(), make.make_person()
    code = claims.issue_claim_code(donor, by=make.make_person())
    profile = make.open_pool()
    found = at_once(
        lambda: claims.claim(code, user=user),
        lambda: make.begun_gift(profile, make.a_giver(user)),
    )
    assert not [each for each in found if isinstance(each, Exception)]
    assert Donor.objects.filter(user=user).count() == 1
    assert Gift.objects.get().donor == donors.own_row(user)


# --- Who may see what -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_person_sees_rows_with_an_address_they_verified_and_no_other() -> None:
    user = make.make_person("me@example.org")
    mine = make.received_gift(giver=make.a_giver(email="ME@example.org")).donor
    make.received_gift(giver=make.a_giver(email="you@example.org"))
    assert set(donors.donors_of(user)) == {mine}
    EmailAddress.objects.filter(user=user).update(verified=False)
    assert not donors.donors_of(user).exists()


@pytest.mark.django_db
def test_a_guests_gift_stays_in_sight_when_staff_merge_their_row_into_a_recorded_one() -> None:
    user = make.make_person("me@example.org")
    mine = make.received_gift(giver=make.a_giver(email="me@example.org")).donor
    kept = recorded_donor(email="other@example.org")
    merging.merge_donors(kept, mine, by=make.make_person(), reason="x")
    assert list(donors.donors_of(user)) == [kept]
    # Once the row is another person's account, the address alone opens it no more.
    other = make.make_person()
    code = claims.issue_claim_code(kept, by=make.make_person())
    claims.claim(code, user=other)
    assert not donors.donors_of(user).exists()
    assert list(donors.donors_of(other)) == [kept]
