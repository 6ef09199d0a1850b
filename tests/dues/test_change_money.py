"""Money of a change of tier that came in part, twice, or never after all: no change stays stuck."""

import pytest
from django.test import Client
from django.urls import reverse

from core.transactions import use_case
from funding.dues import billing, changing, crediting, earning
from funding.dues.refusals import InvoiceVoid, MayNotCredit
from funding.ledger.models import Entry, Pool
from funding.payments import money_back, problems
from funding.payments.banking import undoing
from funding.payments.models import Invoice, Payment, Status
from membership import tier_changes
from membership.models import TierChange
from portal import groups
from tests.dues.test_changing import (
    ask,
    at,
    balances,
    date,
    fresh_term,
    member,
    part_of,
    pay_change,
    tier,
)
from tests.dues.test_money_back import fail_debit, fresh, give_back
from tests.factories import banking
from tests.factories.home import make_site, make_staff, sign_in
from tests.factories.payouts import ask_refund
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db
State = TierChange.State
DIFFERENCE = 486_164  # from 3 July 2026 on


@pytest.fixture
def change(foundation: Pool) -> TierChange:
    """A member asked for a higher tier on 3 July; its bill is due on 17 July."""
    banking.make_account("USD")
    return ask(member())


def bill(change: TierChange) -> Invoice:
    invoice = billing.change_invoice(change)
    assert invoice is not None
    return invoice


def arrive(change: TierChange, amount: int, day: str = "2026-07-05") -> Payment:
    with at(day):
        return part_of(change, bill(change), amount)


def end_unpaid(day: str) -> int:
    with at(day):
        return changing.end_unpaid()


# --- A part of it ---------------------------------------------------------------------------------


def test_a_part_that_is_kept_when_the_bill_is_overdue_is_told_to_staff_once(
    change: TierChange,
) -> None:
    part = arrive(change, 100_000)
    assert end_unpaid("2026-07-17") == 0
    assert fresh(part).problem == ""

    for day in ("2026-07-18", "2026-07-19"):
        assert end_unpaid(day) == 0
    assert fresh(change).state == State.BILLED
    assert fresh(part).problem.splitlines() == [
        f"Invoice {bill(change)} was due on 2026-07-17 and is not paid whole: the change of tier "
        "waits. Ask for the rest, or give back what came, which ends the change."
    ]

    problems.handled(fresh(part), reason="They pay in August", by=banking.make_staff())
    assert end_unpaid("2026-07-20") == 0
    assert fresh(part).problem == ""


def test_once_the_part_is_given_back_the_change_ends(change: TierChange) -> None:
    part = arrive(change, 100_000)
    end_unpaid("2026-07-18")
    with at("2026-07-20"):
        give_back(fresh(part))
    assert fresh(change).state == State.ENDED
    assert balances(billing.pool())[0] == 0


def test_while_the_rest_is_under_way_staff_are_told_nothing(change: TierChange) -> None:
    part = arrive(change, 100_000)
    with at("2026-07-10"):
        rest = changing.start_payment(bill(change), by=change.asked_by)
        Payment.objects.filter(pk=rest.pk).update(status=Status.PROCESSING)
    assert end_unpaid("2026-07-18") == 0
    assert {fresh(part).problem, fresh(rest).problem} == {""}


# --- What is owed back ----------------------------------------------------------------------------


def take_back(payment: Payment) -> None:
    clerk = banking.make_staff()
    with at("2026-07-10"), use_case():
        undoing.take_back_payment(payment, by=clerk, reason="Of another member")


def paid_twice(change: TierChange) -> tuple[Payment, Payment]:
    first, second = arrive(change, DIFFERENCE), arrive(change, DIFFERENCE, "2026-07-06")
    assert money_back.paid_by(second) == "too-much"
    return first, second


def test_when_the_first_is_undone_the_second_pays_in_its_place(change: TierChange) -> None:
    first, second = paid_twice(change)

    take_back(first)

    change = fresh(change)
    assert (change.state, change.settled_on) == (State.MADE, date("2026-07-06"))
    assert fresh_term(change.term).tier.code == "sustaining"
    assert bill(change).how_paid().by == second
    applied = Entry.objects.get(idempotency_key__startswith="overpayment-applied:")
    assert applied.source == earning.source_of_change(change.pk)
    assert balances(billing.pool())[0] == 0

    take_back(second)
    assert fresh(change).state == State.BILLED
    assert fresh_term(change.term).tier.code == "implementer"
    assert balances(billing.pool())[0] == bill(change).outstanding.amount == DIFFERENCE


def test_when_its_debit_fails_the_second_pays_in_its_place(change: TierChange) -> None:
    first = pay_change(change, "2026-07-05")
    second = arrive(change, DIFFERENCE, "2026-07-06")
    with at("2026-07-10"):
        fail_debit(first)
    assert fresh(change).state == State.MADE
    assert money_back.paid_by(fresh(second)) == "dues"
    assert balances(billing.pool())[0] == 0


def test_a_change_that_waits_is_made_by_what_was_owed_back(change: TierChange) -> None:
    part = arrive(change, 100_000)
    whole = arrive(change, DIFFERENCE, "2026-07-06")
    assert money_back.paid_by(whole) == "too-much"
    with use_case():
        tier_changes.unsettle(tier_changes.lock(change.pk), reason="Not the whole came.")
    assert fresh_term(change.term).tier.code == "implementer"

    take_back(part)

    assert fresh(change).settled_on == date("2026-07-06")
    assert fresh_term(change.term).tier.code == "sustaining"
    assert balances(billing.pool())[0] == 0


def test_a_second_that_is_asked_back_stays_owed_back_and_staff_are_told(
    change: TierChange,
) -> None:
    first, second = paid_twice(change)
    ask_refund(second, place="bank")

    take_back(first)

    assert fresh(change).state == State.BILLED
    assert fresh_term(change.term).tier.code == "implementer"
    words = f"It could pay invoice {bill(change)} now. Talk to the payer."
    assert words in fresh(second).problem


def test_after_another_change_people_decide_what_pays(change: TierChange) -> None:
    first, second = paid_twice(change)
    tier("implementer").fee_rules.filter(kind="company").update(amount=2_000_000)
    ask(change.term, "implementer", on="2026-08-01")

    take_back(first)

    assert "changed again" in fresh(first).problem
    assert money_back.paid_by(fresh(second)) == "too-much"


# --- A purchase order -----------------------------------------------------------------------------


def test_its_bill_is_issued_anew_with_a_purchase_order_and_paid_like_the_first(
    change: TierChange,
) -> None:
    old = bill(change)
    with at("2026-07-04"):
        new = crediting.reissue_with_purchase_order(old, "PO 7", by=change.asked_by)
    assert (new.purchase_order, new.total, new.due_on) == ("PO 7", old.total, old.due_on)
    assert bill(change) == new
    assert balances(billing.pool())[0] == DIFFERENCE

    arrive(change, DIFFERENCE)
    assert fresh(change).state == State.MADE
    assert balances(billing.pool())[0] == 0


def test_the_bill_of_a_change_that_ended_takes_no_purchase_order(change: TierChange) -> None:
    old = bill(change)
    with at("2026-07-04"):
        changing.withdraw(change, by=change.asked_by)
        with pytest.raises(InvoiceVoid):
            crediting.reissue_with_purchase_order(old, "PO 7", by=change.asked_by)


def test_whoever_has_no_part_in_it_gives_no_purchase_order(change: TierChange) -> None:
    with pytest.raises(MayNotCredit):
        crediting.reissue_with_purchase_order(bill(change), "PO 7", by=make_person())


def test_the_member_and_staff_give_it_on_their_pages(change: TierChange, client: Client) -> None:
    make_site()
    with at("2026-07-04"):
        client.force_login(change.asked_by)
        page = client.get(reverse("membership_area")).content.decode()
        address = reverse("membership_purchase_order", args=[bill(change).public_id])
        assert address in page
        client.post(address, {"purchase_order": "PO 8"})
        assert bill(change).purchase_order == "PO 8"

    sign_in(client, make_staff(groups.TREASURERS))
    url = reverse("dues_invoices:inspect", args=[bill(change).pk])
    assert "Issue it anew" in client.get(url).content.decode()
    client.post(url, {"act": "order", "purchase_order": "PO 9"})
    assert bill(change).purchase_order == "PO 9"
