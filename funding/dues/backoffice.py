"""The menu "Members" of the back office."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSetGroup

from funding.dues.application_pages import ApplicationViewSet
from funding.dues.change_pages import TierChangeViewSet
from funding.dues.invoice_pages import DuesInvoiceViewSet
from funding.dues.report_pages import ReportsViewSet
from funding.dues.term_pages import DuesTermViewSet
from membership.acceptance_backoffice import AcceptancesViewSet
from membership.backoffice import (
    AgreementViewSet,
    FeeViewSet,
    OrganisationViewSet,
    TierViewSet,
    VersionViewSet,
)
from membership.benefit_backoffice import BenefitViewSet
from membership.import_pages import ImportViewSet
from membership.income_backoffice import IncomeGroupViewSet
from membership.seat_backoffice import SeatViewSet
from membership.task_backoffice import TaskViewSet
from membership.voting_backoffice import VotingRegisterViewSet


class MembersGroup(ViewSetGroup):
    """Everything about members, in the order in which it is needed."""

    menu_label = _("Members")
    menu_icon = "group"
    menu_name = "members"
    menu_order = 200
    items = (
        ApplicationViewSet,
        TaskViewSet,
        OrganisationViewSet,
        SeatViewSet,
        VotingRegisterViewSet,
        DuesTermViewSet,
        TierChangeViewSet,
        DuesInvoiceViewSet,
        TierViewSet,
        BenefitViewSet,
        FeeViewSet,
        IncomeGroupViewSet,
        AgreementViewSet,
        VersionViewSet,
        ReportsViewSet,
        ImportViewSet,
        AcceptancesViewSet,
    )
