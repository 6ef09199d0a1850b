"""The income groups of countries in the back office: a list with its history, and new lines."""

from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from core.refusals import Refusal
from membership.backoffice import ReadOnceInForce
from membership.fee_forms import IncomeGroupForm
from membership.models import CountryIncomeGroup
from membership.refusals import IncomeGroupInForce


class ComingLinesOnly(ReadOnceInForce):
    """What fees were counted by stays; a change is a new line."""

    def why_read_only(self, row: CountryIncomeGroup) -> Refusal | None:
        if row.valid_from > timezone.localdate():
            return None
        return IncomeGroupInForce(since=formats.date_format(row.valid_from))


class IncomeGroupEditView(ComingLinesOnly, generic.EditView):
    pass


class IncomeGroupDeleteView(ComingLinesOnly, generic.DeleteView):
    pass


class IncomeGroupViewSet(ModelViewSet):
    model = CountryIncomeGroup
    name = "membership_income_groups"
    url_prefix = "members/income-groups"
    menu_label = _("Income groups")
    icon = "globe"
    edit_view_class = IncomeGroupEditView
    delete_view_class = IncomeGroupDeleteView
    inspect_view_enabled = True
    list_display = [
        "__str__",
        Column("group", label=_("Income group"), accessor="get_income_group_display"),
        "valid_from",
        "source",
        "source_year",
    ]
    list_filter = ["country", "income_group", "source_year"]
    ordering = ["country", "-valid_from"]

    def get_form_class(self, for_update: bool = False) -> Any:
        return IncomeGroupForm
