"""No list of the menus "Money" and "Bank" asks the database once more for each row."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.admin.viewsets import viewsets
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.snippets.views.snippets import SnippetViewSet

from core.transactions import use_case
from funding.payments.credit_notes import void_invoice
from portal import groups
from tests.factories.banking import make_expected, make_statement
from tests.factories.home import make_staff, sign_in
from tests.factories.payments import make_invoice, make_payment
from tests.payments.test_backoffice import a_dispute, a_failing_event, a_processor_line

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
LISTS = (
    "payments_invoices",
    "payments_credit_notes",
    "payments_payments",
    "payments_disputes",
    "payments_processor_lines",
    "payments_events",
    "bank_expected",
    "bank_statements",
    "bank_lines",
)


def fill(rows: int) -> None:
    for _row in range(rows):
        wrong = make_invoice()
        with use_case():
            void_invoice(wrong, reason="A mistake", by=None)
        make_invoice()
        payment = make_payment()
        a_dispute(payment)
        a_processor_line(payment)
        a_failing_event()
        make_expected()
        make_statement(10_000)


def asked(client: Client) -> dict[str, list[str]]:
    found = {}
    for name in LISTS:
        page = reverse(f"{name}:index")
        client.get(page)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        found[name] = [str(query["sql"])[:200] for query in captured.captured_queries]
    return found


def test_no_list_asks_more_for_more_rows(client: Client) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    fill(2)
    few = asked(client)
    fill(6)
    many = asked(client)
    more = {
        name: [sql for sql in many[name] if many[name].count(sql) > few[name].count(sql)][:3]
        for name in LISTS
        if len(many[name]) > len(few[name])
    }
    assert not more


def test_every_viewset_says_its_rows_where_they_are_asked_for() -> None:
    """Only those of snippets are asked by the name `get_queryset`: elsewhere it would do nothing."""
    deaf = [
        type(viewset).__name__
        for viewset in viewsets.viewsets
        if isinstance(viewset, ModelViewSet)
        and not isinstance(viewset, SnippetViewSet)
        and hasattr(viewset, "get_queryset")
    ]
    assert not deaf


def test_the_dispute_that_must_be_answered_first_comes_first(client: Client) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    now = timezone.now()
    for days in (9, 2, 5):
        a_dispute(make_payment(payer_name=f"In {days} days"), evidence_due_at=now + timedelta(days))
    a_dispute(make_payment(payer_name="Closed"), evidence_due_at=now, closed_at=now, outcome="lost")
    page = client.get(reverse("payments_disputes:index")).content.decode()
    found = re.findall(r"In \d days|Closed", page)
    assert found == ["In 2 days", "In 5 days", "In 9 days", "Closed"]
