"""News of a payment beside what else locks the same rows: neither waits for the other for ever."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from core.transactions import use_case
from funding.dues import crediting
from funding.payments import progress
from funding.payments.models import Payment
from funding.pools import instalments
from membership import terms
from tests.factories import pools as make
from tests.factories.membership import admitted_term, dues_payment, invoice_of
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import state


class Meeting:
    """Two acts, each of which holds its first lock until the other has one too, or half a while."""

    def __init__(self) -> None:
        self.here = [threading.Event(), threading.Event()]

    def hold(self, place: int, real: Callable[..., Any]) -> Callable[..., Any]:
        def held(*args: Any, **kwargs: Any) -> Any:
            self.here[place].set()
            self.here[1 - place].wait(2)
            return real(*args, **kwargs)

        return held


def errors_of(*acts: Callable[[], Any]) -> list[str]:
    """What went wrong with acts that run beside each other."""
    errors: list[str] = []

    def run(act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return errors


def news_of(payment: Payment) -> None:
    with use_case():
        progress.apply(payment.pk, state(payment))


def test_a_purchase_order_is_given_while_the_card_pays(
    committed_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_foundation()
    term = admitted_term()
    payment, invoice, meeting = dues_payment(term), invoice_of(term), Meeting()
    monkeypatch.setattr(terms, "settle", meeting.hold(0, terms.settle))
    monkeypatch.setattr(crediting, "void_invoice", meeting.hold(1, crediting.void_invoice))
    by = term.application.applicant
    errors = errors_of(
        lambda: news_of(payment),
        lambda: crediting.reissue_with_purchase_order(invoice, "PO 1", by=by),
    )
    assert not [error for error in errors if "deadlock" in error]


def test_a_donor_agrees_to_later_charges_while_the_card_pays(
    committed_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make.make_person()
    pledge = make.confirmed_pledge(person)
    instalment, payment = make.begun_instalment(pledge)
    meeting = Meeting()
    monkeypatch.setattr(instalments, "receive", meeting.hold(0, instalments.receive))
    monkeypatch.setattr(instalments, "_consent", meeting.hold(1, instalments._consent))
    errors = errors_of(
        lambda: news_of(payment),
        lambda: instalments.begin_instalment_payment(
            instalment, user=person, language="en", charge_later=True
        ),
    )
    assert not [error for error in errors if "deadlock" in error]
    payment.refresh_from_db()
    assert payment.is_paid
