"""Seats in the back office: who sits where, and a primary contact in place of one who vanished."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from core.mailing.models import DeadAddress
from core.models import User
from core.refusals import Refusal
from membership import seats
from membership.backoffice import ReadOnlyViewSet
from membership.lists import GuardedExportView
from membership.models import Organisation, Seat, SeatRole


class SeatIndexView(GuardedExportView):
    def get_base_queryset(self) -> Any:
        comes_back = DeadAddress.objects.filter(address=Lower(OuterRef("person__email")))
        return (
            Seat.objects.select_related("organisation", "person")
            .annotate(mail_comes_back=Exists(comes_back))
            .order_by("organisation__sort_key", "pk")
        )


class RolesColumn(Column):
    def get_value(self, instance: Seat) -> str:
        return ", ".join(instance.role_names)


class AccountColumn(Column):
    """Whether anybody reads what is sent to this person."""

    def get_value(self, instance: Any) -> str:
        if instance.mail_comes_back:
            return gettext("mail comes back")
        return gettext("open") if instance.person.is_active else gettext("closed")


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, obj: User) -> str:
        return f"{obj} ({obj.email})"


class AppointForm(forms.Form):
    """Who becomes the primary contact, and why."""

    person = PersonField(
        label=_("Person"),
        queryset=User.objects.none(),
        help_text=_("Whoever has a seat, or asked for one and waits."),
        error_messages={"required": _("Choose a person.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Both people read it, and it stands in the log."),
        error_messages={"required": _("Write the reason. The organisation reads it.")},
    )

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        seated = organisation.seats.exclude(roles__contains=[SeatRole.PRIMARY_CONTACT])
        waiting = organisation.join_requests.filter(state="open")
        field = self.fields["person"]
        assert isinstance(field, PersonField)
        field.queryset = User.objects.filter(
            pk__in=[
                *seated.values_list("person", flat=True),
                *waiting.values_list("person", flat=True),
            ],
            is_active=True,
        ).order_by("last_name", "email")


class AppointView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Make somebody the primary contact of one organisation, with a reason."""

    model = Seat
    permission_required = "appoint"
    template_name = "membership/appoint_contact.html"
    page_title = _("Appoint a primary contact")
    header_icon = "user"
    _show_breadcrumbs = True

    @cached_property
    def organisation(self) -> Organisation:
        return get_object_or_404(Organisation, pk=self.kwargs["pk"])

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse("membership_seats:index"), "label": SeatViewSet.menu_label},
            {"url": "", "label": self.page_title, "sublabel": str(self.organisation)},
        ]
        return items

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", AppointForm(organisation=self.organisation))
        return super().get_context_data(
            organisation=self.organisation,
            seats=self.organisation.seats.select_related("person"),
            **kwargs,
        )

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        assert isinstance(request.user, User)
        form = AppointForm(request.POST, organisation=self.organisation)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        person = form.cleaned_data["person"]
        try:
            seats.appoint(
                self.organisation, person, by=request.user, reason=form.cleaned_data["reason"]
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self.render_to_response(self.get_context_data(form=form))
        messages.success(
            request,
            gettext("%(person)s is the primary contact of %(organisation)s now.")
            % {"person": person, "organisation": self.organisation},
        )
        return redirect("membership_seats:index")


class SeatViewSet(ReadOnlyViewSet):
    model = Seat
    name = "membership_seats"
    url_prefix = "members/seats"
    menu_label = _("Seats")
    icon = "user"
    index_view_class = SeatIndexView
    # Searched, not filtered by a list: one with 2,000 organisations is longer than the page itself.
    search_fields = [
        "organisation__public_name",
        "organisation__legal_name",
        "person__first_name",
        "person__last_name",
        "person__email",
    ]
    search_backend_name = None
    list_export = ["organisation", "person", "person.email", "roles", "created_at"]
    inspect_view_fields = ["organisation", "person", "role_names", "created_at"]

    @property
    def list_display(self) -> list[Any]:
        return [
            TitleColumn(
                "organisation",
                label=_("Organisation"),
                get_url=lambda seat: reverse(
                    "membership_seats:appoint", args=[seat.organisation_id]
                ),
            ),
            "person",
            Column("person.email", label=_("E-mail address")),
            RolesColumn("roles", label=_("Roles")),
            AccountColumn("account", label=_("Account")),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        patterns: list[URLPattern] = super().get_urlpatterns()
        return [*patterns, path("appoint/<int:pk>/", AppointView.as_view(), name="appoint")]
