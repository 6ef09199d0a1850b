"""The page of one bank statement: its facts, and how its import is taken back."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from core.money import Money
from funding.payments.backoffice.base import RowPage, facts
from funding.payments.banking.imports import discard
from funding.payments.models import BankStatement, Match
from funding.payments.permissions import IMPORT_STATEMENT


class StatementPage(RowPage):
    """GET shows; ``discard`` takes the last statement of an account back while nothing of it was
    matched."""

    model = BankStatement
    rights = ("payments.view_bankstatement",)
    template_name = "payments/backoffice/bank_statement.html"
    header_icon = "doc-full-inverse"

    def get_rows(self) -> Any:
        return BankStatement.objects.select_related("account", "imported_by").defer("content")

    def acts(self) -> dict[str, Any]:
        return {"discard": (IMPORT_STATEMENT, self._discard)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        statement, currency = self.row, self.row.account.currency
        shown = facts(
            statement,
            "account",
            "identification",
            "first_day",
            "last_day",
            "format",
            "file_name",
            "imported_by",
            "imported_at",
        )
        later = BankStatement.objects.filter(account=statement.account_id, pk__gt=statement.pk)
        matched = Match.objects.filter(line__statement=statement)
        return super().get_context_data(
            facts=[
                *shown,
                (gettext("Opening"), Money(statement.opening, currency).format()),
                (gettext("Closing"), Money(statement.closing, currency).format()),
            ],
            may_discard=self.person.has_perm(IMPORT_STATEMENT)
            and not later.exists()
            and not matched.exists(),
            **kwargs,
        )

    def _discard(self) -> HttpResponse:
        discard(self.row, by=self.person, reason=self.request.POST.get("reason", ""))
        self.done(gettext("Discarded. The statement can be imported again."))
        return redirect(reverse("bank_statements:index"))
