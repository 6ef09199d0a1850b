"""Organisations on their way into the foundation, each state reached by the real functions.

`foundation()` comes first: tiers, fees and agreements, as a new production site has them.
"""

import datetime
import itertools
import uuid
from typing import Any

from django.contrib.auth.models import Permission
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.dues import admission, billing
from funding.ledger.models import Pool
from funding.payments import progress
from funding.payments.models import Invoice, Payment
from membership import agreements, applications, organisations, reviewing, seeds, terms
from membership.applications import Answers
from membership.models import Application, Organisation, Term, Tier
from tests.factories.payments import settlement, state
from tests.factories.pools import make_person

_numbers = itertools.count(1)


def foundation() -> Pool:
    """Tiers, fees, a code of conduct in force, and the pool that dues belong to."""
    seeds.load()
    return billing.ensure_pool()


def may(person: User, *rights: str) -> User:
    """Give ``person`` rights of membership by code name; returns them as read anew."""
    person.user_permissions.add(
        *Permission.objects.filter(codename__in=rights, content_type__app_label="membership")
    )
    return User.objects.get(pk=person.pk)  # rights are remembered by the object


def make_officer(**changes: Any) -> User:
    return may(make_person(**changes), "decide_application", "waive_term", "cancel_term")


def answers(**changes: Any) -> Answers:
    """An implementer in Malawi, a low-income country: 250.00 a year by the opening fee table."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "legal_name": f"Shelf Systems {number} Limited",
        "public_name": f"Shelf Systems {number}",
        "kind": "implementer",
        "country": "MW",
        "website": "",
        "description": "Installs OpenLMIS.",
        "tier": "implementer",
        "constituency": "implementer",
        "contact_name": "Ada Applicant",
        "contact_email": "ada@example.org",
        "signatory_name": "Dora Director",
        "signatory_function": "Director",
        "may_bind": True,
        **changes,
    }
    values["tier"] = Tier.objects.get(code=values["tier"])
    values.setdefault("ticked_versions", tuple(agreements.required_versions(timezone.localdate())))
    return Answers(**values)


MINISTRY = {"kind": "ministry", "tier": "country", "constituency": "country"}


def draft_application(by: User | None = None, **changes: Any) -> Application:
    return applications.start(answers(**changes), by=by or make_person(), form_token=uuid.uuid4())


def submitted_application(by: User | None = None, **changes: Any) -> Application:
    draft = draft_application(by, **changes)
    return applications.submit(draft, by=draft.applicant)


def reviewed_application(
    by: User | None = None, officer: User | None = None, **changes: Any
) -> Application:
    """Taken up by an officer, and waiting for the decision."""
    submitted = submitted_application(by, **changes)
    return reviewing.begin_review(submitted, by=officer or make_officer())


def admitted_term(
    by: User | None = None, starts_on: datetime.date | None = None, **changes: Any
) -> Term:
    """The first term of a new member: billed and unpaid, or waived where it costs nothing."""
    officer = make_officer()
    application = reviewed_application(by, officer, **changes)
    return admission.admit(application, by=officer, starts_on=starts_on)


def invoice_of(term: Term) -> Invoice:
    return billing.invoices_of(term.organisation).get(purpose_id=term.pk)


def dues_payment(term: Term) -> Payment:
    """The payment by which the term's applicant goes to pay its invoice."""
    assert term.application is not None
    return billing.start_dues_payment(invoice_of(term), by=term.application.applicant)


def paid_term(by: User | None = None, **changes: Any) -> Term:
    """A member whose dues arrived by card and are in the books."""
    term = admitted_term(by, **changes)
    pay(dues_payment(term))
    term.refresh_from_db()
    return term


def pay(payment: Payment, **changes: Any) -> None:
    """Let Stripe's word that it is paid, and its balance transaction, arrive."""
    with use_case():
        progress.apply(payment.pk, state(payment, **changes))
        progress.settle(payment.pk, settlement(payment))


def make_organisation(**changes: Any) -> Organisation:
    """An organisation that came without an application."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "legal_name": f"Body {number}",
        "public_name": f"Body {number}",
        "kind": "implementer",
        "constituency": "implementer",
        "country": "MW",
        "by": None,
    }
    with use_case():
        return organisations.create(**{**values, **changes})


def open_term(
    organisation: Organisation | None = None,
    starts_on: datetime.date = datetime.date(2026, 3, 1),
    fee: int = 25_000,
    **changes: Any,
) -> Term:
    """A term of a year that awaits its payment, without an invoice."""
    organisation = organisation or make_organisation()
    with use_case():
        return terms.open_term(
            organisation,
            changes.pop("tier", None) or Tier.objects.get(code="implementer"),
            starts_on=starts_on,
            fee=Money(fee, "USD"),
            by=None,
            **changes,
        )
