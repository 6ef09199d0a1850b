"""Every e-mail that follows from a fact or a date is missed where it did not go out, and sent once.

A row of `MAKE` is a template and how its fact comes to be. A template that has no row here needs
one in `WITHOUT_A_FACT`, with the reason.
"""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.mailing import catalogue, expectations
from core.mailing.models import Delivery, MissingMessage
from core.models import User
from core.transactions import use_case
from funding.dues import billing, changing, ending, renewal, waiving
from funding.payments import care, payouts, progress, reminders, subscriptions
from funding.payments.credit_notes import after_refund, void_invoice
from funding.payments.invoices import BillTo
from funding.payments.models import BankAccount, Card, Customer, Mandate, Refund, Subscription
from funding.payments.subscription_state import Agreement, Bill, Seen
from funding.pools import (
    charging,
    declining,
    matching,
    pledge_changes,
    pledge_reminders,
)
from funding.pools.models import Pledge
from funding.pools.schedules import Part
from home.evangelists import confirming
from home.models import HomePage
from membership import (
    accepting,
    applications,
    invitations,
    join_requests,
    reviewing,
    seats,
    sharing,
    terms,
)
from membership.models import AgreementVersion, Application, Seat, Term, Tier, TierChange
from tests.factories import membership as make
from tests.factories import pools as giving
from tests.factories.banking import make_account, make_expected, make_staff
from tests.factories.evangelists import serving
from tests.factories.home import make_site
from tests.factories.payments import make_invoice, state
from tests.factories.payouts import approved_refund, card_payment
from tests.factories.seats import a_seat, invited, seated
from tests.membership.test_accepting import a_member, published
from tests.membership.test_import import ROW, a_file, imported
from tests.payments.recurring_at_stripe import make_subscription
from tests.pools.test_matching import a_gift, offered, today
from tests.pools.test_pledges_owed import REASON, pledged, treasurer

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
WHY = "As agreed on the telephone."

_ASKED = "whoever waits for it asks again at once; a day later its code is too old"
_OF_EVENTS = (
    "what it says stands on the registration's own page, and a day later the event may be over"
)
_OF_FOLLOWING = (
    "the row of what was found is written before it, and the next run takes what is left"
)
_OF_NOMINATION = "what came of it stands in the account area and among the nominations of staff"
WITHOUT_A_FACT: dict[str, str] = {
    **{name: _ASKED for name in catalogue.names() if catalogue.is_of_sign_in(name)},
    "evangelist_message": "what strangers write is kept nowhere, so that nothing could send it again",
    "evangelist_message_check": _ASKED,
    "evangelist_nominated": "its code is in the e-mail alone; whoever nominated does so again",
    "evangelist_approved": _OF_NOMINATION,
    "evangelist_declined": _OF_NOMINATION,
    "events_confirm": _ASKED,
    **{
        f"events_{kind}": _OF_EVENTS
        for kind in (
            "cancelled",
            "moved",
            "registered",
            "reminder",
            "travel",
            "waiting",
            "withdrawn",
        )
    },
    "follow_confirm": _ASKED,
    "follow_stands": _ASKED,
    "follow_change": _OF_FOLLOWING,
    "follow_digest": _OF_FOLLOWING,
}


@pytest.fixture(autouse=True)
def old_log(db: None) -> None:
    make.foundation()
    began = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    Delivery.objects.create(template="x", message_id="<first>", queued_at=began)


def at(day: datetime.date) -> Any:
    return time_machine.travel(datetime.datetime.combine(day, datetime.time(12), datetime.UTC))


# --- Applications ---------------------------------------------------------------------------------


def question() -> Application:
    application = make.reviewed_application()
    assert application.assigned_to is not None
    return reviewing.request_information(application, "Who signs?", by=application.assigned_to)


def answered() -> None:
    application = question()
    applications.answer(application, "The director.", by=application.applicant)


def assigned() -> None:
    application = make.reviewed_application()
    assert application.assigned_to is not None
    reviewing.assign(application, make.make_officer(), by=application.assigned_to)


def second_review() -> None:
    first, _second = make.make_officer(), make.make_officer()
    Tier.objects.filter(code="implementer").update(reviewers=2)
    reviewing.approve_first(make.reviewed_application(officer=first), by=first)


def declined() -> Application:
    application = make.reviewed_application()
    assert application.assigned_to is not None
    return reviewing.decline(application, by=application.assigned_to, reason="Not yet.")


def appealed() -> Application:
    application = declined()
    make.make_officer()
    return applications.appeal(application, "We have begun.", by=application.applicant)


def appeal_decided(*, set_aside: bool) -> None:
    reviewing.decide_appeal(appealed(), set_aside=set_aside, reason=WHY, by=make.make_officer())


def shared() -> None:
    draft = make.draft_application()
    sharing.share(draft, "colleague@example.org", by=draft.applicant)


# --- Seats ----------------------------------------------------------------------------------------


def colleague_of(contact: Seat) -> Seat:
    return a_seat(contact.organisation, giving.make_person())


def asked_for_seat(**changes: Any) -> Any:
    contact = seated(website="https://shelf.example.org")
    organisation = contact.organisation
    organisation.domain = "shelf.example.org"
    organisation.save(update_fields=["domain"])
    person = giving.make_person(f"{uuid.uuid4()}@shelf.example.org")
    User.objects.filter(pk=contact.person_id).update(**changes)
    return join_requests.ask(organisation, by=person), contact.person


def no_contact() -> None:
    make.may(giving.make_person(), "appoint_seat")
    asked_for_seat(is_active=False)


def answered_request(*, granted: bool) -> None:
    request, contact = asked_for_seat()
    if granted:
        join_requests.approve(request, by=contact)
    else:
        join_requests.decline(request, by=contact, reason=WHY)


def accepted() -> None:
    contact = seated()
    invitations.accept(invited(contact), by=giving.make_person("new@example.org"))


def seat_act(act: Callable[[Seat, Seat], object]) -> Callable[[], None]:
    def made() -> None:
        contact = seated()
        act(colleague_of(contact), contact)

    return made


def appointed(seat: Seat, contact: Seat) -> None:
    staff = make.may(giving.make_person(), "appoint_seat")
    seats.appoint(seat.organisation, seat.person, by=staff, reason=WHY)


def agreement() -> None:
    a_member()
    if not AgreementVersion.objects.filter(label="2.0").exists():
        published("2.0")
    assert accepting.tell_members() == 1


def imported_member() -> None:
    importer = make.may(giving.make_person(), "import_members")
    imported(a_file(ROW), by=importer, invite=True)


# --- Dues -----------------------------------------------------------------------------------------


def member(starts_on: datetime.date | None = None) -> Term:
    """A paid term, of an organisation with a primary contact."""
    contact = seated()
    starts_on = starts_on or timezone.localdate() - 10 * DAY
    term = make.open_term(contact.organisation, starts_on=starts_on)
    with use_case():
        terms.settle(term, on=starts_on)
    return Term.objects.get(pk=term.pk)


def renewed(after_the_end: int, **changes: Any) -> Callable[[], datetime.date]:
    """What the daily job wrote until so many days after the end of a term."""

    def made() -> datetime.date:
        term = member(datetime.date(2026, 1, 1))
        make.Tier.objects.get(code="implementer").fee_rules.update(**changes)
        for days in (-60, after_the_end):
            with at(term.ends_on + days * DAY):
                renewal.run()
        return term.ends_on + (after_the_end + 1) * DAY

    return made


def billed_again() -> None:
    from funding.dues import crediting

    invoice = make.invoice_of(make.admitted_term())
    crediting.reissue_with_purchase_order(invoice, "PO 7", by=make_staff())


def settled() -> None:
    make.pay(make.dues_payment(make.admitted_term()), paid_at=timezone.now())


def waived() -> None:
    waiving.waive_dues(make.admitted_term(), by=make.make_officer(), reason=WHY)


def cancelled() -> None:
    term = member()
    ending.cancel_term(term, on=timezone.localdate(), by=make.make_officer(), reason=WHY)


def change(to: str = "sustaining") -> TierChange:
    term = make.admitted_term(kind="company")
    with use_case():
        terms.settle(term, on=timezone.localdate())
    seat = term.organisation.seats.select_related("person").get()
    return changing.ask(term.organisation, Tier.objects.get(code=to), by=seat.person)


def change_made() -> None:
    asked = change()
    with use_case():
        changing.paid(asked.pk, on=timezone.localdate(), by=None)


def change_ended() -> datetime.date:
    invoice = billing.change_invoice(change())
    assert invoice is not None
    with at(invoice.due_on + DAY):
        assert changing.end_unpaid() == 1
    return invoice.due_on + 2 * DAY


# --- Payments -------------------------------------------------------------------------------------


def an_account() -> None:
    if not BankAccount.objects.exists():
        make_account("USD")


def request() -> None:
    an_account()
    make_expected(payer=BillTo(name="MoH", email="moh@example.org"))


def credit_note() -> None:
    invoice = make_invoice(bill_to=BillTo(name="MoH", email="moh@example.org"))
    with use_case():
        void_invoice(invoice, reason=WHY, by=None)


def receipt_again() -> datetime.date:
    """A refund of a part that failed after all, some days later."""
    payment = card_payment()
    refund = Refund.objects.create(
        payment=payment,
        amount=payment.amount,
        currency=payment.currency,
        status="succeeded",
        created_at=timezone.now(),
    )
    with use_case():
        after_refund(progress.lock(payment.pk))
    Refund.objects.filter(pk=refund.pk).update(status="failed")
    later = timezone.localdate() + 3 * DAY
    with at(later), use_case():
        after_refund(progress.lock(payment.pk))
    return later + DAY


def paid_back() -> None:
    payout, staff = approved_refund(), make_staff()
    with use_case():
        payouts.mark_paid(payout, bank_reference="B1", on=timezone.localdate(), by=staff)


def reminded_today() -> None:
    """An invoice of three weeks ago that is due in a week."""
    an_account()
    today = timezone.localdate()
    with at(today - 23 * DAY):
        make_invoice(
            bill_to=BillTo(name="MoH", email="moh@example.org"),
            issued_on=today,
            due_on=today + 7 * DAY,
        )
    assert reminders.send_due() == 1


def a_card(**changes: Any) -> Card:
    values = {
        "customer": Customer.objects.first() or Customer.objects.create(key="x", email="a@b.org"),
        "stripe_payment_method": f"pm_{uuid.uuid4()}",
        "brand": "visa",
        "agreed_at": timezone.now(),
    }
    return Card.objects.create(**{**values, **changes})


def card_expires() -> None:
    subscription = begun()
    this_month = timezone.localdate().replace(day=1)
    card = a_card(expires=(this_month + 40 * DAY).replace(day=1))
    Subscription.objects.filter(pk=subscription.pk).update(card=card)
    assert care.warn_of_expiring_cards() == 1


def begun() -> Subscription:
    subscription = make_subscription()
    seen(subscription)
    subscription.refresh_from_db()
    return subscription


def seen(subscription: Subscription, bill: Bill | None = None) -> None:
    agreed = Agreement(
        stripe_id=f"sub_{subscription.pk}",
        ours=str(subscription.public_id),
        over=False,
        begun=True,
        paused=False,
        card=None,
        next_on=None,
        ends_on=None,
    )
    with use_case():
        subscriptions.apply(subscription.pk, Seen(agreed, bill))


def failed() -> Subscription:
    subscription = begun()
    seen(subscription, Bill("in_1", "sub_1", "open", 2_500, "usd", failure="card_declined"))
    return subscription


def paused() -> None:
    subscription = failed()
    for tried in (1, 2, 3):
        with use_case():
            subscriptions.still_failing(
                subscription.pk, invoice="in_1", tried=tried, code="card_declined"
            )


# --- Giving ---------------------------------------------------------------------------------------


def pledge_changed() -> None:
    pledge = pledged(condition="The law passes.")
    pledge_changes.meet_condition(pledge, on=today(), by=treasurer(), note=REASON)


def reminded_of_instalment_today() -> None:
    """A pledge of three weeks ago of which a part is due in a week."""
    due_on = today() + 7 * DAY
    with at(today() - 23 * DAY):
        pledged(Part(due_on, 50_000))
    assert pledge_reminders.send_reminders() == 1


def charge() -> Pledge:
    pledge = pledged(Part(today() + 5 * DAY, 50_000))
    card = a_card()
    Mandate.objects.create(
        purpose="pledge", purpose_id=pledge.pk, customer=card.customer, card=card
    )
    assert charging.announce_charges() == 1
    return pledge


def charge_declined() -> None:
    part = charge().parts[0]
    payment = charging.pledges.payments_of([part.pk]).get()
    payment.attempt = 1
    payment.save(update_fields=["attempt"])
    with use_case():
        progress.apply(payment.pk, state(payment, "failed", failure=("card_declined", "")))


def gift_declined() -> None:
    gift, _payment = giving.begun_gift()
    declining.decline_gift(gift, by=make_staff(), reason="On a list.")


def matched() -> None:
    an_account()
    profile = giving.open_pool()
    offered(profile)
    a_gift(profile)
    assert matching.settle_month(today())


def evangelist_whose_year_ends(days: int) -> Callable[[], Any]:
    """In ``days`` from today."""

    def make_one() -> None:
        if not HomePage.objects.exists():
            make_site()
        a_year_before = timezone.localdate() + (days - 365) * DAY
        serving(days=(a_year_before,))
        confirming.remind()

    return make_one


MAKE: dict[str, Callable[[], Any]] = {
    "membership_submitted": make.submitted_application,
    "membership_to_review": lambda: (make.make_officer(), make.submitted_application()),
    "membership_question": question,
    "membership_answered": answered,
    "membership_assigned": assigned,
    "membership_second_review": second_review,
    "membership_declined": declined,
    "membership_appealed": appealed,
    "membership_appeal_stands": lambda: appeal_decided(set_aside=False),
    "membership_appeal_set_aside": lambda: appeal_decided(set_aside=True),
    "membership_shared": shared,
    "membership_admitted": lambda: make.admitted_term(**make.MINISTRY),
    "membership_seat_invitation": lambda: invited(seated()),
    "membership_seat_asked": asked_for_seat,
    "membership_seat_no_contact": no_contact,
    "membership_seat_granted": lambda: answered_request(granted=True),
    "membership_seat_declined": lambda: answered_request(granted=False),
    "membership_seat_accepted": accepted,
    "membership_seat_roles": seat_act(
        lambda seat, contact: seats.change_roles(seat, ["billing_contact"], by=contact.person)
    ),
    "membership_seat_primary": seat_act(
        lambda seat, contact: seats.hand_over(seat, by=contact.person)
    ),
    "membership_seat_handed_over": seat_act(
        lambda seat, contact: seats.hand_over(seat, by=contact.person)
    ),
    "membership_seat_removed": seat_act(
        lambda seat, contact: seats.remove(seat, by=contact.person)
    ),
    "membership_seat_left": seat_act(
        lambda seat, contact: seats.leave(seat.organisation, by=seat.person)
    ),
    "membership_seat_appointed": seat_act(appointed),
    "membership_seat_replaced": seat_act(appointed),
    "membership_agreement": agreement,
    "membership_imported": imported_member,
    "dues_invoice": make.admitted_term,
    "dues_invoice_again": billed_again,
    "dues_settled": settled,
    "dues_waived": waived,
    "dues_cancelled": cancelled,
    "dues_renewal": renewed(-60),
    "dues_renewed": renewed(-60, amount=0),
    "dues_renewal_reminder": renewed(-30),
    "dues_lapsed": renewed(31),
    "dues_change_invoice": change,
    "dues_change_made": change_made,
    "dues_change_ended": change_ended,
    "payments_receipt": card_payment,
    "payments_receipt_again": receipt_again,
    "payments_credit_note": credit_note,
    "payments_paid_back": paid_back,
    "payments_request": request,
    "payments_reminder": reminded_today,
    "payments_card_expires": card_expires,
    "payments_subscription_began": begun,
    "payments_subscription_failed": failed,
    "payments_subscription_paused": paused,
    "pools_pledge_confirmed": giving.confirmed_pledge,
    "pools_pledge_changed": pledge_changed,
    "pools_instalment_reminder": reminded_of_instalment_today,
    "pools_charge_announced": charge,
    "pools_charge_declined": charge_declined,
    "pools_gift_declined": gift_declined,
    "pools_matching_settled": matched,
    "evangelist_confirm": evangelist_whose_year_ends(20),
    "evangelist_alumni": evangelist_whose_year_ends(-1),
}


def missing(template: str, on: datetime.date) -> list[MissingMessage]:
    with at(on):
        expectations.compare()
    return list(MissingMessage.objects.filter(template=template))


@pytest.mark.parametrize("template", MAKE)
def test_what_went_out_is_not_missing_and_what_did_not_is_sent_once(template: str) -> None:
    made = MAKE[template]()
    on = made if isinstance(made, datetime.date) else timezone.localdate() + DAY
    went_out = Delivery.objects.filter(template=template)
    count = went_out.count()
    assert count, "nothing was sent in the first place"
    assert missing(template, on) == []

    run_pending_jobs(raise_errors=False)
    went_out.delete()
    (row,) = missing(template, on)
    person = giving.make_person()
    with at(on):
        expectations.send_missing(row.pk, by=person)
    assert went_out.count() == count
    run_pending_jobs(raise_errors=False)
    assert not went_out.exclude(sent_at__isnull=False).exists()
    assert missing(template, on + DAY) == []


def test_a_decline_after_an_appeal_that_was_set_aside_is_owed_as_the_first_was() -> None:
    appeal_decided(set_aside=True)
    officer = make.make_officer()
    reviewing.decline(Application.objects.get(), by=officer, reason="Still not.")
    run_pending_jobs(raise_errors=False)
    Delivery.objects.filter(template="membership_declined").delete()
    assert len(missing("membership_declined", timezone.localdate() + DAY)) == 1


def test_what_nobody_can_receive_is_said_so_and_stays_in_sight() -> None:
    second_review()
    Delivery.objects.filter(template="membership_second_review").delete()
    on = timezone.localdate() + DAY
    (row,) = missing("membership_second_review", on)
    User.objects.update(is_active=False)
    with at(on), pytest.raises(expectations.NobodyToWriteTo):
        expectations.send_missing(row.pk, by=giving.make_person())
    assert MissingMessage.objects.filter(pk=row.pk).exists()


def test_every_template_has_its_expectation_or_a_reason_why_not() -> None:
    assert {*MAKE} | {*WITHOUT_A_FACT} == set(catalogue.names())
    assert not {*MAKE} & {*WITHOUT_A_FACT}


# A kind of fact for each function that looks for messages, which can be made again and again.
AGAIN = {
    "membership.applicants": question,
    "membership.reviewers": assigned,
    "membership.shares": shared,
    "membership.invitations": lambda: invited(seated()),
    "membership.requests": asked_for_seat,
    "membership.agreements": agreement,
    "membership.seats": MAKE["membership_seat_appointed"],
    "dues.notices": lambda: (member(timezone.localdate() - 340 * DAY), renewal.run()),
    "dues.invoices": billed_again,
    "dues.admissions": MAKE["membership_admitted"],
    "dues.settled": settled,
    "dues.waived": waived,
    "dues.cancelled": cancelled,
    "dues.changes": change_made,
    "payments.receipts": card_payment,
    "payments.credit_notes": credit_note,
    "payments.pay_backs": paid_back,
    "payments.requests": request,
    "payments.reminders": reminded_today,
    "payments.cards": card_expires,
    "payments.subscriptions": begun,
    "pools.confirmed": giving.confirmed_pledge,
    "pools.changed": pledge_changed,
    "pools.reminders": reminded_of_instalment_today,
    "pools.charges": charge,
    "pools.declined_gifts": gift_declined,
    "pools.matching": matched,
    "home.evangelists": evangelist_whose_year_ends(20),
}


@pytest.mark.parametrize("name", AGAIN)
def test_looking_for_them_takes_as_many_queries_however_many_there_are(name: str) -> None:
    def look() -> tuple[int, int]:
        day = timezone.localdate()
        with CaptureQueriesContext(connection) as made:
            found = list(expectations._registry[name](day - 31 * DAY, day))
        return len(found), len(made)

    AGAIN[name]()
    few, queries = look()
    AGAIN[name]()
    AGAIN[name]()
    assert few
    assert look() == (3 * few, queries)


def test_every_function_that_looks_for_messages_is_counted() -> None:
    assert {*AGAIN} == {*expectations._registry}
