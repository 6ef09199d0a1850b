"""Sending an open invoice again to those who see to the dues."""

from django.utils import formats, timezone
from django.utils.translation import override
from wagtail.models import ModelLogEntry

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import use_case
from funding.dues import billing, letters
from funding.dues.refusals import NothingOpen, SentToday
from funding.payments import issuer
from funding.payments.models import Invoice
from funding.payments.permissions import ISSUE_CREDIT_NOTE
from membership.models import Term
from membership.refusals import NotPermitted

# Officers, who see to terms, and treasurers, who see to papers.
RESENDERS = ("membership.cancel_term", ISSUE_CREDIT_NOTE)
_ACTION = "dues.resend_invoice"


def resend(term: Term, *, by: User) -> Invoice:
    """Write once more to who pays the dues of ``term``, with the invoice; once a day at most.

    Raises NotPermitted, NothingOpen, SentToday, NobodyToBill, and whatever
    `billing.require_payable` refuses.
    """
    if not any(by.has_perm(right) for right in RESENDERS):
        raise NotPermitted
    with use_case():
        # A second click waits here, and finds that it was sent.
        locked = (
            Term.objects.select_for_update(of=("self",))
            .select_related("organisation")
            .get(pk=term.pk)
        )
        invoice = billing.standing_invoice(locked)
        if invoice is None:
            raise NothingOpen
        billing.require_payable(locked, invoice)
        if _was_sent_today(locked):
            raise SentToday(number=invoice.number)
        people = letters.who_pays(locked.organisation)
        audit.record(_ACTION, locked, by=by, number=invoice.number)
        for person in people:
            _send(invoice, person)
    return invoice


def _was_sent_today(term: Term) -> bool:
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    sent = ModelLogEntry.objects.for_instance(term).filter(action=_ACTION, timestamp__gte=today)
    return bool(sent.exists())


def _send(invoice: Invoice, person: User) -> None:
    language = person.preferred_language
    line = invoice.lines.first()
    with override(language):
        due_on = formats.date_format(invoice.due_on)
    enqueue_mail(
        "payments_reminder",
        person.email,
        language,
        {
            "name": person.get_short_name(),
            "description": line.description if line else "",
            "number": invoice.number,
            "is_invoice": True,
            "amount": invoice.outstanding.format(language),
            "part_paid": bool(invoice.received.amount),
            "due_on": due_on,
            "overdue": timezone.localdate() > invoice.due_on,
            "reference": issuer.in_fours(invoice.reference),
            "path": invoice.get_absolute_url(),
        },
        attachments=[("invoice", str(invoice.public_id))],
        about=f"invoice:{invoice.number}",
        owed=True,
    )
