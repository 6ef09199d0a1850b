"""Reminders of payments that were asked for and have a due date: before it, and after.

On which days is set in the back office (`IssuerDetails.reminder_days`). One mail goes out a day of
that schedule, whatever happens to the job: the row `Reminder` makes it once.
"""

import datetime
import logging

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import formats, timezone, translation

from core.mail import enqueue_mail
from core.transactions import inside_transaction, use_case
from funding.payments import issuer, outcomes
from funding.payments.models import ExpectedPayment, Payment, Reminder, Status
from funding.payments.models.papers import received_sum

logger = logging.getLogger(__name__)


def send_due(today: datetime.date | None = None) -> int:
    """Send the reminders that are due by ``today``; how many were sent. For a daily job.

    After days without the job only the newest reminder goes out, and never one from before the
    payment was asked for.
    """
    day = today or timezone.localdate()
    schedule = issuer.details().days_of_reminders
    if not schedule:
        return 0
    sent = 0
    for pk in list(open_ones().filter(_due_for_one(day, schedule)).values_list("pk", flat=True)):
        try:
            sent += _remind(pk, day, schedule)
        except Exception:
            # One that cannot be asked about keeps no other from its reminder.
            logger.exception("The reminder of expected payment %s could not be sent.", pk)
    return sent


def open_ones() -> QuerySet[ExpectedPayment]:
    """What has a due date and is not paid, as `ExpectedPayment.is_open` says of one.

    Most of what was ever asked for is paid, and is not looked at again each morning.
    """
    # A standing order is due again and again, and is no debt: nobody is reminded of it.
    asked = ExpectedPayment.objects.filter(
        withdrawn_at=None, due_on__isnull=False, repeats=""
    ).exclude(payer_email="")
    by_itself = Payment.objects.filter(expected=OuterRef("pk"), status=Status.SUCCEEDED)
    sums = by_itself.order_by().values("expected").annotate(sum=Sum("amount")).values("sum")
    of_invoice = Coalesce(received_sum("invoice"), 0)
    return asked.filter(
        Q(invoice__isnull=False, amount__gt=of_invoice)
        | Q(invoice__isnull=True, amount__gt=Coalesce(Subquery(sums), 0))
    )


def _due_for_one(day: datetime.date, schedule: list[int]) -> Q:
    """Those whose newest day of the schedule has come, is not long past, and has no reminder yet."""
    longest = schedule[-1] + 31
    due = Q(pk__in=[])
    for days, following in zip(schedule, [*schedule[1:], longest + 1], strict=True):
        sent = Reminder.objects.filter(expected=OuterRef("pk"), days__gte=days)
        due |= ~Exists(sent) & Q(
            due_on__lte=day - datetime.timedelta(days=days),
            due_on__gt=day - datetime.timedelta(days=following),
        )
    return due


def _remind(pk: int, day: datetime.date, schedule: list[int]) -> bool:
    with use_case():
        expected = (
            ExpectedPayment.objects.select_for_update(of=("self",))
            .select_related("invoice", "pool")
            .get(pk=pk)
        )
        days = _newest_day(expected, day, schedule)
        if days is None or not is_wanted(expected, day):
            return False
        if expected.reminders.filter(days__gte=days).exists():
            return False
        Reminder.objects.create(expected=expected, days=days)
        send(expected, days, day)
    return True


def _newest_day(expected: ExpectedPayment, day: datetime.date, schedule: list[int]) -> int | None:
    """The last day of the schedule that has come since the payment was asked for."""
    asked = timezone.localdate(expected.created_at)
    come = [days for days in schedule if _due(expected) + datetime.timedelta(days=days) <= day]
    if not come or _due(expected) + datetime.timedelta(days=come[-1]) <= asked:
        return None
    return come[-1]


def is_wanted(expected: ExpectedPayment, day: datetime.date) -> bool:
    """Whether there is something to pay, and what it is for still wants it."""
    if not expected.is_open:
        return False
    if expected.invoice and outcomes.outcome_of(expected.purpose).reminds_itself(
        expected.invoice, day
    ):
        return False
    # A bank debit takes days: whoever paid by one is not asked to pay.
    under_way = Payment.objects.filter(
        purpose=expected.purpose, purpose_id=expected.purpose_id, status=Status.PROCESSING
    )
    if under_way.exists():
        return False
    asked = Payment(
        purpose=expected.purpose,
        purpose_id=expected.purpose_id,
        pool=expected.pool,
        invoice=expected.invoice,
        amount=expected.amount,
        currency=expected.currency,
        language=expected.language,
    )
    return not outcomes.outcome_of(expected.purpose).why_not_payable(asked)


@inside_transaction
def send(expected: ExpectedPayment, days: int, on: datetime.date) -> None:
    """Write, on ``on``, the reminder of ``days`` from the due date."""
    invoice = expected.invoice
    with translation.override(expected.language):
        due_on = formats.date_format(_due(expected), "DATE_FORMAT")
    paper = invoice or expected
    kind = "invoice" if invoice else "payment_request"
    enqueue_mail(
        "payments_reminder",
        expected.payer_email,
        expected.language,
        {
            "name": expected.payer_name,
            "description": expected.description,
            "number": str(paper),
            "is_invoice": invoice is not None,
            "amount": expected.outstanding.format(expected.language),
            "part_paid": bool(expected.received.amount),
            "due_on": due_on,
            "overdue": on > _due(expected),
            "reference": issuer.in_fours(expected.reference),
            "path": paper.get_absolute_url(),
        },
        attachments=[(kind, str(paper.public_id))],
        about=about_reminder(expected, days),
        # An invoice is a debt; a request for a gift is a wish.
        owed=invoice is not None,
    )


def about_reminder(expected: ExpectedPayment, days: int) -> str:
    return f"expected:{expected.pk}/reminder/{days}"


def _due(expected: ExpectedPayment) -> datetime.date:
    assert expected.due_on is not None
    return expected.due_on
