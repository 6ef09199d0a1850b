"""Monthly reconciliation: months × accounts, and the page on which one is signed off."""

import datetime
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from core.money import Money
from funding.ledger.refusals import month_in_words
from funding.payments import month_ends, signoff
from funding.payments.backoffice.base import MoneyPage, only_read
from funding.payments.models import Reconciliation
from funding.payments.permissions import SIGN_RECONCILIATION

only_read(Reconciliation)

VIEW = "payments.view_reconciliation"
# So many months are shown at once; older ones by the link below them.
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """How one account stands in one month."""

    account: month_ends.Account
    month: datetime.date
    signed: Reconciliation | None
    found: month_ends.Comparison | None

    @property
    def url(self) -> str:
        return reverse(
            "payments_month_ends:month",
            args=[self.account.place, self.account.currency, f"{self.month:%Y-%m}"],
        )

    @property
    def words(self) -> str:
        if self.found is None:
            return gettext("signed")
        if self.signed is not None:
            return gettext("changed since it was signed")
        if self.found.missing_from is not None:
            return gettext("statement missing")
        if self.found.difference.amount:
            return gettext("differs by %(amount)s") % {"amount": self.found.difference.format()}
        if not self.found.agrees:
            return gettext("equal, with open items")
        return gettext("agrees, not signed")

    @property
    def needs_a_person(self) -> bool:
        return self.found is not None


class OverviewPage(MoneyPage):
    """Months down, accounts across: signed, not signed, or differing."""

    rights = (VIEW, SIGN_RECONCILIATION)
    template_name = "payments/backoffice/month_ends.html"
    page_title = _("Month-end reconciliation")
    header_icon = "calendar-check"
    http_method_names = ["get", "head"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        accounts = month_ends.accounts()
        months = sorted({month for one in accounts for month in month_ends.months_of(one)})
        months.reverse()
        shown = months if self.request.GET.get("all") else months[:SHOWN]
        signed = {
            (row.place, row.currency, row.month): row
            for row in Reconciliation.objects.select_related("signed_by")
        }
        rows = []
        ours = {account: month_ends.ledger_balances(account) for account in accounts}
        for month in shown:
            cells = [
                self._cell(
                    account,
                    month,
                    ours[account].get(month),
                    signed.get((account.place, account.currency, month)),
                )
                for account in accounts
            ]
            rows.append({"month": month_in_words(month), "cells": cells})
        return super().get_context_data(
            accounts=accounts, rows=rows, has_more=len(months) > len(shown), **kwargs
        )

    def _cell(
        self,
        account: month_ends.Account,
        month: datetime.date,
        ours: int | None,
        signed: Reconciliation | None,
    ) -> Cell | None:
        if month not in month_ends.months_of(account):
            return None
        if signed is not None and ours == signed.ours:
            return Cell(account, month, signed, None)
        return Cell(account, month, signed, month_ends.compare(account, month))


class SignForm(forms.Form):
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed where the balances differ: what explains it, and what is done."),
    )


class MonthPage(MoneyPage):
    """One account in one month: both balances, what differs, and the signature."""

    rights = (VIEW, SIGN_RECONCILIATION)
    template_name = "payments/backoffice/month_end.html"
    viewset_name = "payments_month_ends"
    list_label = _("Month-end reconciliation")
    header_icon = "calendar-check"

    @cached_property
    def month(self) -> datetime.date:
        try:
            return datetime.date.fromisoformat(f"{self.kwargs['month']}-01")
        except ValueError as error:
            raise Http404 from error

    @cached_property
    def account(self) -> month_ends.Account:
        try:
            return month_ends.account_of(self.kwargs["place"], self.kwargs["currency"], self.month)
        except month_ends.NoSuchAccount as refusal:
            raise Http404 from refusal

    def get_page_title(self) -> str:
        return f"{self.account.name}, {month_in_words(self.month)}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account, month = self.account, self.month
        found = month_ends.compare(account, month)
        why_not = signoff.why_not(account.place, account.currency, month, self.person)
        signed = Reconciliation.objects.filter(
            place=account.place, currency=account.currency, month=month
        ).first()
        context: dict[str, Any] = {
            "account": account,
            "last_day": month_ends.last_day(month),
            "found": found,
            "theirs": Money(found.theirs, account.currency),
            "ours": Money(found.ours, account.currency),
            "differences": [
                {
                    "what": row.what,
                    "money": Money(row.amount, account.currency),
                    "entry": row.entry,
                    "line": row.line if account.place == month_ends.Place.CLEARING else None,
                }
                for row in found.differences
            ],
            "signed": signed,
            "signed_differences": [
                {"what": row["what"], "money": Money(row["amount"], account.currency)}
                for row in (signed.differences if signed else [])
            ],
            "changed": signed is not None and signed.ours != found.ours,
            "why_not": str(why_not) if why_not and signed is None else "",
            "can_sign": why_not is None and found.missing_from is None,
            "form": SignForm(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def acts(self) -> dict[str, Any]:
        return {"sign": ("", self._sign)}

    def _sign(self) -> HttpResponse:
        form = SignForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        account = self.account
        try:
            signoff.sign_off(
                account.place,
                account.currency,
                self.month,
                by=self.person,
                note=form.cleaned_data["note"],
            )
        except (signoff.DifferencesUnexplained, signoff.OpenItemsUnexplained) as refusal:
            form.add_error("note", str(refusal))
            return self.render_to_response(self.get_context_data(form=form))
        return self.done(gettext("Signed off."))


class MonthEndMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return any(request.user.has_perm(right) for right in OverviewPage.rights)


class MonthEndViewSet(ViewSet):
    name = "payments_month_ends"
    url_prefix = "money/month-ends"
    icon = "calendar-check"
    menu_label = _("Month-end reconciliation")
    menu_item_class = MonthEndMenuItem

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", OverviewPage.as_view(), name="index"),
            path("<slug:place>/<slug:currency>/<slug:month>/", MonthPage.as_view(), name="month"),
        ]
