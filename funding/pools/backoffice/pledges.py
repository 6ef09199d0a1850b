"""Pledges: the list, and the page on which staff see all of one and change it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from wagtail.admin.auth import permission_denied
from wagtail.admin.ui.tables import Column
from wagtail.admin.widgets import AdminDateInput

from core import uploads
from core.models import User
from core.money import Money
from core.refusals import Refusal
from funding.payments.backoffice.base import (
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
)
from funding.pools import agreements, hiding, pledge_changes, queries
from funding.pools.backoffice.forms import ActForm
from funding.pools.forms import AmountField, ScheduleField, plain_amount
from funding.pools.forms.pledge import schedule_as_typed
from funding.pools.models import Pledge, PledgeAgreement
from funding.pools.permissions import (
    ADD_AGREEMENT,
    CHANGE_PLEDGE,
    HIDE_NAME,
    SEE_AGREEMENT,
    WRITE_OFF_PLEDGE,
)
from funding.pools.schedules import Part

only_read(Pledge, PledgeAgreement)


# --- Forms ----------------------------------------------------------------------------------------


def _reason(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Write the reason: it stays with the pledge.")},
    )


class ChangeForm(ActForm):
    # A schedule is one field here, and three where donors write it.
    names = {"count": "parts", "first_on": "parts", "own_dates": "parts"}

    amount = AmountField(
        label=_("Amount of the whole pledge"),
        help_text=_("What was received is a part of it."),
        error_messages={"required": _("Enter the amount of the whole pledge.")},
    )
    parts = ScheduleField(
        milestones=True,
        label=_("What is still to come"),
        required=False,
        help_text=_(
            "One instalment a line: the day, the amount, and what it waits for, if anything: "
            "2027-06-30 5000 First release."
        ),
    )
    reason = _reason(_("Reason"))

    def __init__(self, *args: Any, pledge: Pledge, **kwargs: Any) -> None:
        lines = schedule_as_typed(pledge_changes.to_come(pledge), pledge.currency)
        kwargs["initial"] = {"amount": plain_amount(pledge.money), "parts": "\n".join(lines)}
        super().__init__(*args, **kwargs)
        amount, parts = self.fields["amount"], self.fields["parts"]
        assert isinstance(amount, AmountField)
        assert isinstance(parts, ScheduleField)
        amount.currency = parts.currency = pledge.currency

    @property
    def to_come(self) -> list[Part]:
        return [
            Part(row.due_on, row.amount.amount, row.milestone)
            for row in self.cleaned_data["parts"]
            if row.amount
        ]


class MetForm(ActForm):
    on = forms.DateField(
        label=_("Met on"),
        widget=AdminDateInput,
        error_messages={"required": _("Enter the day."), "invalid": _("Enter a date.")},
    )
    note = _reason(_("How it is known"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"on": timezone.localdate()})
        super().__init__(*args, **kwargs)


class WriteOffForm(ActForm):
    reason = _reason(_("Reason"))


class AgreementForm(ActForm):
    file = forms.FileField(
        label=_("Signed agreement"),
        help_text=_("PDF, JPEG or PNG, 5 MB at most."),
        error_messages={"required": _("Choose a file.")},
    )
    signed_on = forms.DateField(
        label=_("Signed on"),
        widget=AdminDateInput,
        error_messages={"required": _("Enter the day that stands on the paper.")},
    )


# --- Pages ----------------------------------------------------------------------------------------


class PledgePage(RowPage):
    """One pledge: terms, instalments, changes, agreements, log; and what may be done about it."""

    model = Pledge
    rights = ("pools.view_pledge",)
    template_name = "pools/backoffice/pledge.html"
    header_icon = "date"

    def get_rows(self) -> Any:
        return Pledge.objects.select_related("pool__profile", "donor", "recorded_by")

    def get_page_title(self) -> str:
        return gettext("%(amount)s from %(donor)s") % {
            "amount": self.row.money.format(),
            "donor": self.row.donor.name,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        pledge, today = self.row, timezone.localdate()
        status = pledge.status(today)
        open_status = status in (
            Pledge.Status.CONFIRMED,
            Pledge.Status.IN_PROGRESS,
            Pledge.Status.LAPSED,
        )
        stands = open_status or status == Pledge.Status.FULFILLED
        may_change = self.person.has_perm(CHANGE_PLEDGE)
        context: dict[str, Any] = {
            "status": status,
            "facts": self._facts(),
            "amounts": [
                (gettext("Pledged"), pledge.money),
                (gettext("Received"), pledge.received),
                (gettext("Still to come"), pledge.outstanding),
            ],
            "seen": queries.given_pledge(pledge),
            "changes": [self._change(row) for row in pledge.changes.select_related("changed_by")],
            "agreements": pledge.agreements.defer("content").select_related("uploaded_by"),
            "may_see_agreements": self.person.has_perm(SEE_AGREEMENT),
            "may_change": may_change and stands,
            "may_meet_condition": may_change and stands and pledge.awaits_condition,
            "may_meet_milestone": may_change and open_status,
            "may_write_off": self.person.has_perm(WRITE_OFF_PLEDGE) and open_status,
            "may_attach": self.person.has_perm(ADD_AGREEMENT) and pledge.binding,
            "may_hide": self.person.has_perm(HIDE_NAME) and not pledge.anonymous,
            "change_form": ChangeForm(pledge=pledge),
            "met_form": MetForm(),
            "write_off_form": WriteOffForm(),
            "agreement_form": AgreementForm(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _facts(self) -> list[tuple[str, Any]]:
        pledge = self.row
        return [
            (gettext("Pool"), pledge.pool.name),
            (gettext("Donor"), pledge.donor.name),
            *facts(
                pledge,
                "reference",
                "binding",
                "condition",
                "condition_met_on",
                "anonymous",
                "public_name",
                "language",
                "created_at",
                "recorded_by",
                "confirmed_at",
                "cancelled_at",
                "written_off_at",
            ),
        ]

    def _change(self, row: Any) -> dict[str, Any]:
        currency = self.row.currency
        return {
            "row": row,
            "before": _terms(row.before, currency),
            "after": _terms(row.after, currency),
        }

    # What is done.
    def acts(self) -> dict[str, Any]:
        return {
            "change": (CHANGE_PLEDGE, self._do_change),
            "condition": (CHANGE_PLEDGE, self._do_condition),
            "milestone": (CHANGE_PLEDGE, self._do_milestone),
            "write-off": (WRITE_OFF_PLEDGE, self._do_write_off),
            "agreement": (ADD_AGREEMENT, self._do_agreement),
            "hide": (HIDE_NAME, self._hide),
        }

    def _hide(self) -> HttpResponse:
        hiding.hide_name(self.row, by=self.person, reason=self.request.POST.get("reason", ""))
        return self.done(gettext("The name is hidden. The pledge shows as anonymous."))

    def _act(
        self, name: str, form: ActForm, verb: Callable[[dict[str, Any]], object], words: str
    ) -> HttpResponse:
        """Do what the form asks for and say ``words``; or the page again, where the form is
        ``name``, with what was typed and what is wrong with it."""
        if form.is_valid():
            try:
                verb(form.cleaned_data)
            except Refusal as refusal:
                form.refuse(refusal)
            else:
                return self.done(words)
        return self.render_to_response(self.get_context_data(**{name: form}))

    def _do_change(self) -> HttpResponse:
        form = ChangeForm(self.request.POST, pledge=self.row)
        return self._act(
            "change_form",
            form,
            lambda typed: pledge_changes.change_pledge(
                self.row,
                amount=typed["amount"],
                parts=form.to_come,
                reason=typed["reason"],
                by=self.person,
            ),
            gettext("The pledge is changed, and its donor is told."),
        )

    def _do_condition(self) -> HttpResponse:
        return self._act(
            "met_form",
            MetForm(self.request.POST),
            lambda typed: pledge_changes.meet_condition(self.row, by=self.person, **typed),
            gettext("The condition is met, and the donor is told."),
        )

    def _do_milestone(self) -> HttpResponse:
        number = self.request.POST.get("number", "")
        part = get_object_or_404(
            self.row.instalments, number=int(number) if number.isdecimal() else 0
        )
        return self._act(
            "met_form",
            MetForm(self.request.POST),
            lambda typed: pledge_changes.meet_milestone(part, by=self.person, **typed),
            gettext("The milestone is met, and the donor is told."),
        )

    def _do_write_off(self) -> HttpResponse:
        return self._act(
            "write_off_form",
            WriteOffForm(self.request.POST),
            lambda typed: pledge_changes.write_off_pledge(self.row, by=self.person, **typed),
            gettext("The pledge is written off."),
        )

    def _do_agreement(self) -> HttpResponse:
        return self._act(
            "agreement_form",
            AgreementForm(self.request.POST, self.request.FILES),
            self._attach,
            gettext("The signed agreement is kept."),
        )

    def _attach(self, typed: dict[str, Any]) -> None:
        sent = typed["file"]
        agreements.attach_agreement(
            self.row,
            file_name=sent.name,
            content_type=sent.content_type,
            content=uploads.bytes_of(sent, limit=agreements.LIMIT),
            signed_on=typed["signed_on"],
            by=self.person,
        )


def _terms(terms: dict[str, Any], currency: str) -> list[str]:
    """Terms as `PledgeChange` keeps them, a line each."""
    lines = [Money(terms["amount"], currency).format()]
    for part in terms["instalments"]:
        words = f"{part['due_on']}: {Money(part['amount'], currency).format()}"
        lines.append(f"{words} ({part['milestone']})" if part["milestone"] else words)
    return lines


@require_safe
def agreement(request: HttpRequest, pk: int, agreement: int) -> HttpResponse:
    """One signed agreement, to keep; for staff with the right."""
    if not isinstance(request.user, User) or not request.user.has_perm(SEE_AGREEMENT):
        return permission_denied(request)
    paper = get_object_or_404(PledgeAgreement, pledge_id=pk, pk=agreement)
    return uploads.download(paper.file_name, paper.content_type, bytes(paper.content))


class PledgeViewSet(ReadViewSet):
    model = Pledge
    name = "pledges"
    icon = "date"
    menu_label = _("Pledges")
    page_view = PledgePage
    list_filter = ["pool", "binding", "confirmed_at"]
    search_fields = ["donor__name", "donor__email"]
    list_display = [
        "donor",
        money_column("money", _("Amount"), lambda row: row.money, sort_key="amount"),
        Column("pool", label=_("Pool"), accessor="pool.name"),
        Column(
            "binding",
            label=_("How firm"),
            accessor=lambda row: _("Binding") if row.binding else _("Intent"),
        ),
        money_column("received", _("Received"), lambda row: row.received),
        Column(
            "status",
            label=_("Status"),
            accessor=lambda row: row.status(timezone.localdate()).label,
        ),
        "confirmed_at",
    ]

    def rows(self) -> Any:
        return Pledge.objects.select_related("pool", "donor").prefetch_related("instalments")

    def more_urls(self) -> list[URLPattern]:
        return [path("inspect/<int:pk>/agreements/<int:agreement>/", agreement, name="agreement")]
