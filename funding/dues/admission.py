"""Admitting a member: the one transaction that approves, opens the term and bills it."""

import datetime
from dataclasses import dataclass

from django.utils import timezone

from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case
from funding.dues import billing, letters
from funding.ledger.entries import NewEntry
from funding.payments.models import Invoice
from membership import applications, reviewing, terms
from membership.models import Application, FeeRule, Term


@dataclass(frozen=True, slots=True)
class Plan:
    """What admitting an application on a day will do; the decision page shows it beforehand."""

    fee: FeeRule
    money: Money  # the fee, or its part by days where the first term is shorter than a year
    starts_on: datetime.date
    ends_on: datetime.date
    entry: NewEntry | None  # None where the fee is zero: the term is waived, nothing is billed


def plan(application: Application, *, on: datetime.date) -> Plan:
    """The fee, the term and the ledger entry of an admission on ``on``. Raises TierNotOffered."""
    fee = applications.promised_fee(application)
    ends_on = terms.last_day_from(on)
    money = terms.prorated(fee.money, on, ends_on)
    return Plan(
        fee=fee,
        money=money,
        starts_on=on,
        ends_on=ends_on,
        entry=billing.invoice_entry(money, on=on) if money.amount else None,
    )


def admit(
    application: Application,
    *,
    by: User,
    reason: str = "",
    starts_on: datetime.date | None = None,
) -> Term:
    """Approve ``application`` and open its first term: billed, or waived where the fee is zero.

    The term, its invoice and its entry are of the day ``starts_on``, today by default.

    Raises the refusals of `membership.reviewing.approve`, `membership.terms.open_term` and
    `membership.fees.fee_for`; a refused attempt stays in the audit log.
    """
    try:
        with use_case():
            application = reviewing.approve(application, by=by, reason=reason)
            assert application.organisation is not None
            assert application.tier is not None
            day = starts_on or timezone.localdate()
            planned = plan(application, on=day)
            term = terms.open_term(
                application.organisation,
                application.tier,
                starts_on=planned.starts_on,
                ends_on=planned.ends_on,
                fee=planned.money,
                application=application,
                by=by,
            )
            invoice = billing.charge(term, planned.fee, to=application.applicant, on=day, by=by)
            term.refresh_from_db()
            template = "dues_invoice" if invoice else "membership_admitted"
            tell(application, term, template, invoice=invoice)
    except Refusal as refusal:
        reviewing.record_refused(application, "approve", refusal, by=by)
        raise
    return term


@inside_transaction
def tell(
    application: Application, term: Term, template: str, *, invoice: Invoice | None = None
) -> None:
    letters.write(
        template,
        application.applicant,
        application.public_name,
        {"starts_on": term.starts_on, "ends_on": term.ends_on},
        about=f"invoice:{invoice.number}" if invoice else f"term:{term.pk}/admitted",
        invoice=invoice,
    )
