"""The menu "Money": what needs a person first, then what is only read."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSetGroup

from funding.payments.backoffice.events import EventViewSet
from funding.payments.backoffice.month_end import MonthEndViewSet
from funding.payments.backoffice.papers import CreditNoteViewSet, InvoiceViewSet, ReceiptViewSet
from funding.payments.backoffice.payments import PaymentViewSet, SubscriptionViewSet
from funding.payments.backoffice.payouts import PayoutViewSet
from funding.payments.backoffice.processor import (
    DisputeViewSet,
    ProcessorLineViewSet,
    ProcessorPayoutViewSet,
)


class MoneyGroup(ViewSetGroup):
    menu_label = _("Money")
    menu_icon = "calendar-check"
    menu_name = "money"
    menu_order = 315  # after Giving, before Books
    items = (
        PaymentViewSet,
        PayoutViewSet,
        DisputeViewSet,
        SubscriptionViewSet,
        InvoiceViewSet,
        ReceiptViewSet,
        CreditNoteViewSet,
        MonthEndViewSet,
        ProcessorPayoutViewSet,
        ProcessorLineViewSet,
        EventViewSet,
    )
