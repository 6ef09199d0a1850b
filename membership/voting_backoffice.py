"""The voting register in the back office: of any day, with names, to read and to export."""

import csv
import datetime
import io
import json
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.viewsets.base import ViewSet
from wagtail.admin.widgets import AdminDateInput
from wagtail.admin.widgets.button import HeaderButton

from core.cells import text_cell
from membership import voting
from membership.models import Constituency, Seat, SeatRole
from membership.voice_views import DayField
from membership.voting import Vote

PER_PAGE = 100
VIEW = "membership.view_seat"


class RegisterForm(forms.Form):
    """Which day, and which of its votes."""

    on = DayField(label=_("Day"), widget=AdminDateInput)
    constituency = forms.ChoiceField(
        label=_("Constituency"), choices=[("", _("All")), *Constituency.choices], required=False
    )
    vacant = forms.BooleanField(label=_("Only votes that nobody holds"), required=False)
    known = forms.DateTimeField(
        label=_("As it was known until"),
        required=False,
        help_text=_("To draw an earlier export again: the moment that it names. Empty: now."),
        error_messages={"invalid": _("Write the moment as the export has it.")},
    )


class RegisterPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """The votes of a day, a page of them or all as a file."""

    model = Seat
    permission_required = "view"
    template_name = "membership/backoffice/voting_register.html"
    page_title = _("Voting register")
    header_icon = "form"
    http_method_names = ["get", "head"]
    _show_breadcrumbs = True

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    @cached_property
    def form(self) -> RegisterForm:
        today = {"on": timezone.localdate().isoformat()}
        form = RegisterForm({**today, **self.request.GET.dict()})
        form.is_valid()
        return form

    @cached_property
    def register(self) -> voting.Register:
        """Of the day asked for; of today, where the form has something to correct."""
        values = self.form.cleaned_data if self.form.is_valid() else {}
        return voting.register(values.get("on") or timezone.localdate(), known=values.get("known"))

    @property
    def header_buttons(self) -> list[HeaderButton]:
        query = self.request.GET.copy()
        buttons = []
        for kind, label in (("csv", gettext("Export as CSV")), ("json", gettext("Export as JSON"))):
            query["export"] = kind
            buttons.append(
                HeaderButton(label=label, url=f"?{query.urlencode()}", icon_name="download")
            )
        return buttons

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        kind = request.GET.get("export", "")
        if kind in _EXPORTS and self.form.is_valid():
            return _EXPORTS[kind](self.register)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        register = self.register
        page = Paginator(self._chosen(), PER_PAGE).get_page(self.request.GET.get("page"))
        contacts = _contacts(page.object_list)
        people = register.holders()
        return super().get_context_data(
            form=self.form,
            register=register,
            constituencies=voting.by_constituency(register),
            page_obj=page,
            rows=[
                {
                    "vote": vote,
                    "person": people.get(vote.holder) if vote.holder is not None else None,
                    "contact": contacts.get(vote.organisation),
                }
                for vote in page
            ],
            **kwargs,
        )

    def _chosen(self) -> list[Vote]:
        values = self.form.cleaned_data if self.form.is_valid() else {}
        votes = self.register.vacant if values.get("vacant") else self.register.votes
        wanted = values.get("constituency")
        return [vote for vote in votes if not wanted or vote.constituency == wanted]


def _contacts(votes: Any) -> dict[int, Seat]:
    """Whom to ask about a vacant vote: the primary contact of today, by organisation."""
    vacant = [vote.organisation for vote in votes if vote.holder is None]
    found = Seat.objects.filter(
        organisation__in=vacant, roles__contains=[SeatRole.PRIMARY_CONTACT]
    ).select_related("person")
    return {seat.organisation_id: seat for seat in found}


COLUMNS = [
    "day",
    "organisation",
    "name",
    "constituency",
    "country",
    "vote",
    "holder",
    "holder_name",
    "holder_email",
]
# What every row of the CSV repeats of the whole: the JSON says it once, at its top.
OF_ALL = ["known_until", "sha256"]


def _rows(register: voting.Register) -> list[dict[str, Any]]:
    people = register.holders()
    rows = []
    for vote in register.votes:
        person = people[vote.holder] if vote.holder is not None else None
        rows.append(
            {
                "day": register.day.isoformat(),
                "organisation": vote.organisation,
                "name": vote.name,
                "constituency": vote.constituency,
                "country": vote.country,
                "vote": "vacant" if person is None else "held",
                "holder": vote.holder,
                "holder_name": person.get_full_name() if person else None,
                "holder_email": person.email if person else None,
            }
        )
    return rows


def _named(register: voting.Register, ending: str) -> dict[str, str]:
    # The name holds the beginning of the digest: two files of a day that differ are told apart.
    name = f"voting-register-{register.day:%Y-%m-%d}-{register.digest[:12]}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _known_until(register: voting.Register) -> str:
    return register.known.astimezone(datetime.UTC).isoformat()


def _as_csv(register: voting.Register) -> HttpResponse:
    """RFC 4180 with a byte order mark, so that spreadsheets read UTF-8."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [*COLUMNS, *OF_ALL])
    writer.writeheader()
    of_all = {"known_until": _known_until(register), "sha256": register.digest}
    for row in _rows(register):
        row |= of_all
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return HttpResponse(
        "\ufeff" + file.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers=_named(register, "csv"),
    )


def _cell(value: Any) -> str:
    return "" if value is None else text_cell(str(value))


def _as_json(register: voting.Register) -> HttpResponse:
    content = {
        "day": register.day.isoformat(),
        "known_until": _known_until(register),
        "sha256": register.digest,
        "members": len(register.votes),
        "held": register.held,
        "votes": _rows(register),
    }
    return HttpResponse(
        json.dumps(content, ensure_ascii=False, indent=1),
        content_type="application/json; charset=utf-8",
        headers=_named(register, "json"),
    )


_EXPORTS = {"csv": _as_csv, "json": _as_json}


class RegisterMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW)


class VotingRegisterViewSet(ViewSet):
    name = "membership_voting_register"
    url_prefix = "members/voting-register"
    icon = "form"
    menu_label = _("Voting register")
    menu_item_class = RegisterMenuItem

    def get_urlpatterns(self) -> list[URLPattern]:
        return [path("", RegisterPage.as_view(), name="index")]
