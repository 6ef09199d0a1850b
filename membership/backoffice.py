"""Membership in the back office: what staff keep (tiers, fees, agreements) and what they read.

Organisations and terms are read only here: they change by the verbs of this package, which check
their rules and write the audit log. The menu "Members" itself, with the applications, is put
together in `funding.dues.backoffice`.
"""

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.viewsets.model import ModelViewSet

from core.refusals import Refusal
from membership import agreements, organisation_pages, work_pages
from membership.fee_forms import FeeForm
from membership.list_filters import OrganisationFilterSet, TermFilterSet
from membership.lists import WorkingList
from membership.models import (
    Agreement,
    AgreementVersion,
    FeeRule,
    Organisation,
    SavedView,
    Term,
    Tier,
)
from membership.refusals import FeeInForce, VersionInForce


class ReadOnlyViewSet(ModelViewSet):
    """A list and a page for each row; nothing to add, change or delete, whoever asks."""

    inspect_view_enabled = True
    copy_view_enabled = False
    add_to_reference_index = False

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        common: dict[str, Any] = super().get_common_view_kwargs(**kwargs)
        for verb in ("add", "edit", "delete", "history", "usage"):
            common[f"{verb}_url_name"] = None
        return common

    def get_urlpatterns(self) -> list[URLPattern]:
        conv = self.pk_path_converter
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path(f"inspect/<{conv}:pk>/", self.inspect_view, name="inspect"),
        ]

    def register_admin_url_finder(self) -> None:
        """There is no page to edit a row that the audit log could lead to."""


class OrganisationIndexView(WorkingList):
    list_name = SavedView.List.ORGANISATIONS


def _logo_in_words(row: Organisation) -> str:
    if row.logo_id is None:
        return ""
    return gettext("shown") if row.logo_approved else gettext("waits for you")


class OrganisationViewSet(ReadOnlyViewSet):
    model = Organisation
    name = "membership_organisations"
    url_prefix = "members/organisations"
    menu_label = _("Organisations")
    icon = "group"
    index_view_class = OrganisationIndexView
    filterset_class = OrganisationFilterSet
    list_display = [
        "public_name",
        "kind",
        "constituency",
        "country_name",
        "legal_name",
        Column("logo", label=_("Logo"), accessor=lambda row: _logo_in_words(row)),
        Column(
            "merged",
            label=_("Merged"),
            accessor=lambda row: gettext("merged") if row.merged_into_id else "",
        ),
    ]
    list_export = [
        "public_name",
        "legal_name",
        "kind",
        "constituency",
        "country",
        "website",
        "identifier",
    ]
    search_fields = ["public_name", "legal_name", "registration_number"]
    search_backend_name = None
    ordering = "sort_key"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path(
                "inspect/<int:pk>/", organisation_pages.OrganisationPage.as_view(), name="inspect"
            ),
            path("profile/<int:pk>/", organisation_pages.ProfilePage.as_view(), name="profile"),
            path("standing/<int:pk>/", organisation_pages.StandingPage.as_view(), name="standing"),
            path("note/<int:pk>/", work_pages.NotePage.as_view(), name="note"),
            path("task/<int:pk>/", work_pages.AddTaskPage.as_view(), name="task"),
            path(
                "merge/<int:pk>/<int:other>/",
                organisation_pages.MergePage.as_view(),
                name="merge",
            ),
        ]


class TermIndexView(WorkingList):
    """Terms with the status of today, which no column holds."""

    list_name = SavedView.List.TERMS
    export_headings: ClassVar[dict[str, Any]] = {
        "organisation.public_name": _("Organisation"),
        "organisation.constituency": _("Constituency"),
        "organisation.country": _("Country"),
        "tier.code": _("Tier"),
        "money": _("Fee"),
    }

    def get_base_queryset(self) -> Any:
        return Term.objects.select_related("organisation", "tier")


class StatusColumn(Column):
    def get_value(self, instance: Term) -> str:
        return str(instance.status(timezone.localdate()).label)


class TermViewSet(ReadOnlyViewSet):
    model = Term
    name = "membership_terms"
    url_prefix = "members/terms"
    menu_label = _("Terms")
    icon = "calendar-alt"
    index_view_class = TermIndexView
    filterset_class = TermFilterSet
    search_fields = ["organisation__public_name", "organisation__legal_name"]
    search_backend_name = None
    list_export = [
        "organisation.public_name",
        "organisation.constituency",
        "organisation.country",
        "tier.code",
        "starts_on",
        "ends_on",
        "status_today",
        "money",
        "settled_on",
        "waived_on",
        "cancelled_on",
    ]
    ordering = "-ends_on"
    inspect_view_fields = [
        "organisation",
        "tier",
        "starts_on",
        "ends_on",
        "money",
        "settled_on",
        "settled_elsewhere",
        "waived_on",
        "waived_by",
        "waived_reason",
        "cancelled_on",
        "cancelled_by",
        "cancelled_reason",
    ]

    @property
    def list_display(self) -> list[Any]:
        return [
            TitleColumn(
                "organisation",
                label=_("Organisation"),
                get_url=lambda term: reverse("membership_terms:inspect", args=[term.pk]),
            ),
            "tier",
            "starts_on",
            "ends_on",
            StatusColumn("status", label=_("Status today")),
        ]


class TierViewSet(ModelViewSet):
    model = Tier
    name = "membership_tiers"
    url_prefix = "members/tiers"
    menu_label = _("Tiers")
    icon = "list-ul"
    copy_view_enabled = False
    inspect_view_enabled = True
    list_display = ["name", "code", "open_to_new", "position"]
    ordering = "position"
    form_fields = [
        "code",
        "name",
        "name_fr",
        "name_pt",
        "summary",
        "summary_fr",
        "summary_pt",
        "position",
        "open_to_new",
        "reviewers",
    ]


class ReadOnceInForce:
    """Mixed into views that edit or delete: a row that is in force is read, and its page says why.

    Asked after the permission check, which Wagtail makes in ``dispatch``.
    """

    model: type[Model]
    inspect_url_name = ""  # set by the viewset

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._refused(request) or super().get(request, *args, **kwargs)  # type: ignore[misc]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._refused(request) or super().post(request, *args, **kwargs)  # type: ignore[misc]

    def why_read_only(self, row: Any) -> Refusal | None:
        """The refusal of a change to ``row``; None while it may still change."""
        raise NotImplementedError

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        row = get_object_or_404(self.model, pk=self.kwargs["pk"])  # type: ignore[attr-defined]
        refusal = self.why_read_only(row)
        if refusal is None:
            return None
        messages.warning(request, str(refusal))
        return redirect(self.inspect_url_name, row.pk)


class ComingFeesOnly(ReadOnceInForce):
    """A fee in force was shown to people and stays; a change is a new line."""

    def why_read_only(self, row: FeeRule) -> Refusal | None:
        if row.valid_from > timezone.localdate():
            return None
        return FeeInForce(since=formats.date_format(row.valid_from))


class FeeEditView(ComingFeesOnly, generic.EditView):
    pass


class FeeDeleteView(ComingFeesOnly, generic.DeleteView):
    pass


class FeeViewSet(ModelViewSet):
    model = FeeRule
    name = "membership_fees"
    url_prefix = "members/fees"
    menu_label = _("Fee table")
    icon = "table"
    edit_view_class = FeeEditView
    delete_view_class = FeeDeleteView
    inspect_view_enabled = True
    list_display = ["__str__", "kind", "income_group", "valid_from", "source", "source_year"]
    list_filter = ["tier", "kind", "income_group", "currency"]

    def get_form_class(self, for_update: bool = False) -> Any:
        return FeeForm


class AgreementViewSet(ModelViewSet):
    model = Agreement
    name = "membership_agreements"
    url_prefix = "members/agreements"
    menu_label = _("Agreements")
    icon = "doc-full"
    copy_view_enabled = False
    inspect_view_enabled = True
    list_display = ["name", "code", "required", "position"]
    form_fields = ["code", "name", "name_fr", "name_pt", "required", "position"]


class DraftsOnly(ReadOnceInForce):
    """Words that are published are read: people accepted them."""

    def why_read_only(self, row: AgreementVersion) -> Refusal | None:
        return VersionInForce(version=row.label) if row.published_at is not None else None


class VersionEditView(DraftsOnly, generic.EditView):
    pass


class VersionDeleteView(DraftsOnly, generic.DeleteView):
    pass


class PublishView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Put a version in force: what that means, then the button that does it."""

    model = AgreementVersion
    permission_required = "change"
    template_name = "membership/publish_agreement.html"
    page_title = _("Put in force")
    header_icon = "doc-full"
    _show_breadcrumbs = True

    @cached_property
    def version(self) -> AgreementVersion:
        found: AgreementVersion = get_object_or_404(
            AgreementVersion.objects.select_related("agreement"), pk=self.kwargs["pk"]
        )
        return found

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse("membership_versions:index"), "label": VersionViewSet.menu_label},
            {"url": "", "label": self.page_title, "sublabel": str(self.version)},
        ]
        return items

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(version=self.version, **kwargs)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        assert request.user.is_authenticated
        try:
            version = agreements.publish(self.version, by=request.user)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, gettext("%(version)s is published.") % {"version": version})
        return redirect("membership_versions:index")


class PublishColumn(Column):
    """A link to put a draft in force, or the day on which that was done."""

    cell_template_name = "membership/publish_cell.html"


class VersionViewSet(ModelViewSet):
    model = AgreementVersion
    name = "membership_versions"
    url_prefix = "members/agreement-versions"
    menu_label = _("Versions of agreements")
    icon = "doc-full-inverse"
    inspect_view_enabled = True
    edit_view_class = VersionEditView
    delete_view_class = VersionDeleteView
    list_filter = ["agreement"]
    form_fields = ["agreement", "label", "text", "text_fr", "text_pt", "effective_from"]

    @property
    def list_display(self) -> list[Any]:
        return [
            "__str__",
            "effective_from",
            PublishColumn("published_at", label=_("Published")),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        patterns: list[URLPattern] = super().get_urlpatterns()
        return [*patterns, path("publish/<int:pk>/", PublishView.as_view(), name="publish")]
