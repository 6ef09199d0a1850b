"""What the tiers give, as officers keep it."""

from typing import Any, cast

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from core.models import User
from membership import tasks
from membership.models import Benefit

FIELDS = [
    "tier",
    "name",
    "name_fr",
    "name_pt",
    "kind",
    "days",
    "repeats",
    "group",
    "owner",
    "position",
    "offered",
    "offered_from",
]


class BenefitForm(WagtailAdminModelForm):
    """A benefit; its group and its owner are of those who may do tasks."""

    class Meta:
        model = Benefit
        fields = FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner = cast("forms.ModelChoiceField[User]", self.fields["owner"])
        owner.queryset = tasks.owners()
        group = cast("forms.ModelChoiceField[Group]", self.fields["group"])
        group.queryset = tasks.groups()


class BenefitIndexView(generic.IndexView):
    def get_base_queryset(self) -> Any:
        return Benefit.objects.select_related("tier", "group", "owner")


class BenefitViewSet(ModelViewSet):
    """The lists of benefits. One that was promised is not deleted: it is promised no more."""

    model = Benefit
    name = "membership_benefits"
    url_prefix = "members/benefits"
    menu_label = _("Benefits")
    icon = "pick"
    index_view_class = BenefitIndexView
    inspect_view_enabled = True
    list_filter = ["tier", "kind", "offered"]
    ordering = ["tier__position", "position", "pk"]

    def get_form_class(self, for_update: bool = False) -> type[BenefitForm]:
        return BenefitForm

    @property
    def list_display(self) -> list[Any]:
        return [
            "__str__",
            "tier",
            Column("kind", label=_("What it is"), accessor=lambda row: row.get_kind_display()),
            Column("timing", label=_("When"), accessor=lambda row: row.timing),
            "group",
            "owner",
            "offered",
        ]
