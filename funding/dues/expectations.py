"""What members are owed by e-mail about their dues: offers and notices of renewal, and invoices."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.utils import timezone

from core.mailing.expectations import Expected
from funding.dues import admission, billing, changing, crediting, letters, renewal
from funding.payments.models import Invoice
from membership.models import Term, TermNotice, TierChange
from membership.models.renewals import notice_day

Kind = TermNotice.Kind


# --- Renewals -------------------------------------------------------------------------------------


def notices(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Offers and notices of the end of a term that fell due from ``first`` to ``last``.

    As the daily job does, it asks for the newest notice alone: a reminder that another has followed
    would only confuse.
    """
    found = [*_offers_made(first, last), *_due_near_the_end(first, last)]
    readers = letters.readers_of({notice.term.organisation_id for notice in found})
    for notice in found:
        person = next(iter(readers[notice.term.organisation_id]), None)
        yield Expected(
            about=f"term:{notice.term.pk}/{notice.kind.value}",
            template=notice.template,
            to=person.email if person else "",
            language=person.preferred_language if person else "",
            due_on=notice.due_on,
            send=notice.send,
        )


@dataclass(frozen=True, slots=True)
class _Notice:
    term: Term
    kind: TermNotice.Kind
    template: str
    due_on: datetime.date
    send: partial[None]


def _due_near_the_end(first: datetime.date, last: datetime.date) -> Iterator[_Notice]:
    terms = list(
        renewal.near_their_end(last).select_related("organisation", "tier", "renewal__organisation")
    )
    facts = renewal.facts_of(terms)
    for term in terms:
        offered: Term | None = getattr(term, "renewal", None)
        if offered is None and renewal.offer_due(term, last, facts):
            due_on = notice_day(term, Kind.OFFER)
            if first <= due_on:
                yield _Notice(term, Kind.OFFER, "dues_renewal", due_on, partial(_offer, term))
            continue
        standing = None if offered is None or offered.cancelled_on else offered
        kind = renewal.notice_due(term, standing, last, facts)
        if kind is None or notice_day(term, kind) < first:
            continue
        template = "dues_lapsed" if kind == Kind.LAPSED else "dues_renewal_reminder"
        send = partial(_notice, term, standing, kind)
        yield _Notice(term, kind, template, notice_day(term, kind), send)


def _offers_made(first: datetime.date, last: datetime.date) -> Iterator[_Notice]:
    """Renewals that were opened: those who see to the dues were written to."""
    rows = TermNotice.objects.filter(
        kind=Kind.OFFER,
        created_at__date__gte=first,
        created_at__date__lte=last,
        term__renewal__cancelled_on=None,
        term__renewal__isnull=False,
    )
    made = list(rows.select_related("term__organisation", "term__renewal__organisation"))
    invoices = billing.standing_invoices([notice.term.renewal.pk for notice in made])
    for notice in made:
        offered = notice.term.renewal
        invoice = invoices.get(offered.pk)
        template = "dues_renewal" if invoice else "dues_renewed"
        send = partial(_mail_offer, offered, invoice)
        yield _Notice(notice.term, Kind.OFFER, template, notice.created_at.date(), send)


def _offer(term: Term) -> None:
    renewal.offer(term, on=timezone.localdate())


def _mail_offer(offered: Term, invoice: Invoice | None) -> None:
    for person in letters.who_pays(offered.organisation):
        renewal.mail_offer(person, offered, invoice)


def _notice(term: Term, offered: Term | None, kind: TermNotice.Kind) -> None:
    TermNotice.objects.get_or_create(term=term, kind=kind)
    for person in letters.who_pays(term.organisation):
        renewal.mail_notice(person, term, offered, kind)


# --- Invoices -------------------------------------------------------------------------------------


def invoices(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Invoices issued from ``first`` to ``last`` that stand; that of a renewal goes with its offer.

    That of a change of tier only while the change waits: it asks for what brings the tier.
    """
    yield from _invoices_of_changes(first, last)
    rows = Invoice.objects.filter(
        purpose=billing.PURPOSE, issued_on__gte=first, issued_on__lte=last, credit_note=None
    )
    found = {
        term.pk: term
        for term in Term.objects.filter(pk__in=rows.values("purpose_id")).select_related(
            "organisation", "application__applicant"
        )
    }
    void = Invoice.objects.filter(
        purpose=billing.PURPOSE, purpose_id__in=found, credit_note__isnull=False
    )
    before = {
        invoice.purpose_id: invoice for invoice in void.select_related("credit_note").order_by("pk")
    }
    for invoice in rows:
        term, old = found.get(invoice.purpose_id), before.get(invoice.purpose_id)
        if term is not None and (expected := _of_invoice(invoice, term, old)) is not None:
            yield expected


def _invoices_of_changes(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    rows = Invoice.objects.filter(
        purpose=billing.CHANGE, issued_on__gte=first, issued_on__lte=last, credit_note=None
    )
    waiting = TierChange.objects.filter(applied_on=None, ended_on=None).select_related(
        "term__organisation", "old_tier", "new_tier", "asked_by"
    )
    changes = waiting.in_bulk([invoice.purpose_id for invoice in rows])
    for invoice in rows:
        change = changes.get(invoice.purpose_id)
        if change is None:
            continue
        yield Expected(
            about=f"invoice:{invoice.number}",
            template="dues_change_invoice",
            to=invoice.bill_to_email,
            language=invoice.language,
            due_on=invoice.issued_on,
            send=partial(changing.mail_invoice, change, invoice),
        )


def _of_invoice(invoice: Invoice, term: Term, old: Invoice | None) -> Expected | None:
    """``old``: the newest void invoice of the term, in whose place this one stands."""
    about = f"invoice:{invoice.number}"
    to, language = invoice.bill_to_email, invoice.language
    if old is not None:
        if not to:
            return None
        assert old.voided_by is not None
        again = partial(crediting.tell_again, old.voided_by, old, invoice)
        return Expected(about, "dues_invoice_again", to, language, invoice.issued_on, again)
    if term.application is not None:
        first = partial(admission.tell, term.application, term, "dues_invoice", invoice=invoice)
        return Expected(about, "dues_invoice", to, language, invoice.issued_on, first)
    if term.renews_id is None:
        about, send = f"term:{term.pk}/opened", partial(_mail_offer, term, invoice)
        return Expected(about, "dues_renewal", to, language, invoice.issued_on, send)
    return None


def admissions(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Members admitted from ``first`` to ``last`` who owed nothing, and so got no invoice."""
    rows = Term.objects.filter(
        application__isnull=False,
        waived_on__isnull=False,
        cancelled_on=None,
        created_at__date__gte=first,
        created_at__date__lte=last,
    ).select_related("application__applicant", "organisation")
    # Who was billed first (and let off since, or changed to a tier that is free) was told with that.
    billed = set(
        Invoice.objects.filter(
            purpose=billing.PURPOSE, purpose_id__in=[term.pk for term in rows]
        ).values_list("purpose_id", flat=True)
    )
    for term in rows:
        application = term.application
        if application is None or term.pk in billed:
            continue
        yield Expected(
            about=f"term:{term.pk}/admitted",
            template="membership_admitted",
            to=application.applicant.email,
            language=application.applicant.preferred_language,
            due_on=term.created_at.date(),
            send=partial(admission.tell, application, term, "membership_admitted"),
        )
