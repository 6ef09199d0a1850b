"""The menu "Members" of the back office."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSetGroup

from funding.dues.application_pages import ApplicationViewSet
from funding.dues.invoice_pages import DuesInvoiceViewSet
from funding.dues.term_pages import DuesTermViewSet
from membership.backoffice import (
    AgreementViewSet,
    FeeViewSet,
    OrganisationViewSet,
    TierViewSet,
    VersionViewSet,
)
from membership.seat_backoffice import SeatViewSet


class MembersGroup(ViewSetGroup):
    """Everything about members, in the order in which it is needed."""

    menu_label = _("Members")
    menu_icon = "group"
    menu_name = "members"
    menu_order = 200
    items = (
        ApplicationViewSet,
        OrganisationViewSet,
        SeatViewSet,
        DuesTermViewSet,
        DuesInvoiceViewSet,
        TierViewSet,
        FeeViewSet,
        AgreementViewSet,
        VersionViewSet,
    )
