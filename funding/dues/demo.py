"""The demo's members: admitted, billed and paid by the portal's own functions.

Loading twice makes nothing double: every row is found again by its application.
"""

import datetime

from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.dues import admission, billing
from funding.ledger import queries, templates
from funding.ledger.posting import post
from funding.payments.demo_cards import pay_by_card
from membership import reviewing
from membership.demo import (
    MEMBERS,
    OF_THE_CONTACT,
    WAITING,
    DemoOrganisation,
    applicant,
    apply_for,
)
from membership.models import Application, Term

State = Application.State
OPENING = 650_000  # minor units that the pool is said to have held at the start


def load(contact: User, officer: User) -> None:
    """Members of every constituency, one that has yet to pay (``contact``'s), and two that wait.

    ``officer`` admits them. The tiers and the agreements must be there.
    """
    _open_pool()
    for organisation in MEMBERS:
        person = applicant(organisation)
        term = _admit(organisation, person, officer)
        if term is not None and term.settled_on is None and term.waived_on is None:
            _pay(term, person)
    _admit(OF_THE_CONTACT, contact, officer)
    first, second = (apply_for(waiting, by=applicant(waiting)) for waiting in WAITING)
    if second.state == State.SUBMITTED:
        second = reviewing.begin_review(second, by=officer)
    _backdate(first, days=3)
    _backdate(second, days=9)


def _open_pool() -> None:
    """The pool of the dues, with something to begin with: dues are paid ahead, fees are not."""
    pool = billing.ensure_pool()
    if queries.figures(pool, pool.currency)["opening"]:
        return
    with use_case():
        post(
            templates.opening_balance(
                key=f"demo:opening:{pool.code}",
                pool=pool.code,
                currency=pool.currency,
                amount=OPENING,
                date=timezone.localdate() - datetime.timedelta(days=270),
                memo="An example: no money stands behind it",
            )
        )


def _admit(organisation: DemoOrganisation, person: User, officer: User) -> Term | None:
    """The term of an invented organisation; None where somebody decided otherwise in the demo."""
    days = organisation.admitted_days_ago or 0
    application = apply_for(organisation, by=person)
    if application.state == State.SUBMITTED:
        application = reviewing.begin_review(application, by=officer)
    if application.state == State.UNDER_REVIEW:
        day = timezone.localdate() - datetime.timedelta(days=days)
        admission.admit(application, by=officer, starts_on=day)
        _backdate(application, days=days + 6)
        Application.objects.filter(pk=application.pk).update(
            decided_at=timezone.now() - datetime.timedelta(days=days)
        )
    return Term.objects.filter(application=application).first()


def _backdate(application: Application, *, days: int) -> None:
    """Let it look as old as its story; a second load leaves what is old already."""
    then = timezone.now() - datetime.timedelta(days=days)
    young = Application.objects.filter(pk=application.pk, submitted_at__gt=then)
    young.update(
        created_at=then,
        submitted_at=then,
        review_started_at=then + datetime.timedelta(days=1)
        if application.review_started_at
        else None,
    )


def _pay(term: Term, person: User) -> None:
    """Let the dues be paid by card as Stripe would have told it, five days after the invoice."""
    invoice = billing.invoices_of(term.organisation).get(purpose_id=term.pk)
    payment = billing.start_dues_payment(invoice, by=person)
    paid_at = timezone.now() - (timezone.localdate() - term.starts_on) + datetime.timedelta(days=5)
    pay_by_card(payment, paid_at)
