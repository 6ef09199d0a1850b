"""Moving money between pools: a basis, two people, the books' own limit, and all of it public."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from wagtail.models import ModelLogEntry

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import posting, queries, verification
from funding.ledger import templates as entries
from funding.ledger.models import Entry, Pool
from funding.ledger.refusals import NotEnoughAvailable
from funding.pools import transfer_refusals as refusals
from funding.pools import transfers
from funding.pools.models import PoolProfile, PoolTransfer
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_staff
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.races import together

Basis, Kind = PoolTransfer.Basis, PoolTransfer.Kind


def general() -> Pool:
    return Pool.objects.filter(code="general").first() or make_pool("general", name="General fund")


def a_pool(held: int = 10_000, **changes: Any) -> PoolProfile:
    """A pool that holds ``held`` minor units after no fee."""
    profile = make.open_pool(**changes)
    if held:
        post_now(gift_entry(profile.pool, gross=held, fee=0))
    return profile


def ask(
    from_pool: Pool, to_pool: Pool | None = None, amount: int | Money = 4_000, **changes: Any
) -> PoolTransfer:
    values: dict[str, Any] = {
        "from_pool": from_pool,
        "to_pool": to_pool or make_pool(),
        "amount": Money(amount, "USD") if isinstance(amount, int) else amount,
        "kind": Kind.TRANSFER,
        "basis": Basis.UNRESTRICTED,
        "reason": "The training moved to this pool.",
        "by": make_staff() if "by" not in changes else None,
        "form_token": uuid.uuid4(),
    }
    return transfers.request_transfer(**{**values, **changes})


def overhead(profile: PoolProfile, amount: int, **changes: Any) -> PoolTransfer:
    return ask(profile.pool, general(), amount, kind=Kind.OVERHEAD, basis=Basis.RATE, **changes)


def approve(transfer: PoolTransfer, by: User | None = None) -> PoolTransfer:
    return transfers.decide_transfer(transfer, by=by or make_staff(), approved=True)


def take_back(entry: Entry) -> int:
    """Reverse an entry; the number of the one that does it."""
    by = make_staff()
    with use_case():
        return posting.reverse(entry, reason="Twice.", by=by).entry_id


def available(pool: Pool) -> int:
    return queries.balance(pool)


def refused(row: Any) -> list[str]:
    lines = ModelLogEntry.objects.for_instance(row).filter(action="pools.transfer_refused")
    return [line.data["rule"] for line in lines]


# --- Asking -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_waits_and_moves_nothing() -> None:
    source = a_pool().pool
    asked = ask(source)
    assert asked.decided_at is None
    assert available(source) == 10_000
    assert not Entry.objects.filter(kind="transfer").exists()


@pytest.mark.django_db
def test_the_same_form_twice_is_one_request() -> None:
    source, target, by, token = a_pool().pool, make_pool(), make_staff(), uuid.uuid4()
    first = ask(source, target, by=by, form_token=token)
    again = ask(source, target, by=by, form_token=token)
    assert first.pk == again.pk
    assert PoolTransfer.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"reason": "   "}, refusals.ReasonMissing),
        ({"amount": Money(0, "USD")}, refusals.AmountWanted),
        ({"amount": Money(10_001, "USD")}, refusals.MoreThanAvailable),
        ({"amount": Money(4_000, "EUR")}, refusals.OtherCurrency),
        ({"basis": Basis.RATE}, refusals.RateIsForOverhead),
        ({"basis": Basis.TERMS}, refusals.BasisNoteMissing),
        ({"basis": Basis.CONSENT, "basis_note": " "}, refusals.BasisNoteMissing),
        ({"kind": Kind.OVERHEAD}, refusals.OverheadByRate),
    ],
)
@pytest.mark.django_db
def test_a_request_that_breaks_a_rule_is_not_written_but_kept_in_the_log(
    changes: dict[str, Any], refusal: type[refusals.TransferRefusal]
) -> None:
    source = a_pool().pool
    with pytest.raises(refusal):
        ask(source, **changes)
    assert not PoolTransfer.objects.exists()
    assert refused(source) == [refusal.__name__]


@pytest.mark.django_db
def test_a_pool_gives_nothing_to_itself_and_holding_gives_nothing() -> None:
    source, holding = a_pool().pool, make_pool("holding")
    with pytest.raises(refusals.SamePool):
        ask(source, source)
    with pytest.raises(refusals.NotAPool):
        ask(holding, source)
    with pytest.raises(refusals.NotAPool):
        ask(source, holding)


@pytest.mark.django_db
def test_whoever_has_no_right_asks_for_nothing() -> None:
    with pytest.raises(refusals.NotPermitted):
        ask(a_pool().pool, by=make_staff(groups.AUDITORS))
    assert not PoolTransfer.objects.exists()


@pytest.mark.django_db
def test_restricted_money_needs_the_terms_or_the_consent_in_words() -> None:
    source = a_pool(restricted=True).pool
    with pytest.raises(refusals.BasisWanted) as caught:
        ask(source)
    assert "restricted" in str(caught.value)
    by_terms = ask(source, basis=Basis.TERMS, basis_note="“A remainder goes to training.”")
    by_consent = ask(source, basis=Basis.CONSENT, basis_note="All donors, by letter of 3 May.")
    assert {by_terms.basis, by_consent.basis} == {"terms", "consent"}


@pytest.mark.django_db
def test_the_figures_are_in_the_refusal() -> None:
    with pytest.raises(refusals.MoreThanAvailable) as caught:
        ask(a_pool(title="Training").pool, amount=10_050)
    assert "“Training” has $100.00 available" in str(caught.value)
    assert "$100.50" in str(caught.value)


# --- Deciding ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_second_person_moves_the_money_and_both_pools_balance() -> None:
    source, target = a_pool().pool, make_pool()
    asker, decider = make_staff(), make_staff()
    done = approve(ask(source, target, by=asker), decider)
    assert (available(source), available(target)) == (6_000, 4_000)
    assert queries.figures(source, "USD")["transfers"] == -4_000
    assert queries.figures(target, "USD")["transfers"] == 4_000
    entry = Entry.objects.get(kind="transfer")
    assert entry.source == f"transfer:{done.reference}"
    assert (entry.prepared_by, entry.approved_by) == (
        f"user:{asker.pk}",
        [f"user:{decider.pk}"],
    )
    assert "training" not in entry.memo  # staff's own words stay out of the books
    assert list(verification.problems()) == []


@pytest.mark.django_db
def test_nobody_decides_on_their_own_request_and_the_attempt_is_kept() -> None:
    by = make_staff()
    asked = ask(a_pool().pool, by=by)
    with pytest.raises(refusals.OwnRequest):
        approve(asked, by)
    with pytest.raises(refusals.OwnRequest):
        transfers.decide_transfer(asked, by=by, approved=False, note="Changed my mind.")
    asked.refresh_from_db()
    assert asked.decided_at is None
    assert refused(asked) == ["OwnRequest", "OwnRequest"]


@pytest.mark.django_db
def test_the_database_holds_two_people_too() -> None:
    asked = ask(a_pool().pool)
    with pytest.raises(IntegrityError, match="pool_transfer_two_people"), transaction.atomic():
        PoolTransfer.objects.filter(pk=asked.pk).update(
            approved=True, decided_by=asked.requested_by, decided_at=asked.requested_at
        )


@pytest.mark.django_db
def test_who_lacks_the_right_decides_nothing() -> None:
    asked = ask(a_pool().pool)
    with pytest.raises(refusals.NotPermitted):
        approve(asked, make_staff(groups.AUDITORS))
    assert refused(asked) == ["NotPermitted"]


@pytest.mark.django_db
def test_a_no_needs_a_reason_and_ends_it() -> None:
    source = a_pool().pool
    asked, decider = ask(source), make_staff()
    with pytest.raises(refusals.NoteMissing):
        transfers.decide_transfer(asked, by=decider, approved=False, note=" ")
    transfers.decide_transfer(asked, by=decider, approved=False, note="Not this year.")
    with pytest.raises(refusals.DecidedBefore):
        approve(asked)
    assert available(source) == 10_000


@pytest.mark.django_db
def test_pressing_approve_twice_moves_the_money_once() -> None:
    source = a_pool().pool
    asked, decider = ask(source), make_staff()
    approve(asked, decider)
    approve(asked, decider)
    assert available(source) == 6_000


@pytest.mark.django_db
def test_what_was_spent_meanwhile_is_asked_again_at_the_decision() -> None:
    source = a_pool().pool
    first, second = ask(source, amount=6_000), ask(source, amount=6_000)
    approve(first)
    with pytest.raises(refusals.MoreThanAvailable):
        approve(second)
    second.refresh_from_db()
    assert second.decided_at is None
    assert refused(second) == ["MoreThanAvailable"]


def test_two_decisions_at_once_never_move_more_than_there_is(committed_db: Any) -> None:
    source = a_pool().pool
    asked = [ask(source, amount=6_000), ask(source, amount=6_000)]
    deciders = [make_staff(), make_staff()]
    results = together(
        lambda: approve(asked[0], deciders[0]),
        lambda: approve(asked[1], deciders[1]),
    )
    no = [one for one in results if isinstance(one, Exception)]
    assert len(no) == 1
    assert isinstance(no[0], refusals.MoreThanAvailable | NotEnoughAvailable)
    assert available(source) == 4_000
    assert PoolTransfer.objects.filter(approved=True).count() == 1


def test_two_people_who_decide_at_once_decide_once(committed_db: Any) -> None:
    source = a_pool().pool
    asked, one, other = ask(source), make_staff(), make_staff()
    results = together(
        lambda: approve(asked, one),
        lambda: transfers.decide_transfer(asked, by=other, approved=False, note="No."),
    )
    assert sum(isinstance(result, refusals.DecidedBefore) for result in results) == 1


def test_the_same_form_at_the_same_moment_is_one_request(committed_db: Any) -> None:
    source, target, by, token = a_pool().pool, make_pool(), make_staff(), uuid.uuid4()
    act = lambda: ask(source, target, by=by, form_token=token)  # noqa: E731
    results = together(act, act, act)
    assert {result.pk for result in results} == {PoolTransfer.objects.get().pk}


# --- Overhead ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_overhead_is_the_rate_of_what_was_kept_less_what_was_taken() -> None:
    profile = a_pool(held=99_999, overhead_rate=750)
    assert transfers.overhead_due(profile) == Money(7_499, "USD")  # rounded down
    approve(overhead(profile, 5_000))
    assert transfers.overhead_due(profile) == Money(2_499, "USD")
    with pytest.raises(refusals.MoreThanOverheadDue) as caught:
        overhead(profile, 2_500)
    assert "$24.99" in str(caught.value)
    approve(overhead(profile, 2_499))
    assert transfers.overhead_due(profile) == Money(0, "USD")
    assert available(general()) == 7_499
    assert Entry.objects.filter(kind="overhead").count() == 2


@pytest.mark.django_db
def test_money_given_back_or_lost_lowers_what_may_be_taken_and_never_below_zero() -> None:
    profile = a_pool(held=100_000, overhead_rate=1_000)
    approve(overhead(profile, 6_000))
    values: dict[str, Any] = {"pool": profile.code, "currency": "USD", "date": A_DAY}
    post_now(entries.refunded(key="back", amount=30_000, paid="gift", place="clearing", **values))
    assert transfers.overhead_due(profile) == Money(1_000, "USD")
    post_now(entries.dispute_opened(key="held", amount=20_000, fee=0, **values))
    assert transfers.overhead_due(profile) == Money(0, "USD")
    post_now(entries.dispute_lost(key="lost", amount=20_000, paid="gift", **values))
    assert transfers.overhead_due(profile) == Money(0, "USD")


@pytest.mark.django_db
def test_overhead_that_was_reversed_in_the_books_can_be_taken_again() -> None:
    profile = a_pool(held=100_000, overhead_rate=1_000)
    approve(overhead(profile, 10_000))
    take_back(Entry.objects.get(kind="overhead"))
    assert transfers.overhead_due(profile) == Money(10_000, "USD")


@pytest.mark.django_db
def test_overhead_wants_a_published_rate_and_goes_to_the_general_pool() -> None:
    with pytest.raises(refusals.NoOverheadRate):
        overhead(a_pool(), 100)
    with pytest.raises(refusals.OverheadToGeneral):
        ask(a_pool(overhead_rate=500).pool, amount=100, kind=Kind.OVERHEAD, basis=Basis.RATE)


@pytest.mark.django_db
def test_overhead_of_a_restricted_pool_needs_no_other_basis() -> None:
    approve(overhead(a_pool(restricted=True, overhead_rate=1_000), 1_000))
    assert available(general()) == 1_000


@pytest.mark.django_db
def test_the_general_pool_takes_overhead_in_another_currency() -> None:
    general()
    profile = a_pool(currency="EUR", held=100_000, overhead_rate=1_000)
    approve(
        ask(
            profile.pool,
            general(),
            amount=Money(1_000, "EUR"),
            kind=Kind.OVERHEAD,
            basis=Basis.RATE,
        )
    )
    assert queries.figures(general(), "EUR")["transfers"] == 1_000


def test_overhead_taken_twice_at_once_is_taken_once(committed_db: Any) -> None:
    profile = a_pool(held=100_000, overhead_rate=1_000)
    asked = [overhead(profile, 10_000), overhead(profile, 10_000)]
    deciders = [make_staff(), make_staff()]
    results = together(
        lambda: approve(asked[0], deciders[0]),
        lambda: approve(asked[1], deciders[1]),
    )
    assert [type(one) for one in results if isinstance(one, Exception)] == [
        refusals.MoreThanOverheadDue
    ]
    assert available(general()) == 10_000


# --- What everybody sees ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_public_page_names_pools_reason_basis_roles_and_the_entry_but_no_person(
    client: Client,
) -> None:
    asker, decider = make_staff(), make_staff(groups.ADMINISTRATORS)
    asker.first_name, asker.last_name = "Zacharias", "Quintessence"
    asker.save()
    source = a_pool(title="Training", restricted=True).pool
    done = approve(
        ask(source, by=asker, basis=Basis.CONSENT, basis_note="By letter of 3 May."), decider
    )
    page = client.get("/transfers/")
    text = page.content.decode()
    assert page.status_code == 200
    for words in ("Training", "$40.00", "The training moved", "By letter of 3 May", "consent"):
        assert words in text
    assert "a treasurer" in text
    assert "an administrator" in text
    assert f"/ledger/entries/{Entry.objects.get(kind='transfer').pk}/" in text
    assert str(done.reference) in text
    for secret in ("Zacharias", "Quintessence", asker.email, decider.email):
        assert secret not in text


@pytest.mark.django_db
def test_what_waits_or_was_declined_is_not_published(client: Client) -> None:
    source = a_pool().pool
    ask(source, reason="Waiting words.")
    no = ask(source, reason="Declined words.")
    transfers.decide_transfer(no, by=make_staff(), approved=False, note="No.")
    text = client.get("/transfers/").content.decode()
    assert "Waiting words" not in text
    assert "Declined words" not in text


@pytest.mark.django_db
def test_the_page_says_where_a_transfer_was_taken_back(client: Client) -> None:
    approve(ask(a_pool().pool))
    number = take_back(Entry.objects.get(kind="transfer"))
    assert f"/ledger/entries/{number}/" in client.get("/transfers/").content.decode()


@pytest.mark.django_db
def test_the_page_makes_the_same_queries_for_one_transfer_and_for_many(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    source = a_pool(held=1_000_000).pool
    client.get("/transfers/")
    for _ in range(3):
        approve(ask(source, amount=100))
    with django_assert_max_num_queries(8) as few:
        client.get("/transfers/")
    for _ in range(9):
        approve(ask(source, amount=100))
    with django_assert_max_num_queries(8) as many:
        client.get("/transfers/")
    assert len(few) == len(many)
