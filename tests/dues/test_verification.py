"""The second road to members, dues and what they earned: it agrees, and it says where they do not."""

import datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.transactions import use_case
from funding.dues import billing, crediting, earning, verification
from funding.ledger.models import Pool
from membership import terms, tier_changes
from membership.models import Term, TierChange
from membership.models.terms import TermQuerySet
from tests.dues.test_changing import ask, member, part_of
from tests.dues.test_crediting import make_treasurer
from tests.dues.test_money_back import give_back
from tests.factories import banking
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    dues_payment,
    invoice_of,
    make_officer,
    may,
    open_term,
    pay,
)

pytestmark = pytest.mark.django_db


def at(day: str) -> Any:
    noon = datetime.datetime.fromisoformat(f"{day}T12:40").replace(tzinfo=datetime.UTC)
    return time_machine.travel(noon, tick=False)


def paid(day: str) -> Term:
    """A member since a day, whose dues came by card that day."""
    with at(day):
        term = admitted_term()
        payment = dues_payment(term)
        pay(payment, paid_at=timezone.now())
    term.refresh_from_db()
    return term


def earn(*months: str) -> None:
    for month in months:
        earning.earn_month(datetime.date.fromisoformat(f"{month}-01"))


def problems() -> str:
    return "\n".join(verification.verify().problems)


@pytest.fixture
def life(foundation: Pool) -> Term:
    """A member that renewed, one that was cancelled, one that never paid, and a ministry."""
    first = paid("2026-03-10")
    left = paid("2026-03-20")
    with at("2026-03-12"):
        unpaid, ministry = admitted_term(), admitted_term(**MINISTRY)
    assert ministry.waived_on
    earn("2026-03", "2026-04")
    with at("2026-05-10"), use_case():
        terms.cancel(left, on=datetime.date(2026, 5, 10), by=make_officer(), reason="Left")
    with at("2026-05-12"):
        crediting.credit_invoice(
            invoice_of(unpaid), by=make_treasurer(), reason="Gone", then="cancel"
        )
    earn("2026-05", "2026-06")
    return first


def test_it_agrees_with_the_books_and_the_directory(life: Term) -> None:
    found = verification.verify()

    assert found.problems == []
    assert (found.terms, found.left_to_bounds) == (4, 0)
    assert found.invoices == {"paid": 2, "void": 1, "open": 0}
    march, april, may, june = found.months
    # 22 of 365 days of 250.00, and 12 days; then the rest of what was kept, in May.
    assert march.earned_by_days == march.earned_in_ledger == 1_507 + 822
    assert may.earned_in_ledger == 2_123 + 25_000 - 822 - 2_055
    assert june.earned_by_days == june.earned_in_ledger == 2_055
    assert [month.members for month in found.months] == [3, 3, 2, 2]
    assert april.statuses == {"current": 3, "awaiting_payment": 1}


def test_a_unit_earned_too_much_is_found(life: Term, monkeypatch: pytest.MonkeyPatch) -> None:
    truly = earning.earned_by
    monkeypatch.setattr(earning, "earned_by", lambda *about: truly(*about) + 1)
    earn("2026-07")
    assert f"By 2026-07-31 term {life.pk} has earned" in problems()


def test_money_booked_after_the_run_of_its_month_is_earned_by_the_next_run(life: Term) -> None:
    with at("2026-06-30"):
        late = admitted_term()
        pay(
            dues_payment(late),
            paid_at=timezone.now(),
        )
    earn("2026-07")
    assert problems() == ""
    july = verification.verify().months[-1]
    assert july.earned_in_ledger > 2 * 2_123


def test_a_term_that_is_settled_without_its_money_is_found(foundation: Pool) -> None:
    term = admitted_term()
    with use_case():
        terms.settle(term, on=timezone.localdate())
    assert f"Term {term.pk} counts as settled, and 25000 of its invoice is open." in problems()


def test_an_invoice_without_its_entry_is_found(foundation: Pool) -> None:
    term = open_term()
    with use_case():
        invoice = billing.bill(term, to=make_officer(), on=timezone.localdate())
    said = problems()
    assert f"Invoice {invoice.number} over 25000 has an entry over None." in said
    assert f"Of term {term.pk} 25000 is open, and the books are owed 0." in said


def test_a_status_and_a_directory_that_say_otherwise_are_found(
    life: Term, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Term, "makes_member", lambda *_: True)
        patch.setattr(Term, "status", lambda *_: Term.Status.LAPSED)
        assert f"Term {life.pk} is current on 2026-03-31, and says lapsed." in problems()
    monkeypatch.setattr(TermQuerySet, "standing", lambda self, on: self.none())
    assert "On 2026-06-30 there are 2 members, and the directory has 0." in problems()


def test_money_that_went_back_is_held_to_what_came(life: Term) -> None:
    banking.make_account("USD")
    give_back(invoice_of(life).payments.get(), 10_000)
    found = verification.verify()
    assert found.problems == []
    assert found.left_to_bounds == 1


def test_terms_that_share_days_and_renewals_that_move_twice_are_found() -> None:
    def term(pk: int, first: str, last: str, **more: Any) -> Term:
        days = (datetime.date.fromisoformat(day) for day in (first, last))
        starts_on, ends_on = days
        return Term(pk=pk, organisation_id=1, starts_on=starts_on, ends_on=ends_on, **more)

    year = term(1, "2024-01-01", "2024-12-31")
    on_its_last_day = term(2, "2024-12-31", "2025-12-30")
    cancelled = term(3, "2024-06-01", "2025-05-31", cancelled_on=datetime.date(2024, 6, 1))
    assert list(verification._overlaps([year, cancelled])) == []
    assert "share days" in next(verification._overlaps([year, cancelled, on_its_last_day]))


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2025-01-02", "2025-12-31", "does not begin the day after it"),
        ("2025-01-01", "2026-12-31", "by more than a year"),
    ],
)
def test_a_renewal_that_leaves_a_day_out_or_is_too_long_is_found(
    foundation: Pool, first: str, last: str, words: str
) -> None:
    year = Term(pk=1, starts_on=datetime.date(2024, 1, 1), ends_on=datetime.date(2024, 12, 31))
    days = [datetime.date.fromisoformat(day) for day in (first, last)]
    renewed = Term(pk=2, renews_id=1, starts_on=days[0], ends_on=days[1])
    assert words in next(verification._moves([year, renewed]))
    twice = Term(pk=3, renews_id=1, starts_on=days[0], ends_on=days[1])
    assert "Term 1 was renewed 2 times." in list(verification._moves([year, renewed, twice]))


def test_the_command_ends_with_what_is_wrong(life: Term) -> None:
    said = StringIO()
    call_command("verify_membership", stdout=said)
    assert "Membership is sound: 4 organisations" in said.getvalue()
    unpaid = admitted_term()
    with use_case():
        terms.settle(unpaid, on=timezone.localdate())
    with pytest.raises(CommandError, match="faults"):
        call_command("verify_membership", stdout=StringIO())


# --- Paid elsewhere, and changes of tier ----------------------------------------------------------


def test_a_term_that_was_paid_before_the_portal_came_is_sound(foundation: Pool) -> None:
    importer = may(make_officer(), "import_members")
    term = open_term()
    with use_case():
        terms.settle_elsewhere(term, on=timezone.localdate(), by=importer, evidence="Old list")
    found = verification.verify()
    assert (found.problems, found.left_to_bounds) == ([], 0)

    with use_case():
        terms.unsettle(term, by=None, reason="It was not paid.")
    assert problems() == ""
    Term.objects.update(settled_on=timezone.localdate())
    assert f"Term {term.pk} was settled 0 times by its log." in problems()


def test_the_open_invoice_of_a_higher_tier_is_owed_by_its_change(foundation: Pool) -> None:
    change = ask(member())
    found = verification.verify()
    assert found.problems == []
    assert found.invoices == {"paid": 1, "open": 1, "void": 0}

    with use_case():
        tier_changes.settle(change, on=datetime.date(2026, 7, 5))
    words = f"Tier change {change.pk} counts as settled, and 486164 of its invoice is open."
    assert words in problems()


def test_money_owed_by_a_change_that_is_not_there_is_found(foundation: Pool) -> None:
    change = ask(member())
    TierChange.objects.filter(pk=change.pk).update(effective_on=None, difference=0)
    assert "The books are owed 486164 by no term." in problems()


def higher(day: str) -> TierChange:
    """A member's change to a higher tier, paid on the day on which it was asked for."""
    change = ask(member(), on=day)
    with at(day):
        part_of(change, billing.change_invoice(change), change.difference)
    return TierChange.objects.get(pk=change.pk)


def test_the_difference_of_a_higher_tier_is_held_to_its_own_days(foundation: Pool) -> None:
    change = higher("2026-07-20")
    earn("2026-06", "2026-07", "2026-08")

    found = verification.verify()

    assert (found.problems, found.left_to_bounds) == ([], 0)
    july, august = found.months[-2:]
    # 12 of 165 days from 20 July on, beside 31 of 365 of the term.
    of_change = round(change.difference * 12 / 165)
    assert july.earned_in_ledger == july.earned_by_days == 2_123 + of_change
    assert august.earned_in_ledger == august.earned_by_days


def test_a_unit_of_a_higher_tier_that_is_earned_too_much_is_found(
    foundation: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = higher("2026-07-20")
    truly = earning.Span.earned_by
    monkeypatch.setattr(
        earning.Span,
        "earned_by",
        lambda span, *about: truly(span, *about) + (span.first is not None),
    )
    earn("2026-07")
    said = problems()
    assert f"By 2026-07-31 tier change {change.pk} has earned" in said
    assert "By 2026-07-31 term" not in said


def test_a_higher_tier_ends_with_its_cancelled_term(foundation: Pool) -> None:
    change = higher("2026-07-20")
    earn("2026-07")
    with at("2026-08-10"), use_case():
        terms.cancel(change.term, on=datetime.date(2026, 8, 10), by=make_officer(), reason="Left")
    earn("2026-08", "2026-09")
    assert problems() == ""


def test_what_a_lower_tier_owes_back_is_never_to_be_earned(
    foundation: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(member("sustaining"), "implementer", on="2026-06-30")
    earn("2026-05", "2026-06", "2026-07")
    found = verification.verify()
    assert (found.problems, found.left_to_bounds) == ([], 1)

    monkeypatch.setattr(earning, "earned_by", lambda term, kept, *_about: kept)
    earn("2026-08")
    assert "By 2026-08-31 term" in problems()
