"""Membership, each act by the function that a person's click or a job would call."""

import uuid
from collections.abc import Callable
from typing import ClassVar

from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.dues import admission, billing, crediting, earning, ending, renewal, waiving
from funding.payments import reminders
from funding.payments.models import Invoice, Status
from membership import (
    agreements,
    applications,
    invitations,
    merging,
    reviewing,
    seats,
    seeds,
)
from membership.applications import Answers
from membership.models import Application, Organisation, Seat, SeatRole, Term, Tier
from portal.simulation.planned import PlannedMember
from portal.simulation.stage import Stage

NAMESPACE = uuid.UUID("5a0e1f6c-7f0b-4a38-9a0c-0a3d5f0a9b11")
REASON = "As simulated."
# The tier that two officers admit.
OF_TWO = "sustaining"


class Members:
    """Organisations and their people, by the numbers that the plan gives them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.applications: dict[int, int] = {}
        self.organisations: dict[int, int] = {}
        self.invited: dict[int, int] = {}
        self.tiers: dict[str, Tier] = {}

    def set_up(self) -> None:
        """Tiers, fees and agreements that were in force when the years began."""
        seeds.load(valid_from=self.stage.plan.start)
        with use_case():
            Tier.objects.filter(code=OF_TWO).update(reviewers=2)
        self.tiers = {tier.code: tier for tier in Tier.objects.all()}

    # --- Who ---------------------------------------------------------------------------------------

    def _officer(self, member: int) -> User:
        return self.stage.officers[member % len(self.stage.officers)]

    def _other_officer(self, member: int) -> User:
        return self.stage.officers[(member + 1) % len(self.stage.officers)]

    def _application(self, member: int) -> Application | None:
        return Application.objects.filter(pk=self.applications.get(member, 0)).first()

    def _organisation(self, member: int) -> Organisation | None:
        return Organisation.objects.filter(pk=self.organisations.get(member, 0)).first()

    def _contact(self, organisation: Organisation) -> User:
        seat = Seat.objects.select_related("person").get(
            organisation=organisation, roles__contains=[SeatRole.PRIMARY_CONTACT]
        )
        return seat.person

    # --- Applying -----------------------------------------------------------------------------------

    def begin_application(self, *, member: int) -> None:
        planned = self.stage.plan.members[member]
        person = self.stage.person(f"member{member}", f"Contact {member}")
        application = applications.start(
            Answers(legal_name=f"{planned.name} Ltd", public_name=planned.name, kind=planned.kind),
            by=person,
            form_token=uuid.uuid5(NAMESPACE, f"member:{member}"),
        )
        self.applications[member] = application.pk

    def write_application(self, *, member: int) -> None:
        application = self._application(member)
        assert application is not None
        self._write(application, self.stage.plan.members[member])

    def _write(self, application: Application, planned: PlannedMember) -> None:
        """The other steps, one after the other."""
        person = application.applicant
        required = tuple(agreements.required_versions(timezone.localdate()))
        for step in (
            Answers(country=planned.country, website=f"https://m{planned.number}.example.org"),
            Answers(contact_name=str(person), contact_email=person.email),
            Answers(tier=self.tiers[planned.tier], constituency=planned.constituency),
            Answers(
                ticked_versions=required,
                signatory_name=str(person),
                signatory_function="Director",
                may_bind=True,
            ),
        ):
            application = applications.save_draft(
                application, step, by=person, version=application.version
            )

    def submit(self, *, member: int) -> None:
        if application := self._application(member):
            applications.submit(application, by=application.applicant)

    def withdraw(self, *, member: int) -> None:
        if application := self._application(member):
            applications.withdraw(application, by=application.applicant)

    def appeal(self, *, member: int) -> None:
        if application := self._application(member):
            applications.appeal(application, REASON, by=application.applicant)

    def answer(self, *, member: int) -> None:
        if application := self._application(member):
            applications.answer(application, REASON, by=application.applicant)

    def apply_again(self, *, member: int) -> None:
        """A known organisation asks anew, by whoever is its primary contact by now."""
        organisation = self._organisation(member)
        if organisation is None:
            return
        planned = self.stage.plan.members[member]
        person = self._contact(organisation)
        application = applications.start(
            Answers(legal_name=f"{planned.name} Ltd", public_name=planned.name, kind=planned.kind),
            by=person,
            form_token=uuid.uuid5(NAMESPACE, f"again:{member}:{timezone.localdate()}"),
            organisation=organisation,
        )
        self.applications[member] = application.pk
        self._write(application, planned)
        applications.submit(self._again(application), by=person)

    def _again(self, application: Application) -> Application:
        return Application.objects.get(pk=application.pk)

    # --- Reviewing ----------------------------------------------------------------------------------

    def review(self, *, member: int) -> None:
        if application := self._application(member):
            reviewing.begin_review(application, by=self._officer(member))

    def ask(self, *, member: int) -> None:
        if application := self._application(member):
            reviewing.request_information(application, "Who signs?", by=self._officer(member))

    def approve(self, *, member: int) -> None:
        application = self._application(member)
        if application is None:
            return
        by = self._officer(member)
        if application.has_appeal:  # others decide than those who had a part
            by = self._other_officer(member)
        if application.tier is not None and application.tier.reviewers > 1:
            reviewing.approve_first(application, by=by)
        else:
            self._admit(member, application, by)

    def approve_second(self, *, member: int) -> None:
        application = self._application(member)
        if application is None or application.state != Application.State.UNDER_REVIEW:
            return
        by = self.stage.officers[(member + 2) % len(self.stage.officers)]
        self._admit(member, application, by)

    def _admit(self, member: int, application: Application, by: User) -> Term:
        term = admission.admit(application, by=by)
        self.organisations[member] = term.organisation_id
        return term

    def decline(self, *, member: int) -> None:
        if application := self._application(member):
            reviewing.decline(application, by=self._officer(member), reason=REASON)

    def decide_appeal(self, *, member: int, set_aside: bool) -> None:
        if application := self._application(member):
            by = self._other_officer(member)
            reviewing.decide_appeal(application, set_aside=set_aside, reason=REASON, by=by)

    # --- Dues ---------------------------------------------------------------------------------------

    def _invoice(self, member: int) -> tuple[Organisation, Invoice] | None:
        """The oldest invoice of which nothing is paid."""
        organisation = self._organisation(member)
        if organisation is None:
            return None
        standing = billing.invoices_of(organisation).filter(credit_note=None)
        unpaid = standing.exclude(payments__status=Status.SUCCEEDED)
        invoice = unpaid.order_by("pk").first()
        return (organisation, invoice) if invoice else None

    def pay(self, *, member: int, by: str) -> None:
        found = self._invoice(member)
        if found is None:
            return
        organisation, invoice = found
        if by == "card":
            payment = billing.start_dues_payment(invoice, by=self._contact(organisation))
            self.stage.processor.pay(payment)
        else:
            self.stage.bring(invoice.expected)

    def order(self, *, member: int) -> None:
        if found := self._invoice(member):
            organisation, invoice = found
            crediting.reissue_with_purchase_order(
                invoice, f"PO-{member}-{invoice.pk}", by=self._contact(organisation)
            )

    def waive(self, *, member: int) -> None:
        if found := self._invoice(member):
            term = Term.objects.get(pk=found[1].purpose_id)
            waiving.waive_dues(term, by=self._officer(member), reason=REASON)

    def give_up(self, *, member: int) -> None:
        """Nobody paid and nobody answers: the invoice is credited, and the term cancelled."""
        if found := self._invoice(member):
            term = Term.objects.get(pk=found[1].purpose_id)
            self._end(term, found[1], member)

    def _end(self, term: Term, invoice: Invoice | None, member: int) -> None:
        if invoice is not None:
            crediting.credit_invoice(
                invoice, by=self.stage.treasurers[0], reason=REASON, then="keep"
            )
        today = timezone.localdate()
        ending.cancel_term(term, on=today, by=self._officer(member), reason=REASON)

    def cancel(self, *, member: int) -> None:
        organisation = self._organisation(member)
        term = organisation.standing_term(timezone.localdate()) if organisation else None
        if term is not None:
            self._end(term, None, member)

    def rejoin(self, *, member: int) -> None:
        if organisation := self._organisation(member):
            renewal.rejoin(organisation, by=self._contact(organisation))

    # --- People -------------------------------------------------------------------------------------

    def invite(self, *, member: int) -> None:
        organisation = self._organisation(member)
        if organisation is None:
            return
        colleague = self.stage.person(f"colleague{member}", f"Colleague {member}")
        invitations.invite(
            organisation,
            colleague.email,
            [SeatRole.BILLING_CONTACT],
            by=self._contact(organisation),
            form_token=uuid.uuid5(NAMESPACE, f"invite:{member}"),
        )
        self.invited[member] = colleague.pk

    def accept(self, *, member: int) -> None:
        if organisation := self._organisation(member):
            invitation = organisation.invitations.latest("pk")
            invitations.accept(invitation, by=User.objects.get(pk=self.invited[member]))

    def hand_over(self, *, member: int) -> None:
        if organisation := self._organisation(member):
            seat = Seat.objects.get(organisation=organisation, person=self.invited[member])
            seats.hand_over(seat, by=self._contact(organisation))

    def leave(self, *, member: int) -> None:
        if organisation := self._organisation(member):
            first = Seat.objects.filter(organisation=organisation).order_by("pk")[0]
            seats.leave(organisation, by=first.person)

    def twin(self, *, member: int) -> None:
        """Somebody else applies for the same body, is admitted, and staff make one of the two."""
        kept = self._organisation(member)
        if kept is None:
            return
        planned = self.stage.plan.members[member]
        person = self.stage.person(f"twin{member}", f"Twin {member}")
        application = applications.start(
            Answers(legal_name=planned.name, public_name=planned.name, kind=planned.kind),
            by=person,
            form_token=uuid.uuid5(NAMESPACE, f"twin:{member}"),
        )
        self._write(application, planned)
        applications.submit(self._again(application), by=person)
        officer = self._officer(member)
        reviewed = reviewing.begin_review(application, by=officer)
        if reviewed.tier is not None and reviewed.tier.reviewers > 1:
            reviewing.approve_first(reviewed, by=officer)
            officer = self._other_officer(member)
        term = admission.admit(reviewed, by=officer)
        self._end(term, billing.standing_invoice(term), member)
        merging.merge(kept, term.organisation, by=officer, reason=REASON)

    # --- Jobs ---------------------------------------------------------------------------------------

    def morning(self) -> None:
        """What the worker does early each day."""
        renewal.run()
        reminders.send_due()

    def earn_dues(self) -> None:
        earning.earn_last_month()

    acts: ClassVar[dict[str, Callable[..., None]]] = {
        "begin_application": begin_application,
        "write_application": write_application,
        "submit": submit,
        "withdraw": withdraw,
        "review": review,
        "ask": ask,
        "answer": answer,
        "approve": approve,
        "approve_second": approve_second,
        "decline": decline,
        "appeal": appeal,
        "decide_appeal": decide_appeal,
        "apply_again": apply_again,
        "pay": pay,
        "order": order,
        "waive": waive,
        "give_up": give_up,
        "cancel": cancel,
        "rejoin": rejoin,
        "invite": invite,
        "accept": accept,
        "hand_over": hand_over,
        "leave": leave,
        "twin": twin,
        "morning": morning,
        "earn_dues": earn_dues,
    }
