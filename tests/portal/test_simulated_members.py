"""Simulated years of membership: sound afterwards by a second road, and every way of life in them."""

import dataclasses
import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from funding.ledger import verification
from funding.ledger.models import Entry
from funding.payments.models import CreditNote
from membership.models import Seat, Term, TermNotice
from portal.simulation import plan, stage
from portal.simulation.planned import Scale
from portal.simulation.run import simulate
from tests.conftest import CommittedDatabase

FEW = Scale(
    pools=1, donors=2, gifts=1, pledges=1, refunds=0, disputes=0, transfers=0, offers=0,
    organisations=14,
)  # fmt: skip
Status = Term.Status
# Chosen for the many ways of life among so few.
SEED = 188
MONTH = datetime.date(2026, 10, 1)


def test_a_plan_of_full_size_takes_two_thousand_organisations_through_every_way_of_life() -> None:
    few_gifts = dataclasses.replace(Scale(), gifts=1, pledges=1)
    years = plan.make_plan(1, 5, few_gifts, until=MONTH)
    kinds = [event.kind for event in years.events]

    assert len(years.members) == kinds.count("begin_application") == 2_000
    assert kinds.count("morning") == 1_826  # one leap day
    rare = ("withdraw", "answer", "decide_appeal", "waive", "order", "cancel", "rejoin", "twin")
    assert min(kinds.count(kind) for kind in (*rare, "apply_again", "leave", "give_up")) > 20
    assert years.start == datetime.date(2021, 11, 1)


@pytest.fixture
def fewer_mornings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The morning's jobs each fifth day, which they make up for: most of the time goes there."""
    every_day = plan._days
    monkeypatch.setattr(plan, "_days", lambda *about: every_day(*about)[::5])


@pytest.fixture
def years(
    committed_db: CommittedDatabase,
    own_checkpoints: None,
    fewer_mornings: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    # Most of so small a run would be the making of pages, which hold no members.
    monkeypatch.setattr(stage, "setup_tree", lambda: None)
    monkeypatch.setattr(stage.Stage, "_page", lambda *_: None)
    return simulate(SEED, 2, FEW, until=MONTH)


def test_simulated_members_are_sound_by_both_roads_and_lived_through_all_of_it(years: Any) -> None:
    said = StringIO()
    call_command("verify_membership", stdout=said)

    assert list(verification.problems()) == []
    assert "Membership is sound" in said.getvalue()
    statuses = {term.status(years.plan.end) for term in Term.objects.all()}
    assert {Status.CURRENT, Status.LAPSED} <= statuses
    assert Term.objects.filter(renews__isnull=False, settled_on__isnull=False).exists()
    assert TermNotice.objects.filter(kind=TermNotice.Kind.LAPSED).exists()
    assert CreditNote.objects.filter(invoice__purpose="dues").exists()
    assert Entry.objects.filter(idempotency_key__startswith="dues-earned:").exists()
    assert Seat.objects.exclude(person__email__startswith="member").exists()
    assert set(years.refused) <= {"pay: TermOver", "pay: InvoiceVoid", "pay: NothingToPay"}
