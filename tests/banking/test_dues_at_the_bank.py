"""Dues that are credited, issued anew or paid while a clerk matches lines."""

import datetime
import time
from typing import Any

import pytest
from django.db import OperationalError

from core.transactions import use_case
from funding.dues import billing, crediting
from funding.payments import progress, reminders
from funding.payments.banking import confirming, matching, receiving
from funding.payments.models import Channel, Payment, Status
from tests.dues.test_crediting import make_treasurer
from tests.factories.banking import make_account, make_line, make_staff
from tests.factories.core import UserFactory
from tests.factories.membership import admitted_term, invoice_of
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import state
from tests.races import together


def begin() -> Any:
    begin_foundation()
    make_account("USD")
    return invoice_of(admitted_term())


def slowly(verb: Any) -> Any:
    def slow(*args: Any, **options: Any) -> Any:
        time.sleep(1)
        return verb(*args, **options)

    return slow


def test_crediting_an_invoice_beside_its_match_ends_in_one_of_the_two(
    committed_db: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = begin()
    clerk, treasurer, line = make_staff(), make_treasurer(), make_line(invoice.total)
    monkeypatch.setattr(confirming, "require_payable", slowly(receiving.require_payable))

    def match() -> None:
        with use_case():
            confirming.match_to_expected(line, invoice.expected, by=clerk)

    def credit() -> None:
        time.sleep(0.4)
        crediting.credit_invoice(invoice, by=treasurer, reason="Left", then="keep")

    found = together(match, credit)
    assert found[0] is None
    assert not [each for each in found if isinstance(each, OperationalError)], found


def test_a_purchase_order_beside_news_of_the_card_ends_in_one_of_the_two(
    committed_db: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = begin()
    payment = billing.start_dues_payment(invoice, by=UserFactory())
    treasurer = make_treasurer()
    monkeypatch.setattr(progress, "issue_receipt", slowly(progress.issue_receipt))

    def news() -> None:
        with use_case():
            progress.apply(payment.pk, state(payment))

    def order() -> None:
        time.sleep(0.4)
        crediting.reissue_with_purchase_order(invoice, "PO-1", by=treasurer)

    found = together(news, order)
    assert found[0] is None
    assert not [each for each in found if isinstance(each, OperationalError)], found


@pytest.mark.django_db
def test_the_reference_of_an_invoice_that_was_issued_anew_finds_the_one_in_its_place() -> None:
    invoice = begin()
    new = crediting.reissue_with_purchase_order(invoice, "PO-1", by=make_treasurer())
    line = make_line(invoice.total, text=invoice.reference, name="Somebody else")
    best = matching.suggest(line)[0]
    assert (best.act, best.confidence, best.expected) == ("match", 90, new.expected)


@pytest.mark.django_db
def test_nobody_is_reminded_while_their_payment_is_under_way() -> None:
    invoice = begin()
    payment = billing.start_dues_payment(invoice, by=UserFactory())
    day = invoice.due_on + datetime.timedelta(days=3)
    under_way = Payment.objects.filter(pk=payment.pk)
    under_way.update(status=Status.PROCESSING, channel=Channel.BANK_DEBIT)
    assert reminders.send_due(day) == 0
    under_way.update(status=Status.FAILED)
    assert reminders.send_due(day) == 1
