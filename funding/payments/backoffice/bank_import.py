"""Importing a statement: the file, for CSV the columns, what it would bring, then the import.

Between the steps the file waits in the cache for an hour, under a random key and its clerk's id.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal
from funding.payments.backoffice.base import MoneyPage
from funding.payments.banking import csv_statements, imports
from funding.payments.banking.csv_statements import Mapping
from funding.payments.banking.imports import Plan
from funding.payments.models import BankAccount, BankStatement, CsvMapping
from funding.payments.permissions import IMPORT_STATEMENT

WAITS = 60 * 60
SHOWN = 20
COLUMNS = {
    "date": _("Date"),
    "amount": _("Amount (with its sign)"),
    "debit": _("Debit"),
    "credit": _("Credit"),
    "value_date": _("Value date"),
    "balance": _("Balance after the line"),
    "currency": _("Currency"),
    "reference": _("Bank’s reference"),
    "name": _("Counterparty"),
    "text": _("Text"),
}


class UploadForm(forms.Form):
    account = forms.ModelChoiceField(
        label=_("Account"),
        queryset=BankAccount.objects.filter(closed_on=None),
        error_messages={"required": _("Choose the account.")},
    )
    file = forms.FileField(
        label=_("File"),
        help_text=_("CAMT.053, MT940 or CSV, as the bank gives it. Up to 5 MB."),
        error_messages={
            "required": _("Choose the file."),
            "empty": _("The file is empty."),
        },
    )


class MappingForm(forms.Form):
    """How the CSV is written, and which column is which."""

    delimiter = forms.ChoiceField(
        label=_("Columns are parted by"), choices=list(csv_statements.DELIMITERS.items())
    )
    encoding = forms.ChoiceField(
        label=_("Encoding"), choices=list(csv_statements.ENCODINGS.items())
    )
    header = forms.IntegerField(
        label=_("Line of the heading"), min_value=1, max_value=100, initial=1
    )
    date_format = forms.ChoiceField(
        label=_("Dates look like"), choices=list(csv_statements.DATE_FORMATS.items())
    )
    decimal = forms.ChoiceField(
        label=_("Decimal sign"), choices=[(".", "1,250.50"), (",", "1.250,50")]
    )

    def __init__(self, *args: Any, columns: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "–"), *((name, name) for name in columns if name)]
        for name, label in COLUMNS.items():
            self.fields[f"column_{name}"] = forms.ChoiceField(
                label=label, choices=choices, required=False
            )

    @property
    def mapping(self) -> Mapping:
        typed = self.cleaned_data
        return Mapping(
            **{name: typed[f"column_{name}"] for name in COLUMNS},
            delimiter=typed["delimiter"],
            encoding=typed["encoding"],
            date_format=typed["date_format"],
            decimal=typed["decimal"],
            header=typed["header"],
        )


class BalancesForm(forms.Form):
    """The balances that the bank's paper shows, where the file has none."""

    opening = forms.CharField(label=_("Opening balance"), required=False, max_length=40)
    closing = forms.CharField(label=_("Closing balance"), required=False, max_length=40)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        for field in self.fields.values():
            field.help_text = gettext("In %(currency)s. Empty: the balance column says it.") % {
                "currency": currency
            }

    def clean_opening(self) -> Money | None:
        return self._money("opening")

    def clean_closing(self) -> Money | None:
        return self._money("closing")

    def _money(self, name: str) -> Money | None:
        """An account may be overdrawn: a minus may stand before."""
        typed = self.cleaned_data[name].strip().replace("\u2212", "-")
        if not typed:
            return None
        try:
            money = Money.parse(typed.removeprefix("-"), self.currency)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return -money if typed.startswith("-") else money


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file between the steps."""

    account_id: int
    name: str
    content: bytes


class ImportView(MoneyPage):
    rights = (IMPORT_STATEMENT,)
    template_name = "payments/backoffice/bank_import.html"
    page_title = _("Import a statement")
    header_icon = "upload"
    viewset_name = "bank_statements"
    list_label = _("Bank statements")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"upload_form": UploadForm(), **kwargs})

    def acts(self) -> dict[str, Any]:
        return {
            "upload": (IMPORT_STATEMENT, self._upload),
            "columns": (IMPORT_STATEMENT, self._read_columns),
            "preview": (IMPORT_STATEMENT, self._preview),
            "import": (IMPORT_STATEMENT, self._import),
        }

    # --- The file ---

    def _upload(self) -> HttpResponse:
        form = UploadForm(self.request.POST, self.request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(upload_form=form))
        upload = form.cleaned_data["file"]
        try:
            content = imports.read_limited(upload)
            found = imports.format_of(content)
        except Refusal as refusal:
            form.add_error("file", str(refusal))
            return self.render_to_response(self.get_context_data(upload_form=form))
        account = form.cleaned_data["account"]
        token = uuid.uuid4().hex
        cache.set(self._key(token), (account.pk, upload.name, content), WAITS)
        waiting = Waiting(account.pk, upload.name, content)
        if found != BankStatement.Format.CSV:
            return self._show(token, waiting, account)
        return self._show_mapping(token, waiting, account, self._first_mapping(account, content))

    def _key(self, token: str) -> str:
        return f"bank-import:{self.person.pk}:{token}"

    def _waiting(self) -> tuple[str, Waiting, BankAccount] | None:
        token = self.request.POST.get("token", "")
        found = cache.get(self._key(token)) if token.isalnum() and len(token) == 32 else None
        if found is None:
            messages.error(self.request, gettext("The file waited too long. Choose it again."))
            return None
        waiting = Waiting(*found)
        return token, waiting, BankAccount.objects.get(pk=waiting.account_id)

    # --- Columns of a CSV ---

    def _first_mapping(self, account: BankAccount, content: bytes) -> Mapping:
        """The one remembered, where its columns are in the file; else what can be guessed."""
        kept = CsvMapping.objects.filter(account=account).first()
        guessed = csv_statements.guess(content)
        if kept is None:
            return guessed
        mapping = Mapping.from_settings(kept.settings)
        return mapping if _columns(content, mapping) else guessed

    def _mapping_form(self, content: bytes, data: Any = None, **options: Any) -> MappingForm:
        asked = Mapping(date="")
        if data is not None:
            typed = str(data.get("header", "1"))
            asked = replace(
                asked,
                delimiter=str(data.get("delimiter", ",")),
                encoding=str(data.get("encoding", "utf-8-sig")),
                header=int(typed) if typed.isdecimal() and len(typed) < 4 else 1,
            )
        else:
            asked = options.pop("mapping")
            settings = asked.as_settings()
            options["initial"] = {
                **settings,
                **{f"column_{name}": settings[name] for name in COLUMNS},
            }
        return MappingForm(data, columns=_columns(content, asked), **options)

    def _show_mapping(
        self, token: str, waiting: Waiting, account: BankAccount, mapping: Mapping
    ) -> HttpResponse:
        return self.render_to_response(
            self.get_context_data(
                token=token,
                account=account,
                file_name=waiting.name,
                mapping_form=self._mapping_form(waiting.content, mapping=mapping),
                balances_form=BalancesForm(
                    currency=account.currency, initial=_last_closing(account)
                ),
            )
        )

    def _read_columns(self) -> HttpResponse:
        """The heading again, by another delimiter, encoding or line."""
        found = self._waiting()
        if found is None:
            return self.stay()
        token, waiting, account = found
        form = self._mapping_form(waiting.content, self.request.POST)
        form.is_valid()
        initial = {name: self.request.POST.get(name, "") for name in form.fields}
        again = MappingForm(columns=[value for value, _label in _choices(form)], initial=initial)
        return self.render_to_response(
            self.get_context_data(
                token=token,
                account=account,
                file_name=waiting.name,
                mapping_form=again,
                balances_form=BalancesForm(
                    currency=account.currency,
                    initial={
                        name: self.request.POST.get(name, "") for name in ("opening", "closing")
                    },
                ),
            )
        )

    # --- What it would bring ---

    def _preview(self) -> HttpResponse:
        return self._go_on(importing=False)

    def _import(self) -> HttpResponse:
        return self._go_on(importing=True)

    def _go_on(self, *, importing: bool) -> HttpResponse:
        found = self._waiting()
        if found is None:
            return self.stay()
        token, waiting, account = found
        is_csv = imports.format_of(waiting.content) == BankStatement.Format.CSV
        if not is_csv:
            return (
                self._bring(waiting, account, {})
                if importing
                else self._show(token, waiting, account)
            )
        mapping_form = self._mapping_form(waiting.content, self.request.POST)
        balances_form = BalancesForm(self.request.POST, currency=account.currency)
        forms_shown = {"mapping_form": mapping_form, "balances_form": balances_form}
        if not (mapping_form.is_valid() and balances_form.is_valid()):
            return self.render_to_response(
                self.get_context_data(
                    token=token, account=account, file_name=waiting.name, **forms_shown
                )
            )
        options = {"mapping": mapping_form.mapping, **balances_form.cleaned_data}
        if importing:
            return self._bring(waiting, account, options)
        return self._show(token, waiting, account, options, forms_shown)

    def _show(
        self,
        token: str,
        waiting: Waiting,
        account: BankAccount,
        options: dict[str, Any] | None = None,
        forms_shown: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A dry run: what the import would bring, or why it would be refused."""
        plan: Plan | None = None
        refusal = ""
        try:
            plan = imports.parse(account, waiting.content, **(options or {}))
            imports.check(account, plan)
        except Refusal as refused:
            refusal = str(refused)
        return self.render_to_response(
            self.get_context_data(
                token=token,
                account=account,
                file_name=waiting.name,
                refusal=refusal,
                can_import=plan is not None and not refusal,
                statements=_in_words(plan, account) if plan else [],
                **(forms_shown or {}),
            )
        )

    def _bring(
        self, waiting: Waiting, account: BankAccount, options: dict[str, Any]
    ) -> HttpResponse:
        imported = imports.import_statement(
            account,
            ContentFile(waiting.content, name=waiting.name),
            by=self.person,
            **options,
        )
        cache.delete(self._key(self.request.POST.get("token", "")))
        if imported.again:
            messages.info(self.request, gettext("This file was imported before. Nothing changed."))
        else:
            count = imported.lines
            messages.success(
                self.request,
                ngettext(
                    "%(count)s line is imported. Match it now.",
                    "%(count)s lines are imported. Match them now.",
                    count,
                )
                % {"count": count},
            )
        return redirect(reverse("bank_lines:index") + "?state=open")


def _columns(content: bytes, mapping: Mapping) -> list[str]:
    """The columns by this way of reading; none where the file is not written so."""
    try:
        found = csv_statements.headings(
            content,
            delimiter=mapping.delimiter if mapping.delimiter in csv_statements.DELIMITERS else ",",
            encoding=mapping.encoding,
            header=mapping.header,
        )
    except Refusal:
        return []
    wanted = [getattr(mapping, name) for name in COLUMNS if getattr(mapping, name)]
    return found if set(wanted) <= set(found) else []


def _choices(form: MappingForm) -> list[tuple[Any, Any]]:
    """The columns that a form offers."""
    field: Any = form.fields["column_date"]
    return [(value, label) for value, label in field.choices if value]


def _last_closing(account: BankAccount) -> dict[str, str]:
    last = account.statements.order_by("-pk").first()
    return {"opening": str(Money(last.closing, account.currency).decimal)} if last else {}


def _in_words(plan: Plan, account: BankAccount) -> list[dict[str, Any]]:
    def words(amount: int) -> str:
        return Money(amount, account.currency).format()

    return [
        {
            "name": parsed.identification or str(number),
            "first_day": parsed.first_day,
            "last_day": parsed.last_day,
            "opening": words(parsed.opening),
            "closing": words(parsed.closing),
            "count": len(parsed.lines),
            "total": words(parsed.total),
            "more": max(0, len(parsed.lines) - SHOWN),
            "lines": [
                {"line": line, "amount": words(line.amount)} for line in parsed.lines[:SHOWN]
            ],
        }
        for number, parsed in enumerate(plan.statements, 1)
    ]
