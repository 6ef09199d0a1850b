"""The menu "Money": who sees each page, what it says, and what is done there."""

import datetime
import html
import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.payments import payouts, progress, receipts, signoff
from funding.payments.banking import confirming
from funding.payments.models import (
    CreditNote,
    Dispute,
    Payment,
    Payout,
    ProcessorPayout,
    ProcessorTransaction,
    StripeEvent,
    Subscription,
)
from portal import groups
from tests.factories.banking import make_account, make_line
from tests.factories.banking import make_staff as make_colleague
from tests.factories.home import make_staff, sign_in
from tests.factories.ledger import make_pool, post_now
from tests.factories.payments import PURPOSE, event_body, make_invoice, make_payment
from tests.factories.payouts import (
    approve,
    approved_refund,
    ask_refund,
    card_payment,
    transfer_payment,
)
from tests.payments.together import text_of

pytestmark = pytest.mark.django_db
NOW = timezone.now


@pytest.fixture(autouse=True)
def site() -> None:
    with use_case():
        groups.setup_groups()


@pytest.fixture
def treasurer(client: Client) -> User:
    return sign_in(client, make_staff(groups.TREASURERS))


@pytest.fixture
def auditor(client: Client) -> User:
    return sign_in(client, make_staff(groups.AUDITORS))


def url(viewset: str, page: str = "index", *args: Any) -> str:
    return reverse(f"payments_{viewset}:{page}", args=args)


# --- One of everything ------------------------------------------------------------------------------


def an_event(**changes: Any) -> StripeEvent:
    values = {
        "event_id": f"evt_{uuid.uuid4().hex}",
        "type": "charge.updated",
        "body": '{"id": "evt_1", "data": {"object": {"note": "fée"}}}',
        "source": StripeEvent.Source.WEBHOOK,
        "created": NOW(),
    }
    return StripeEvent.objects.create(**{**values, **changes})


def a_failing_event(**changes: Any) -> StripeEvent:
    return an_event(attempts=3, last_error="ValueError: no such thing", **changes)


def a_dispute(payment: Payment, **changes: Any) -> Dispute:
    values = {
        "stripe_dispute": f"dp_{uuid.uuid4().hex}",
        "payment": payment,
        "amount": payment.amount,
        "currency": payment.currency,
        "reason": "fraudulent",
        "status": "needs_response",
        "outcome": Dispute.Outcome.OPEN,
        "evidence_due_at": NOW() + datetime.timedelta(days=7),
        "opened_at": NOW(),
    }
    return Dispute.objects.create(**{**values, **changes})


def a_processor_payout() -> ProcessorPayout:
    return ProcessorPayout.objects.create(
        stripe_payout="po_1",
        amount=4_825,
        currency="USD",
        status=ProcessorPayout.Status.PAID,
        arrival_on=timezone.localdate(),
        created_at=NOW(),
    )


def a_processor_line(payment: Payment, **changes: Any) -> ProcessorTransaction:
    values = {
        "balance_transaction": f"txn_{uuid.uuid4().hex}",
        "type": "charge",
        "amount": 5_000,
        "fee": 175,
        "net": 4_825,
        "currency": "USD",
        "source": payment.stripe_charge or "",
        "created_at": NOW(),
        "available_on": timezone.localdate(),
    }
    return ProcessorTransaction.objects.create(**{**values, **changes})


def a_subscription(payment: Payment) -> Subscription:
    return Subscription.objects.create(
        purpose=PURPOSE,
        purpose_id=1,
        pool=payment.pool,
        description="Monthly gift",
        amount=1_000,
        currency="USD",
        interval="month",
        payer_name="Ada Payer",
        payer_email="ada@example.org",
        language="en",
        status="active",
    )


def a_credit_note(payment: Payment) -> CreditNote:
    from funding.payments import credit_notes

    receipt = payment.receipts.get()
    with use_case():
        return credit_notes.void_receipt(receipt, reason="A test.", by=None)


def every_page() -> list[str]:
    """The address of every page of the menu, with a row to show on each."""
    payment = card_payment(5_000)
    payout = ask_refund(payment, amount=1_000)
    rows = {
        "payments": payment,
        "payouts": payout,
        "disputes": a_dispute(payment),
        "subscriptions": a_subscription(payment),
        "invoices": make_invoice(),
        "receipts": payment.receipts.get(),
        "credit_notes": a_credit_note(payment),
        "processor_payouts": a_processor_payout(),
        "processor_lines": a_processor_line(payment, problem="Nobody knows it."),
        "events": an_event(),
    }
    found = [url(name) for name in rows]
    found += [url(name, "inspect", row.pk) for name, row in rows.items()]
    return [*found, url("payouts", "owed_back"), url("month_ends")]


def test_a_treasurer_reads_every_page(client: Client, treasurer: User) -> None:
    for address in every_page():
        answer = client.get(address)
        assert answer.status_code == 200, address


def test_an_auditor_reads_every_page_and_is_offered_no_act(client: Client, auditor: User) -> None:
    for address in every_page():
        answer = client.get(address)
        assert answer.status_code == 200, address
        # The forms of Wagtail's own frame (sign out, search) are no acts on money.
        assert 'name="act"' not in answer.content.decode(), address


@pytest.mark.parametrize("name", [groups.EDITORS, groups.MEMBERSHIP_OFFICERS])
def test_other_staff_see_none_of_it(client: Client, name: str) -> None:
    addresses = every_page()
    sign_in(client, make_staff(name))
    for address in addresses:
        assert client.get(address).status_code in (302, 403), address
    menu = text_of(client.get("/admin/"))
    assert "What needs you" not in menu


def test_nobody_sees_it_without_signing_in(client: Client) -> None:
    for address in every_page():
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert "login" in answer["Location"] or "sign-in" in answer["Location"], answer["Location"]


def test_nothing_is_added_edited_or_deleted_by_hand(client: Client, treasurer: User) -> None:
    payment = card_payment()
    for page in ("new/", f"edit/{payment.pk}/", f"delete/{payment.pk}/"):
        assert client.get(f"/admin/money/payments/{page}").status_code == 404


# --- Lists ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["stripe_intent", "stripe_charge", "payer_email", "public_id"])
def test_a_payment_is_found_by_what_staff_have_in_hand(
    client: Client, treasurer: User, field: str
) -> None:
    payment = card_payment(payer_name="Wanted Person", payer_email="wanted@example.org")
    card_payment(payer_name="Somebody Else")
    words = text_of(client.get(url("payments"), {"q": str(getattr(payment, field))}))
    assert "Wanted Person" in words
    assert "Somebody Else" not in words


def test_a_payment_is_found_by_its_receipt_and_listed_once(client: Client, treasurer: User) -> None:
    payment = card_payment(payer_name="Wanted Person")
    number = payment.receipts.get().number
    found = client.get(url("payments"), {"q": number}).context["object_list"]
    assert [row.pk for row in found] == [payment.pk]
    # A search by name reads other tables too, and shows each payment once all the same.
    a_credit_note(payment)
    with use_case():
        receipts.reissue(progress.lock(payment.pk), amount=4_000)
    assert payment.receipts.count() == 2
    found = client.get(url("payments"), {"q": "Wanted"}).context["object_list"]
    assert [row.pk for row in found] == [payment.pk]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_payments_are_exported_in_major_units_and_run_no_formula(
    client: Client, treasurer: User, kind: str
) -> None:
    card_payment(5_000, payer_name="=HYPERLINK(1)")
    answer = client.get(url("payments"), {"export": kind})
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if kind == "csv":
        row = content.decode().splitlines()[1]
        assert "50.00" in row
        assert ",=HYPERLINK" not in row


def test_lists_are_filtered_by_what_needs_a_person(client: Client, treasurer: User) -> None:
    fine, odd = card_payment(payer_name="Fine Person"), card_payment(payer_name="Odd Person")
    Payment.objects.filter(pk=odd.pk).update(problem="Paid twice.")
    words = text_of(client.get(url("payments"), {"has_problem": "true"}))
    assert "Odd Person" in words
    assert "Fine Person" not in words
    words = text_of(client.get(url("payments"), {"purpose": fine.purpose, "status": "succeeded"}))
    assert "Fine Person" in words


def test_disputes_stand_with_the_next_deadline_first(client: Client, treasurer: User) -> None:
    payment, soon = card_payment(), NOW() + datetime.timedelta(days=1)
    closed = a_dispute(payment, outcome="won", status="won", closed_at=NOW())
    later, first = a_dispute(payment), a_dispute(payment, evidence_due_at=soon)
    found = client.get(url("disputes")).context["object_list"]
    assert [row.pk for row in found] == [first.pk, later.pk, closed.pk]


# --- A payment --------------------------------------------------------------------------------------


def test_a_payments_page_shows_all_of_it(client: Client, treasurer: User) -> None:
    payment = card_payment(5_000)
    ask_refund(payment, amount=1_000)
    a_dispute(payment, amount=500)
    words = text_of(client.get(url("payments", "inspect", payment.pk)))
    for expected in (
        "$50.00",
        "After the fee $48.25",
        "Held or lost in disputes $5.00",
        "Asked to be given back $10.00",
        "Can still be given back $35.00",
        "contributions",
        payment.stripe_charge or "",
        payment.receipts.get().number,
        "fraudulent",
    ):
        assert expected in words


def test_a_problem_is_marked_as_handled_with_what_was_done(client: Client, treasurer: User) -> None:
    payment = card_payment()
    Payment.objects.filter(pk=payment.pk).update(problem="Paid twice.")
    page = url("payments", "inspect", payment.pk)
    answer = client.post(page, {"act": "handled", "reason": ""})
    assert "Write what was done about it." in text_of(answer)
    payment.refresh_from_db()
    assert payment.problem == "Paid twice."
    client.post(page, {"act": "handled", "reason": "Refunded the second."})
    payment.refresh_from_db()
    assert payment.problem == ""
    line = ModelLogEntry.objects.for_instance(payment).get(action="payments.handle_problem")
    assert line.user == treasurer
    assert line.data == {"problem": "Paid twice.", "reason": "Refunded the second."}


def test_an_auditor_marks_nothing_as_handled(client: Client, auditor: User) -> None:
    payment = card_payment()
    Payment.objects.filter(pk=payment.pk).update(problem="Paid twice.")
    answer = client.post(
        url("payments", "inspect", payment.pk), {"act": "handled", "reason": "Nothing."}
    )
    assert answer.status_code in (302, 403)
    payment.refresh_from_db()
    assert payment.problem == "Paid twice."


# --- From the form to the money ---------------------------------------------------------------------


def asked(client: Client, payment: Payment, act: str, **changes: str) -> Any:
    typed = {
        "act": act,
        "form_token": str(uuid.uuid4()),
        "amount": "20.00",
        "place": "bank",
        "beneficiary": "Ministry of Health",
        "beneficiary_account": "DE89 3704 0044 0532 0130 00",
        "reason": "Paid by mistake.",
        **changes,
    }
    return client.post(url("payments", "refund", payment.pk), typed)


def test_a_refund_is_previewed_with_its_entry_and_then_asked_for(
    client: Client, treasurer: User
) -> None:
    payment = transfer_payment(5_000)
    words = text_of(client.get(url("payments", "refund", payment.pk)))
    assert "Up to $50.00 can be asked for." in words

    preview = text_of(asked(client, payment, "preview"))
    assert "Ask for $20.00 to be paid to Ministry of Health?" in preview
    assert "has $50.00 available. Once this is paid, it has $30.00." in preview
    assert "contributions 20.00 USD" in preview
    assert not Payout.objects.exists()

    token = str(uuid.uuid4())
    answer = asked(client, payment, "confirm", form_token=token)
    payout = Payout.objects.get()
    assert answer["Location"] == url("payouts", "inspect", payout.pk)
    assert (payout.requested_by, payout.money) == (treasurer, Money(2_000, "USD"))
    asked(client, payment, "confirm", form_token=token)
    assert Payout.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": "50.01"}, "$50.00 can still be given back"),
        ({"amount": "a lot"}, "is not an amount"),
        ({"amount": "0"}, "Enter an amount above zero."),
        ({"reason": ""}, "Write the reason."),
        ({"beneficiary_account": ""}, "Write the account of the beneficiary"),
        ({"place": "clearing"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_asked_for_is_said_on_the_form(
    client: Client, treasurer: User, typed: dict[str, str], words: str
) -> None:
    payment = transfer_payment(5_000)
    for act in ("preview", "confirm"):
        assert words in text_of(asked(client, payment, act, **typed))
    assert not Payout.objects.exists()


def test_an_auditor_asks_for_nothing(client: Client, auditor: User) -> None:
    payment = transfer_payment()
    assert client.get(url("payments", "refund", payment.pk)).status_code in (302, 403)
    assert asked(client, payment, "confirm").status_code in (302, 403)
    assert not Payout.objects.exists()


def test_two_colleagues_approve_it_is_ordered_and_stands_in_the_books(
    client: Client, treasurer: User
) -> None:
    payment = transfer_payment(5_000)
    asked(client, payment, "confirm")
    page = url("payouts", "inspect", Payout.objects.get().pk)
    words = text_of(client.get(page))
    assert "2 approvals are missing." in words
    assert "You asked for this payout yourself." in words
    assert "Your decision" not in words
    # Their own yes is refused, and kept for the others to read.
    client.post(page, {"act": "approve", "note": ""})
    assert "An attempt was refused" in text_of(client.get(page))

    for left in ("1 approval is missing.", "Order it at the bank"):
        client.logout()
        sign_in(client, make_staff(groups.TREASURERS))
        assert "Your decision" in text_of(client.get(page))
        client.post(page, {"act": "approve", "note": "Checked."})
        assert left in text_of(client.get(page))

    today = timezone.localdate().isoformat()
    answer = client.post(page, {"act": "paid", "bank_reference": "", "on": today})
    assert "Enter the bank’s reference of the order." in text_of(answer)
    client.post(page, {"act": "paid", "bank_reference": "FT26/1", "on": today})
    payout = Payout.objects.get()
    assert (payout.status, payout.bank_reference) == (Payout.Status.PAID, "FT26/1")
    assert "FT26/1" in text_of(client.get(page))


def test_a_no_needs_its_note_and_ends_it(client: Client, treasurer: User) -> None:
    page = url("payouts", "inspect", ask_refund(card_payment()).pk)
    answer = client.post(page, {"act": "reject", "note": ""}, follow=True)
    assert "Write why you reject it." in text_of(answer)
    client.post(page, {"act": "reject", "note": "The donor did not ask."})
    assert Payout.objects.get().status == Payout.Status.REJECTED
    assert "The donor did not ask." in text_of(client.get(page))


@pytest.mark.parametrize("act", ["approve", "reject", "paid", "failed", "cancel", "send"])
def test_an_auditor_decides_nothing_by_any_address(client: Client, auditor: User, act: str) -> None:
    payout = approved_refund() if act in ("paid", "failed") else ask_refund(card_payment())
    before = payout.status
    today = timezone.localdate().isoformat()
    client.post(
        url("payouts", "inspect", payout.pk),
        {
            "act": act,
            "note": "No.",
            "bank_reference": "FT1",
            "on": today,
            "failed-on": today,
            "failed-reason": "No.",
            "cancel-reason": "No.",
        },
    )
    payout.refresh_from_db()
    assert payout.status == before
    assert not payout.decisions.filter(by=auditor).exists()


def test_approvers_are_warned_where_the_pool_goes_below_zero(
    client: Client, treasurer: User
) -> None:
    payment = transfer_payment(5_000)
    post_now(
        templates.grant_committed(
            key="test:grant",
            pool=payment.pool.code,
            currency="USD",
            amount=4_000,
            date=timezone.localdate(),
        )
    )
    words = text_of(client.get(url("payouts", "inspect", ask_refund(payment).pk)))
    assert "has $10.00 available. Once this is paid, it has -$40.00." in words
    assert "The pool goes below zero" in words


def test_the_queue_says_what_waits_for_me(client: Client, treasurer: User) -> None:
    ask_refund(card_payment(), beneficiary="For others", by=treasurer)
    ask_refund(card_payment(), beneficiary="For me")
    decided = ask_refund(card_payment(), beneficiary="Decided by me")
    payouts.decide(decided, by=treasurer, approved=True)
    found = client.get(url("payouts"), {"waiting": "me"}).context["object_list"]
    assert [row.beneficiary for row in found] == ["For me"]
    approved_refund(beneficiary="To order")
    found = client.get(url("payouts"), {"waiting": "bank"}).context["object_list"]
    assert [row.beneficiary for row in found] == ["To order"]


def test_what_is_owed_back_is_listed_and_asked_for(client: Client, treasurer: User) -> None:
    make_account()
    line = make_line(2_500, name="Ministry of Health")
    pool, by = make_pool(), make_colleague()
    with use_case():
        match = confirming.owe_back(line, pool, Money(2_500, "USD"), by=by)
    assert "Ministry of Health $25.00 $25.00" in text_of(client.get(url("payouts", "owed_back")))
    answer = client.post(
        url("payouts", "give_back", match.pk),
        {
            "act": "confirm",
            "form_token": str(uuid.uuid4()),
            "amount": "25.00",
            "place": "bank",
            "beneficiary": "Ministry of Health",
            "beneficiary_account": "DE89 3704 0044 0532 0130 00",
            "reason": "Paid twice.",
        },
    )
    payout = Payout.objects.get()
    assert answer["Location"] == url("payouts", "inspect", payout.pk)
    assert (payout.purpose, payout.pool) == ("overpayment", pool)
    assert "Nothing is owed back." in text_of(client.get(url("payouts", "owed_back")))
    assert client.get(url("payouts", "inspect", payout.pk)).status_code == 200


# --- Events -----------------------------------------------------------------------------------------


def jobs_of(event: StripeEvent) -> int:
    jobs = DBTaskResult.objects.filter(task_path__endswith="process_event")
    return sum(job.args_kwargs["kwargs"] == {"event_id": event.pk} for job in jobs)


def test_an_event_shows_its_body_and_error_and_is_processed_again(
    client: Client, treasurer: User
) -> None:
    event = a_failing_event()
    page = url("events", "inspect", event.pk)
    words = text_of(client.get(page))
    assert "ValueError: no such thing" in words
    assert '"note": "fée"' in words
    assert client.get(f"{page}?act=replay").status_code == 200
    assert jobs_of(event) == 0
    client.post(page, {"act": "replay"})
    assert jobs_of(event) == 1
    line = ModelLogEntry.objects.for_instance(event).get(action="payments.replay_event")
    assert line.user == treasurer


def test_all_failing_events_are_processed_again_at_once(client: Client, treasurer: User) -> None:
    failing = [a_failing_event(), a_failing_event()]
    fine = an_event(processed_at=NOW(), verdict="applied")
    address = url("events", "replay_failing")
    assert "2 events could not be processed." in text_of(client.get(url("events")))
    assert client.get(address).status_code == 405
    client.post(address)
    assert [jobs_of(event) for event in (*failing, fine)] == [1, 1, 0]


def test_an_auditor_processes_no_event_again(client: Client, auditor: User) -> None:
    event = a_failing_event()
    client.post(url("events", "inspect", event.pk), {"act": "replay"})
    client.post(url("events", "replay_failing"))
    assert jobs_of(event) == 0


@pytest.mark.parametrize("state", ["waiting", "failing", "applied", "ignored", "refused"])
def test_events_are_filtered_by_how_they_stand(client: Client, treasurer: User, state: str) -> None:
    an_event(type="is.waiting")
    a_failing_event(type="is.failing")
    for verdict in ("applied", "ignored", "refused"):
        an_event(type=f"is.{verdict}", processed_at=NOW(), verdict=verdict)
    found = client.get(url("events"), {"state": state}).context["object_list"]
    assert [row.type for row in found] == [f"is.{state}"]


def test_a_hostile_body_is_shown_as_text(client: Client, treasurer: User) -> None:
    body = event_body("charge.updated", {"id": "<script>alert(1)</script>"})
    event = an_event(body=str(body))
    answer = client.get(url("events", "inspect", event.pk)).content.decode()
    assert "<script>alert(1)" not in answer
    assert "&lt;script&gt;alert(1)" in answer


# --- Papers -----------------------------------------------------------------------------------------


def test_a_receipt_is_made_void_with_a_reason(client: Client, treasurer: User) -> None:
    receipt = card_payment().receipts.get()
    page = url("receipts", "inspect", receipt.pk)
    assert "Write the reason." in text_of(client.post(page, {"act": "void", "reason": ""}))
    assert not CreditNote.objects.exists()
    client.post(page, {"act": "void", "reason": "The name is wrong."})
    note = CreditNote.objects.get()
    assert (note.receipt, note.reason) == (receipt, "The name is wrong.")
    assert f"Credit note {note} made it void." in text_of(client.get(page))
    # A second time there is nothing to press, and pressing it anyway changes nothing.
    client.post(page, {"act": "void", "reason": "Again."})
    assert CreditNote.objects.count() == 1


def test_an_invoice_is_made_void_unless_money_came(client: Client, treasurer: User) -> None:
    free, paid = make_invoice(5_000), make_invoice(5_000)
    payment = make_payment(5_000, invoice=paid)
    with use_case():
        locked = progress.lock(payment.pk)
        locked.status, locked.succeeded_at = "succeeded", NOW()
        locked.save()
    for invoice in (free, paid):
        client.post(url("invoices", "inspect", invoice.pk), {"act": "void", "reason": "Wrong."})
    assert [note.invoice for note in CreditNote.objects.all()] == [free]
    assert "Money came for this invoice." in text_of(
        client.get(url("invoices", "inspect", paid.pk))
    )


def test_an_auditor_makes_no_paper_void(client: Client, auditor: User) -> None:
    receipt = card_payment().receipts.get()
    client.post(url("receipts", "inspect", receipt.pk), {"act": "void", "reason": "No."})
    assert not CreditNote.objects.exists()


# --- The panel --------------------------------------------------------------------------------------


def test_the_first_page_says_what_needs_a_treasurer(client: Client, treasurer: User) -> None:
    payment = card_payment()
    a_failing_event()
    a_dispute(payment)
    a_processor_line(payment, problem="Nobody knows it.")
    Payment.objects.filter(pk=payment.pk).update(problem="Paid twice.")
    ask_refund(transfer_payment())
    make_line(1_000)
    words = text_of(client.get("/admin/"))
    for expected in (
        "1 dispute waits for an answer, the first before",
        "1 event of Stripe could not be processed",
        "1 payment has a problem",
        "1 line of the processor is not in the books",
        "1 payout waits for your decision",
        "1 bank line is not matched yet",
        f"{signoff.unsigned_count()} months of accounts are not signed off",
    ):
        assert expected in words


def test_the_panel_links_lead_to_what_they_count(client: Client, treasurer: User) -> None:
    payment = card_payment()
    a_failing_event()
    a_dispute(payment)
    Payment.objects.filter(pk=payment.pk).update(problem="Paid twice.")
    approve(ask_refund(transfer_payment()))
    approve(ask_refund(card_payment()))
    make_line(1_000)
    line, by = make_line(500), make_colleague()
    with use_case():
        confirming.park(line, by=by)
    panel = client.get("/admin/").content.decode()
    panel = panel[panel.index('id="needs-you"') :]
    links = re.findall(r'<li><a href="([^"]+)">(\d+)', panel[: panel.index("</section>")])
    assert len(links) >= 7
    for address, count in links:
        answer = client.get(html.unescape(address))
        assert answer.status_code == 200, address
        if "month-ends" not in address:
            assert len(answer.context["object_list"]) == int(count), address


def test_where_nothing_waits_the_panel_says_so(client: Client, treasurer: User) -> None:
    assert "Nothing about money waits for anybody." in text_of(client.get("/admin/"))
