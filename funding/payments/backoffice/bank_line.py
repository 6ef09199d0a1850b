"""The page of one bank line: what it may be, what it was said to be, and each decision by itself."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Pool
from funding.payments.backoffice.bank_acts import ACTS, ActForm, shown, verb_of
from funding.payments.backoffice.base import RowPage, facts, rows_of_posted
from funding.payments.banking import arrivals, confirming, matching, undoing
from funding.payments.banking.accounts import GENERAL
from funding.payments.banking.matching import Suggestion
from funding.payments.models import (
    BankLine,
    Channel,
    ExpectedPayment,
    Match,
    Payment,
    Payout,
    Status,
)
from funding.payments.permissions import CONFIRM_MATCH

FOUND = 20
# Rows to choose from, by hand.
MOST = 200


class UndoForm(forms.Form):
    match = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("Kept in the log; the payer reads it on the credit note of a receipt."),
        error_messages={"required": _("Write the reason.")},
    )


class LinePage(RowPage):
    """GET shows; ``check`` shows one act with its entry, ``confirm`` does it; so does undoing."""

    model = BankLine
    rights = ("payments.view_bankline",)
    template_name = "payments/backoffice/bank_line.html"
    header_icon = "link"

    def get_rows(self) -> Any:
        return BankLine.objects.select_related("statement__account")

    def get_page_title(self) -> str:
        return gettext("%(amount)s on %(day)s") % {
            "amount": self.row.money.format(),
            "day": self.row.booked_on.isoformat(),
        }

    def acts(self) -> dict[str, Any]:
        return {
            "check": (CONFIRM_MATCH, self._check),
            "confirm": (CONFIRM_MATCH, self._confirm),
            "check_undo": (CONFIRM_MATCH, self._check_undo),
            "undo": (CONFIRM_MATCH, self._undo),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        line = self.row
        context: dict[str, Any] = {"may_act": self.person.has_perm(CONFIRM_MATCH), **kwargs}
        if "confirming" in kwargs or "undoing" in kwargs:
            return super().get_context_data(**context)
        parked = self._parked
        left = confirming.left_of_parked(parked) if parked else confirming.left_of(line)
        matches = list(
            line.matches.select_related(
                "payment", "payout", "processor_payout", "entry", "confirmed_by", "undone_by"
            ).order_by("pk")
        )
        context |= {
            "facts": self._facts(),
            "left": Money(abs(left.amount), left.currency),
            "is_in": line.amount > 0,
            "parked": parked,
            "suggestions": [
                self._offer(suggestion) for suggestion in matching.suggest(line, parked)
            ],
            "matches": [self._shown(match) for match in matches],
            "pools": Pool.objects.filter(Q(currency=line.currency) | Q(code=GENERAL))
            .exclude(code=confirming.HOLDING)
            .order_by("name"),
            "in_transit": (
                arrivals.payments_in_transit(line.currency).order_by("pk")[:100]
                if line.amount > 0 and not parked and left.amount
                else []
            ),
            "by_hand": self._by_hand(left, parked),
            "query": self._query,
            "found": [self._offer(each) for each in self._found(left)],
        }
        return super().get_context_data(**context)

    @cached_property
    def _parked(self) -> Match | None:
        """The parked money that the page is about (``?parked=``), if it waits still."""
        number = self.request.GET.get("parked") or self.request.POST.get("parked") or ""
        if not number:
            return None
        if not number.isdecimal() or len(number) > 17:
            raise Http404
        return get_object_or_404(
            Match.objects.select_related("line__statement__account"),
            pk=int(number),
            line=self.row,
            kind=Match.Kind.PARKED,
        )

    def _facts(self) -> list[tuple[str, Any]]:
        line = self.row
        found = facts(
            line,
            "booked_on",
            "value_on",
            "counterparty",
            "counterparty_account",
            "text",
            "payer_reference",
            "bank_reference",
        )
        if line.instructed_amount is not None:
            told = Money(line.instructed_amount, line.instructed_currency)
            found.append((gettext("The payer’s bank took"), told.format()))
        return [
            (gettext("Amount"), line.money.format()),
            (gettext("Account"), line.statement.account),
            *found,
        ]

    # --- What it may be ---

    @property
    def _query(self) -> str:
        return self.request.GET.get("q", "").strip()[:100]

    def _found(self, left: Money) -> list[Suggestion]:
        """Expected payments, or receipts that the bank may have taken back, looked for by hand."""
        if not self._query or not left.amount:
            return []
        if self.row.amount < 0:
            return self._found_receipts(-left)
        words = Q(payer_name__icontains=self._query) | Q(payer_email__icontains=self._query)
        numbers = Q(number__iexact=self._query) | Q(invoice__number__iexact=self._query)
        references = Q(reference__in=matching.references_in(self._query))
        rows = ExpectedPayment.objects.filter(
            words | numbers | references, currency=left.currency
        ).select_related("invoice__credit_note", "pool", "channel")[:FOUND]
        return [
            Suggestion(
                "match",
                0,
                "",
                min(left, outstanding) if outstanding.amount else left,
                expected=row,
            )
            for row in rows
            for outstanding in [matching.outstanding(row)]
        ]

    def _found_receipts(self, out: Money) -> list[Suggestion]:
        words = Q(payer_name__icontains=self._query) | Q(payer_email__icontains=self._query)
        numbers = (
            Q(receipts__number__iexact=self._query)
            | Q(invoice__number__iexact=self._query)
            | Q(expected__number__iexact=self._query)
        )
        references = Q(expected__reference__in=matching.references_in(self._query))
        rows = Payment.objects.filter(
            words | numbers | references,
            channel__in=[Channel.TRANSFER, Channel.MANUAL],
            status=Status.SUCCEEDED,
            currency=out.currency,
        ).distinct()[:FOUND]
        return [
            Suggestion("receipt_returned", 0, "", min(out, row.refundable), payment=row)
            for row in rows
            if row.refundable.amount
        ]

    def _by_hand(self, left: Money, parked: Match | None) -> list[dict[str, Any]]:
        """What a line may be of what we know, each with all that it may be about."""
        if not left.amount or parked is not None:
            return []
        currency, whole = left.currency, str(Money(abs(left.amount), left.currency).decimal)
        sign = {"amount__gt": 0} if left.amount > 0 else {"amount__lt": 0}
        arriving = [
            (row.pk, f"{row.money.format()}, {row.arrival_on}, {row.stripe_payout}")
            for row in arrivals.payouts_in_transit(currency).filter(**sign)[:MOST]
        ]
        found = [("payout_arrived", whole, arriving)]
        if left.amount > 0:
            returned = _choices(matching.payouts_that_may_return(currency))
            found.append(("payout_returned", whole, returned))
        else:
            waiting = [
                (row.pk, f"{rest.format()}, {row.line.counterparty}, {row.line.booked_on}")
                for row in matching.parked_waiting(self.row)[:MOST]
                if (rest := confirming.left_of_parked(row)).amount
            ]
            found.append(("parked_returned", whole, waiting))
            # The payout's own amount: one debit may hold several.
            found.append(("paid_out", "", _choices(matching.payouts_to_leave(currency))))
        return [
            {"act": act, "label": ACTS[act], "amount": amount, "choices": choices}
            for act, amount, choices in found
            if choices
        ]

    def _offer(self, suggestion: Suggestion) -> dict[str, Any]:
        """A suggestion as the page shows it: in words, with what its form sends."""
        return {
            "suggestion": suggestion,
            "label": ACTS[suggestion.act],
            "about": _about(suggestion),
            "targets": ",".join(str(pk) for pk in _targets(suggestion)),
            "amount": str(suggestion.amount.decimal),
        }

    def _shown(self, match: Match) -> dict[str, Any]:
        waiting = (
            confirming.left_of_parked(match)
            if match.kind == Match.Kind.PARKED and match.undone_at is None
            else None
        )
        return {
            "match": match,
            "amount": match.money.format(),
            "entries": confirming.entries_of(match) if match.entry_id else [],
            "waiting": waiting if waiting and waiting.amount else None,
            "companion": match.kind == Match.Kind.PARKED_RETURNED and match.parked_id is not None,
        }

    # --- What is decided ---

    def _form(self) -> ActForm:
        return ActForm(self.request.POST, currency=self.row.currency)

    def _check(self) -> HttpResponse:
        form = self._form()
        if not form.is_valid():
            return self._refused(form)
        verb = verb_of(self.row, form, by=self.person)

        def unchanged() -> Any:
            self._require_unchanged(form)
            return verb()

        entries = confirming.preview(unchanged)
        return self.render_to_response(
            self.get_context_data(
                confirming={
                    "label": ACTS[form.cleaned_data["act_on"]],
                    "entries": shown(entries),
                    "amount": form.cleaned_data["amount"],
                    "note": form.cleaned_data["note"],
                    "targets": ",".join(str(pk) for pk in form.cleaned_data["targets"]),
                    "act_on": form.cleaned_data["act_on"],
                    "left": form.cleaned_data["left"],
                    "typed": form.cleaned_data["amount"].decimal
                    if form.cleaned_data["amount"]
                    else "",
                    "about": self._named(form),
                    "parked": form.cleaned_data["parked"] or "",
                }
            )
        )

    def _named(self, form: ActForm) -> str:
        """What the act is about, in words."""
        targets, act = form.cleaned_data["targets"], form.cleaned_data["act_on"]
        if act == "match" and targets:
            return _of_expected(ExpectedPayment.objects.get(pk=targets[0]))
        if act == "owe_back" and targets:
            return str(Pool.objects.get(pk=targets[0]).name)
        return ""

    def _confirm(self) -> HttpResponse:
        form = self._form()
        if not form.is_valid():
            return self._refused(form)
        verb = verb_of(self.row, form, by=self.person)
        with use_case():
            self._require_unchanged(form)
            verb()
        return self._back(gettext("Matched, and booked."))

    def _require_unchanged(self, form: ActForm) -> None:
        """A part of a line that is confirmed twice (a double click, two tabs) is booked once."""
        chosen = form.cleaned_data
        parked = (
            get_object_or_404(Match, pk=chosen["parked"], line=self.row)
            if chosen["parked"]
            else None
        )
        if chosen["act_on"] == "parked_returned":
            # Both lines in the order of their keys, as the verb locks them.
            lines = Match.objects.filter(pk__in=chosen["targets"]).values_list("line_id", flat=True)
            for number in sorted({self.row.pk, *lines}):
                confirming.lock_line(BankLine(pk=number))
        confirming.require_unchanged(self.row, chosen["left"], parked)

    def _check_undo(self) -> HttpResponse:
        match, form = self._match_to_undo()
        if not form.is_valid():
            return self._refused(form)
        reason = form.cleaned_data["reason"]
        # Rehearsed, so that what refuses it is told before.
        confirming.preview(lambda: undoing.undo(match, by=self.person, reason=reason))
        entries = [
            {"kind": entry.kind, "date": entry.effective_date, "rows": rows_of_posted(entry)}
            for entry in confirming.entries_of(match)
            if match.entry_id
        ]
        return self.render_to_response(
            self.get_context_data(undoing={"match": match, "reason": reason, "entries": entries})
        )

    def _undo(self) -> HttpResponse:
        match, form = self._match_to_undo()
        if not form.is_valid():
            return self._refused(form)
        with use_case():
            undoing.undo(match, by=self.person, reason=form.cleaned_data["reason"])
        return self._back(gettext("Undone. This part of the line is free again."))

    def _match_to_undo(self) -> tuple[Match, UndoForm]:
        form = UndoForm(self.request.POST)
        number = self.request.POST.get("match", "")
        if not number.isdecimal() or len(number) > 17:
            raise Http404
        rows = Match.objects.select_related("line__statement__account")
        return get_object_or_404(rows, pk=int(number), line=self.row), form

    def _refused(self, form: forms.Form) -> HttpResponse:
        for problems in form.errors.values():
            for problem in problems:
                messages.error(self.request, str(problem))
        return self.stay()

    def _back(self, words: str) -> HttpResponse:
        messages.success(self.request, words)
        return self.stay()

    def stay(self) -> HttpResponse:
        """The page again, about the same parked money while some of it waits."""
        response = super().stay()
        try:
            parked = self._parked
        except Http404:
            return response
        if parked is not None and confirming.left_of_parked(parked).amount:
            response["Location"] += f"?parked={parked.pk}"
        return response


def _choices(payouts: QuerySet[Payout]) -> list[tuple[int, str]]:
    return [(row.pk, f"{row.money.format()}, {row.beneficiary}") for row in payouts[:MOST]]


def _targets(suggestion: Suggestion) -> list[int]:
    if suggestion.act == "owe_back" and suggestion.expected is not None:
        return [suggestion.expected.pool_id]
    rows = (
        suggestion.expected,
        suggestion.processor_payout,
        suggestion.payout,
        suggestion.payment,
        suggestion.parked,
        *suggestion.payments,
    )
    return [row.pk for row in rows if row is not None]


def _about(suggestion: Suggestion) -> list[dict[str, str]]:
    """Each row of a suggestion in words, with its page."""
    found: list[dict[str, str]] = []
    if suggestion.expected is not None:
        found.append(
            {
                "words": _of_expected(suggestion.expected),
                "url": reverse("bank_expected:inspect", args=[suggestion.expected.pk]),
            }
        )
    if suggestion.processor_payout is not None:
        payout = suggestion.processor_payout
        words = f"{payout.stripe_payout}, {payout.money.format()}, {payout.arrival_on}"
        found.append({"words": words, "url": ""})
    if suggestion.payout is not None:
        ours = suggestion.payout
        found.append(
            {
                "words": f"{ours.beneficiary}, {ours.money.format()}",
                "url": reverse("payments_payouts:inspect", args=[ours.pk]),
            }
        )
    found += [
        {
            "words": f"{payment.payer_name}, {payment.money.format()}",
            "url": reverse("payments_payments:inspect", args=[payment.pk]),
        }
        for payment in (*suggestion.payments, suggestion.payment)
        if payment is not None
    ]
    if suggestion.parked is not None:
        parked = suggestion.parked
        found.append(
            {
                "words": f"{parked.line.counterparty or parked.line}, {parked.money.format()}",
                "url": reverse("bank_lines:inspect", args=[parked.line_id]),
            }
        )
    return found


def _of_expected(expected: ExpectedPayment) -> str:
    paper = expected.number or (expected.invoice.number if expected.invoice else "")
    return gettext("%(paper)s, %(name)s: %(outstanding)s of %(amount)s outstanding") % {
        "paper": paper or expected.reference,
        "name": expected.payer_name,
        "outstanding": matching.outstanding(expected).format(),
        "amount": expected.money.format(),
    }
