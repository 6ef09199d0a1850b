"""Stewards of pools: appointed and ended here, never rewritten."""

from typing import Any

import django_filters
from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import CreateView, EditView
from wagtail.admin.widgets import AdminDateInput
from wagtail.permissions import register_permission_policy

from core.refusals import Refusal
from funding.payments.backoffice.base import ListingViewSet
from funding.pools import stewards
from funding.pools.backoffice.forms import RefusingView
from funding.pools.backoffice.reading import ReadPolicy
from funding.pools.models import PoolProfile, PoolSteward


class StewardPolicy(ReadPolicy):
    allowed = frozenset({"view", "add", "change"})


register_permission_policy(PoolSteward, StewardPolicy(PoolSteward))


class AppointForm(WagtailAdminModelForm):
    class Meta:
        model = PoolSteward
        fields = ["profile", "name", "organisation", "since"]
        labels = {"profile": _("Pool")}
        help_texts = {
            "name": _("The pool’s page shows it."),
            "organisation": _("The pool’s page shows it beside the name."),
        }
        widgets = {"since": AdminDateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["since"].initial = timezone.localdate()
        pools = self.fields["profile"]
        assert isinstance(pools, forms.ModelChoiceField)
        pools.queryset = pools.queryset.select_related("pool") if pools.queryset else None


class EndForm(WagtailAdminModelForm):
    until = forms.DateField(label=_("Last day"), widget=AdminDateInput)
    reason = forms.CharField(
        label=_("Reason"), max_length=500, error_messages={"required": _("Write the reason.")}
    )

    class Meta:
        model = PoolSteward
        fields: list[str] = []


class AppointView(RefusingView, CreateView):
    page_title = _("Appoint a steward")

    def form_valid(self, form: AppointForm) -> HttpResponse:
        self.form = form
        typed = form.cleaned_data
        try:
            self.object = stewards.appoint(
                typed["profile"],
                name=typed["name"],
                organisation=typed["organisation"],
                since=typed["since"],
                by=self.request.user,
            )
        except Refusal as refusal:
            return self.refused(form, refusal)
        return self.save_action()


class EndView(RefusingView, EditView):
    """One steward: who it is, and the day on which it ends."""

    object: PoolSteward
    submit_button_label = _("End it")

    def get_page_subtitle(self) -> str:
        return gettext("%(name)s, %(pool)s, since %(date)s") % {
            "name": self.object.name,
            "pool": self.object.profile,
            "date": stewards.written(self.object.since),
        }

    def form_valid(self, form: EndForm) -> HttpResponse:
        self.form = form
        try:
            self.object = stewards.end(
                self.object,
                until=form.cleaned_data["until"],
                by=self.request.user,
                reason=form.cleaned_data["reason"],
            )
        except Refusal as refusal:
            return self.refused(form, refusal)
        return self.save_action()


class StewardFilterSet(WagtailFilterSet):
    profile = django_filters.ModelChoiceFilter(
        label=_("Pool"), queryset=PoolProfile.objects.select_related("pool")
    )

    class Meta:
        model = PoolSteward
        fields = ["profile"]


class StewardViewSet(ListingViewSet):
    model = PoolSteward
    name = "pool_stewards"
    icon = "group"
    menu_label = _("Stewards")
    copy_view_enabled = False
    add_to_reference_index = False
    add_view_class = AppointView
    edit_view_class = EndView
    filterset_class = StewardFilterSet
    list_display = [
        "name",
        "organisation",
        Column("pool", label=_("Pool"), accessor=lambda row: row.profile.title),
        "since",
        "until",
    ]

    def get_form_class(self, for_update: bool = False) -> type[WagtailAdminModelForm]:
        return EndForm if for_update else AppointForm

    def rows(self) -> Any:
        return PoolSteward.objects.select_related("profile__pool")
