"""What payers are owed by e-mail: receipts, credit notes, pay-backs, requests and reminders."""

import datetime
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from core import audit
from core.mailing.expectations import Expected, NoLongerMissing, day_of
from funding.payments import (
    care,
    credit_notes,
    expected,
    payout_purposes,
    progress,
    reminders,
)
from funding.payments.models import (
    CreditNote,
    ExpectedPayment,
    Invoice,
    Payment,
    Payout,
    Receipt,
    Refund,
    Reminder,
    Status,
)


def receipts(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Receipts given from ``first`` to ``last`` that stand, of payers who gave an address.

    One that stands in place of another goes out with its credit note; alone where that was written
    on an earlier day (a refund failed after all).
    """
    rows = Receipt.objects.filter(issued_at__date__range=(first, last), credit_note=None)
    for receipt in rows.exclude(payment__payer_email="").select_related(
        "payment__pool", "replaces__credit_note"
    ):
        template, send = (
            "payments_receipt",
            partial(progress.send_receipt, receipt.payment, receipt),
        )
        if receipt.replaces is not None:
            note = receipt.replaces.voided_by
            if note is None or note.issued_on >= day_of(receipt.issued_at):
                continue
            template = "payments_receipt_again"
            send = partial(credit_notes.send_receipt_again, receipt)
        yield _to_payer(
            receipt.payment, f"receipt:{receipt.number}", template, receipt.issued_at, send
        )


def notes(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Credit notes. Where another paper follows an invoice, the payer reads of it with that."""
    acts = audit.acts(Invoice, first, last, "payments.void_invoice")
    told = {act.data["note"] for act in acts if act.data.get("told")}
    rows = CreditNote.objects.filter(issued_on__range=(first, last))
    for note in rows.select_related("invoice", "receipt__payment"):
        if not note.to_email or (note.invoice_id and note.number not in told):
            continue
        yield Expected(
            about=f"credit_note:{note.number}",
            template="payments_credit_note",
            to=note.to_email,
            language=note.language,
            due_on=note.issued_on,
            send=partial(credit_notes.tell, note),
        )


def pay_backs(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """What went back by bank; a card's refund stands on the credit note alone."""
    rows = Refund.objects.filter(
        payout__place=Payout.Place.BANK,
        status=Refund.Status.SUCCEEDED,
        created_at__date__range=(first, last),
    ).exclude(payment__payer_email="")
    for refund in rows.select_related("payment", "payout"):
        assert refund.payout is not None
        send = partial(payout_purposes.tell_paid_back, refund.payment, refund.payout)
        about = f"payout:{refund.payout.pk}"
        yield _to_payer(refund.payment, about, "payments_paid_back", refund.created_at, send)


def requests(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Payment requests that nobody has answered or withdrawn."""
    asked = audit.acts(ExpectedPayment, first, last, "payments.send_request")
    came = Payment.objects.filter(expected=OuterRef("pk"), status=Status.SUCCEEDED)
    rows = ExpectedPayment.objects.filter(
        ~Exists(came),
        pk__in=[int(act.object_id) for act in asked],
        withdrawn_at=None,
    )
    for each in rows.exclude(payer_email=""):
        about, send = f"expected:{each.pk}", partial(expected.send, each)
        yield _to_payer(each, about, "payments_request", each.created_at, send)


def reminded(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """The newest reminder of what is still to be paid. Which are due the daily job finds, also
    those of days that it missed: the row that it writes is the fact."""
    under_way = Payment.objects.filter(
        purpose=OuterRef("purpose"), purpose_id=OuterRef("purpose_id"), status=Status.PROCESSING
    )
    waiting = reminders.open_ones().filter(~Exists(under_way))
    rows = Reminder.objects.filter(expected__in=waiting, sent_at__date__range=(first, last))
    newest = {each.expected_id: each for each in rows.order_by("days")}
    asked = ExpectedPayment.objects.select_related("invoice", "pool").in_bulk(newest)
    for pk, reminder in newest.items():
        about = reminders.about_reminder(asked[pk], reminder.days)
        send = partial(_remind, asked[pk], reminder.days)
        yield _to_payer(asked[pk], about, "payments_reminder", reminder.sent_at, send)


def _remind(each: ExpectedPayment, days: int) -> None:
    """Nobody is asked for what cannot be paid any more. Raises NoLongerMissing."""
    today = timezone.localdate()
    if not reminders.is_wanted(each, today):
        raise NoLongerMissing
    reminders.send(each, days, today)


def cards(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Cards that expire: their payers are told from the first day of the month before."""
    rows = care.in_use().filter(
        expires__gte=last.replace(day=1), expires__lte=last + datetime.timedelta(days=62)
    )
    for card in rows:
        assert card.expires is not None
        month_before = (card.expires - datetime.timedelta(days=1)).replace(day=1)
        due_on = max(month_before, day_of(card.agreed_at))
        if first <= due_on <= last:
            yield Expected(
                about=care.about_expiry(card),
                template="payments_card_expires",
                to="",
                language="",
                due_on=due_on,
                send=partial(care.warn, card),
            )


def _to_payer(
    of: Payment | ExpectedPayment, about: str, template: str, at: datetime.datetime, send: Any
) -> Expected:
    return Expected(
        about=about,
        template=template,
        to=of.payer_email,
        language=of.language,
        due_on=day_of(at),
        send=send,
    )
