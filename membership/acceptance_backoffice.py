"""Who accepted which version, and who has not: in the back office, for staff to follow up."""

import csv
import io
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
from wagtail.admin.widgets.button import HeaderButton

from core.cells import text_cell
from membership import accepting
from membership.accepting import Answer
from membership.models import Acceptance, AgreementVersion

PER_PAGE = 100
VIEW = "membership.view_acceptance"


class ChoiceForm(forms.Form):
    """Which version, and which of the members."""

    version = forms.ModelChoiceField(
        label=_("Version"),
        queryset=AgreementVersion.objects.none(),
        empty_label=None,
        error_messages={"invalid_choice": _("Choose a published version.")},
    )
    show = forms.ChoiceField(
        label=_("Members"),
        choices=[
            ("missing", _("who have not accepted")),
            ("accepted", _("who have accepted")),
            ("all", _("all")),
        ],
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["version"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = AgreementVersion.objects.filter(published_at__isnull=False).select_related(
            "agreement"
        )


class AcceptancesPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Members of today with one version: who accepted it, when and by whom, and who has not."""

    model = Acceptance
    permission_required = "view"
    template_name = "membership/backoffice/acceptances.html"
    page_title = _("Acceptances")
    header_icon = "check"
    http_method_names = ["get", "head"]
    _show_breadcrumbs = True

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    @cached_property
    def form(self) -> ChoiceForm:
        first = {"show": "missing"}
        if asked := accepting.asked_for(timezone.localdate()):
            newest = max(asked, key=lambda version: (version.published_at, version.pk))
            first["version"] = str(newest.pk)
        form = ChoiceForm({**first, **self.request.GET.dict()})
        form.is_valid()
        return form

    @property
    def header_buttons(self) -> list[HeaderButton]:
        query = self.request.GET.copy()
        query["export"] = "csv"
        url = f"?{query.urlencode()}"
        return [HeaderButton(label=gettext("Export as CSV"), url=url, icon_name="download")]

    @cached_property
    def answers(self) -> list[Answer]:
        """Of every member; none where the form has something to correct."""
        version = self.form.cleaned_data.get("version")
        return accepting.answers(version, timezone.localdate()) if version else []

    def chosen(self) -> list[Answer]:
        show = self.form.cleaned_data.get("show") or "missing"
        return [
            answer
            for answer in self.answers
            if show == "all" or (answer.acceptance is None) == (show == "missing")
        ]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.GET.get("export") == "csv" and self.form.is_valid():
            return _as_csv(self.form.cleaned_data["version"], self.chosen())
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = Paginator(self.chosen(), PER_PAGE).get_page(self.request.GET.get("page"))
        missing = sum(answer.acceptance is None for answer in self.answers)
        return super().get_context_data(
            form=self.form, members=len(self.answers), missing=missing, page_obj=page, **kwargs
        )


COLUMNS = [
    "organisation",
    "agreement",
    "version",
    "accepted_at",
    "accepted_by",
    "signatory_name",
    "signatory_function",
    "told_at",
    "contact_name",
    "contact_email",
]


def _as_csv(version: AgreementVersion, answers: list[Answer]) -> HttpResponse:
    """RFC 4180 with a byte order mark, so that spreadsheets read UTF-8."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for answer in answers:
        given, contact = answer.acceptance, answer.contact
        cells = [
            answer.organisation.public_name,
            version.agreement.code,
            version.label,
            given.accepted_at.isoformat() if given else "",
            str(given.person) if given else "",
            given.signatory_name if given else "",
            given.signatory_function if given else "",
            answer.told_at.isoformat() if answer.told_at else "",
            contact.person.get_full_name() if contact else "",
            contact.person.email if contact else "",
        ]
        writer.writerow([text_cell(cell) for cell in cells])
    name = f"acceptances-{version.agreement.code}-{version.pk}.csv"
    return HttpResponse(
        "\ufeff" + file.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class AcceptancesMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW)


class AcceptancesViewSet(ViewSet):
    name = "membership_acceptances"
    url_prefix = "members/acceptances"
    icon = "check"
    menu_label = _("Acceptances")
    menu_item_class = AcceptancesMenuItem

    def get_urlpatterns(self) -> list[URLPattern]:
        return [path("", AcceptancesPage.as_view(), name="index")]
