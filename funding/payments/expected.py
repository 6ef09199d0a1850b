"""Money that somebody is going to send by bank transfer or a manual channel.

It has a reference that people can type and banks can check (ISO 11649). Without an invoice it is a
paper of its own, the payment request.
"""

import datetime
import uuid
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import inside_transaction
from funding.ledger.models import Pool
from funding.payments import issuer, numbers, outcomes
from funding.payments.models import ExpectedPayment, Invoice, ManualChannel, Payment

if TYPE_CHECKING:
    from funding.payments.invoices import BillTo


class NoAccount(Refusal):
    message = _(
        "We have no bank account in %(currency)s. Pay by card, or choose another way to pay."
    )


class ChannelClosed(Refusal):
    message = _("“%(channel)s” is not offered for this. Choose another way to pay.")


@inside_transaction
def open_expected(
    *,
    purpose: str,
    purpose_id: int,
    pool: Pool,
    amount: Money,
    payer: "BillTo",
    language: str,
    description: str = "",
    user: User | None = None,
    invoice: Invoice | None = None,
    channel: ManualChannel | None = None,
    repeats: str = "",
    due_on: datetime.date | None = None,
    purchase_order: str = "",
    form_token: uuid.UUID | None = None,
) -> ExpectedPayment:
    """Expect ``amount`` from ``payer``, by our bank account of its currency or by ``channel``.

    Without ``invoice`` it is a payment request with a number of its own, and the payer gets it by
    e-mail. With ``form_token`` a form sent twice finds the request of its first sending. Raises
    NoAccount (of an invoice: never, it can be paid otherwise) and ChannelClosed.
    """
    if form_token is not None:
        existing = ExpectedPayment.objects.filter(form_token=form_token).first()
        if existing is not None:
            return existing
    if channel is not None and (not channel.is_open or channel.currency != amount.currency):
        raise ChannelClosed(channel=channel.name)
    how_to_pay = _how_to_pay(amount.currency, channel, language)
    if not how_to_pay and invoice is None:
        raise NoAccount(currency=amount.currency)
    us = issuer.current()
    number = None
    if invoice is None:
        number = numbers.next_number(numbers.PAYMENT_REQUEST, timezone.localdate().year)
    pk = _next_pk() if invoice is None or not invoice.reference else _pk_of(invoice.reference)
    expected = ExpectedPayment(
        pk=pk,
        form_token=form_token,
        reference=reference_of(pk),
        number=number,
        invoice=invoice,
        channel=channel,
        purpose=purpose,
        purpose_id=purpose_id,
        pool=pool,
        description=description,
        amount=amount.amount,
        currency=amount.currency,
        repeats=repeats,
        payer_name=payer.name,
        payer_address=payer.address,
        payer_country=payer.country,
        payer_email=payer.email,
        purchase_order=purchase_order,
        language=language,
        user=user,
        issuer_name=us.name,
        issuer_address=us.address,
        issuer_registration=us.registration,
        bank_details=how_to_pay,
        due_on=due_on,
    )
    expected.description = (description or _describe(expected))[:250]
    expected.save(force_insert=True)
    if invoice is None and payer.email:
        audit.record("payments.send_request", expected, by=None)
        send(expected)
    return expected


@inside_transaction
def withdraw(expected: ExpectedPayment, *, by: User | None, reason: str) -> ExpectedPayment:
    """Expect it no more. Money that comes all the same is matched by hand; twice does nothing."""
    locked = ExpectedPayment.objects.select_for_update().get(pk=expected.pk)
    if locked.withdrawn_at is not None:
        return locked
    locked.withdrawn_at = timezone.now()
    locked.save(update_fields=["withdrawn_at"])
    audit.record("payments.withdraw_expected", locked, by=by, reason=reason)
    return locked


# --- References -----------------------------------------------------------------------------------


@inside_transaction
def next_reference() -> str:
    """A reference that no expected payment has had, for an invoice that copies it before it is
    expected."""
    return reference_of(_next_pk())


def reference_of(pk: int) -> str:
    """The ISO 11649 reference of the expected payment ``pk``: RF, two check digits, its number."""
    body = f"{pk:08d}"
    check = mod_97_10.calc_check_digits(f"{body}RF")
    return iso11649.validate(f"RF{check}{body}")


def find(text: str) -> ExpectedPayment | None:
    """What ``text`` refers to, as a payer typed it: spaces, case and dashes do not matter.

    None for a reference whose check digits are wrong or that is not ours.
    """
    if not iso11649.is_valid(text):
        return None
    return ExpectedPayment.objects.filter(reference=iso11649.compact(text)).first()


def _next_pk() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('payments_expectedpayment', 'id'))")
        return int(cursor.fetchone()[0])


def _pk_of(reference: str) -> int:
    return int(reference[4:])


# --- What it copies -------------------------------------------------------------------------------


def _how_to_pay(currency: str, channel: ManualChannel | None, language: str) -> str:
    if channel is not None:
        return channel.instructions
    account = issuer.open_account(currency)
    return issuer.transfer_details(account, language) if account else ""


def _describe(expected: ExpectedPayment) -> str:
    # Outcomes know payments; this one is only a question and is never saved.
    asked = Payment(
        purpose=expected.purpose,
        purpose_id=expected.purpose_id,
        pool=expected.pool,
        invoice=expected.invoice,
        amount=expected.amount,
        currency=expected.currency,
        payer_name=expected.payer_name,
        payer_email=expected.payer_email,
        language=expected.language,
    )
    with translation.override(expected.language):
        return outcomes.outcome_of(expected.purpose).describe(asked)


@inside_transaction
def send(expected: ExpectedPayment) -> None:
    """Mail a payment request."""
    with translation.override(expected.language):
        repeats = str(expected.get_repeats_display()) if expected.repeats else ""
    enqueue_mail(
        "payments_request",
        expected.payer_email,
        expected.language,
        {
            "name": expected.payer_name,
            "description": expected.description,
            "amount": expected.money.format(expected.language),
            "repeats": repeats,
            "reference": issuer.in_fours(expected.reference),
            "number": expected.number,
            "path": expected.get_absolute_url(),
        },
        attachments=[("payment_request", str(expected.public_id))],
        about=f"expected:{expected.pk}",
    )
