"""The page "Books" of the back office: the months, closing the next one, the auditor's pack."""

import datetime
import re
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.defaults import permission_denied
from django.views.generic import TemplateView
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.viewsets.base import ViewSet

from core import audit
from core.models import User
from core.transactions import use_case
from funding.ledger import periods
from funding.ledger.models import Period
from funding.ledger.refusals import LedgerRefusal, month_in_words
from funding.transparency import months
from funding.transparency.audit_pack import LATE_DAYS, Months, file_name, stream
from funding.transparency.permissions import CLOSE_BOOKS, DOWNLOAD_AUDIT_PACK

MOST_LATE_DAYS = 3_650


def _month(text: str) -> datetime.date | None:
    """The first day of ``2026-03``; None for anything else."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        return None
    try:
        return datetime.date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


class ClosingForm(forms.Form):
    """Which month is meant, so that a form sent twice never closes the one after, and why."""

    month = forms.CharField(max_length=7, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Such as: all bank statements of the month are in and matched."),
        error_messages={"required": _("Write why the month can be closed.")},
    )

    def clean_month(self) -> datetime.date:
        month = _month(self.cleaned_data["month"])
        if month is None:
            raise forms.ValidationError(gettext("This is no month. Open the page again."))
        return month


class PackForm(forms.Form):
    """From which month to which, and from how many days on an entry is called late."""

    first = forms.ChoiceField(label=_("From the month"))
    last = forms.ChoiceField(label=_("To the month"))
    late_days = forms.IntegerField(
        label=_("Late after how many days"),
        min_value=0,
        max_value=MOST_LATE_DAYS,
        help_text=_("Entries recorded more days than this after their event are listed as late."),
    )

    def __init__(self, *args: Any, listed: list[months.Month], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(f"{row.month:%Y-%m}", month_in_words(row.month)) for row in listed]
        for name in ("first", "last"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
            field.error_messages["invalid_choice"] = _("Choose a month of the books.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("first", "") > cleaned.get("last", "9"):
            self.add_error("last", _("Choose a later month."))
        return cleaned

    @property
    def chosen(self) -> Months:
        first, last = (_month(self.cleaned_data[name]) for name in ("first", "last"))
        assert first is not None
        assert last is not None
        return Months(first, last)


class BooksPage(WagtailAdminTemplateMixin, TemplateView):
    """What is common to the pages of the books: who may see them, their title and their path."""

    template_name = "transparency/books.html"
    page_title = _("Books")
    header_icon = "clipboard-list"
    _show_breadcrumbs = True
    # Any one of them opens the page.
    rights: tuple[str, ...] = (CLOSE_BOOKS, DOWNLOAD_AUDIT_PACK)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not any(request.user.has_perm(right) for right in self.rights):
            return permission_denied(request, PermissionDenied())
        return super().dispatch(request, *args, **kwargs)

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": reverse("books:index"), "label": _("Books")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        listed = months.all_months()
        closable = months.next_to_close()
        context: dict[str, Any] = {
            "months": listed,
            "may_close": self.person.has_perm(CLOSE_BOOKS),
            "may_download": self.person.has_perm(DOWNLOAD_AUDIT_PACK),
            "closable": closable,
            "closes_a_year": closable is not None and closable.month == months.DECEMBER,
            "closing_form": self._closing_form(closable),
            "pack_form": PackForm(listed=listed, initial=_last_closed(listed)),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _closing_form(self, closable: datetime.date | None, reason: str = "") -> ClosingForm:
        month = f"{closable:%Y-%m}" if closable else ""
        return ClosingForm(initial={"month": month, "reason": reason})


def _last_closed(listed: list[months.Month]) -> dict[str, Any]:
    """The pack that is most often wanted: of the newest month that is closed, else of the newest."""
    newest = next((row for row in listed if row.closed_at), listed[0] if listed else None)
    month = f"{newest.month:%Y-%m}" if newest else ""
    return {"first": month, "last": month, "late_days": LATE_DAYS}


class BooksView(BooksPage):
    """The months, and the two steps of closing one: say why, read what it means and confirm."""

    http_method_names = ["get", "head", "post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if not self.person.has_perm(CLOSE_BOOKS):
            return permission_denied(request, PermissionDenied())
        form = ClosingForm(request.POST)
        if not form.is_valid():
            for problem in form.errors.get("month", []):
                messages.error(request, str(problem))
            return self.render_to_response(self.get_context_data(closing_form=form))
        match request.POST.get("act"):
            case "confirm":
                return self._close(form)
            case "back":
                return self.render_to_response(self.get_context_data(closing_form=form))
            case _:
                return self._ask_to_confirm(form)

    def _ask_to_confirm(self, form: ClosingForm) -> HttpResponse:
        plan = months.plan(form.cleaned_data["month"])
        return self.render_to_response(
            self.get_context_data(
                closing_form=form, plan=plan, next_month=periods.month_after(plan.month)
            )
        )

    def _close(self, form: ClosingForm) -> HttpResponse:
        month, reason = form.cleaned_data["month"], form.cleaned_data["reason"]
        try:
            months.close(month, by=self.person, reason=reason)
        except LedgerRefusal as refusal:
            words = gettext("%(month)s was not closed. %(why)s")
            messages.error(self.request, words % {"month": month_in_words(month), "why": refusal})
            again = self._closing_form(months.next_to_close(), reason)
            return self.render_to_response(self.get_context_data(closing_form=again))
        messages.success(
            self.request, gettext("%(month)s is closed.") % {"month": month_in_words(month)}
        )
        return redirect("books:index")


class AuditPackView(BooksPage):
    """The auditor's pack as a file. That it was taken is written down before it is sent."""

    rights = (DOWNLOAD_AUDIT_PACK,)
    http_method_names = ["get"]

    def get(  # type: ignore[override]
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        form = PackForm(request.GET, listed=months.all_months())
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(pack_form=form))
        wanted, late_days = form.chosen, form.cleaned_data["late_days"]
        with use_case():
            audit.record(
                "transparency.download_audit_pack",
                Period.objects.filter(month__lte=wanted.last).latest("month"),
                by=self.person,
                first=f"{wanted.first:%Y-%m}",
                last=f"{wanted.last:%Y-%m}",
                late_days=late_days,
            )
        pack = stream(
            wanted,
            by=str(self.person),
            language=get_language() or "en",
            late_days=late_days,
        )
        response = StreamingHttpResponse(pack, content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="{file_name(wanted)}"'
        response["Cache-Control"] = "private, no-store"
        return response


class BooksMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return any(request.user.has_perm(right) for right in BooksPage.rights)


class BooksViewSet(ViewSet):
    """The pages of the books and their place in the menu."""

    name = "books"
    icon = "clipboard-list"
    menu_label = _("Books")
    menu_name = "books"
    menu_order = 320  # after Giving
    add_to_admin_menu = True
    menu_item_class = BooksMenuItem

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", BooksView.as_view(), name="index"),
            path("audit-pack/", AuditPackView.as_view(), name="audit_pack"),
        ]
