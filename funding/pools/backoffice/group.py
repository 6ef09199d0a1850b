"""The menu of giving."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSetGroup

from funding.pools.backoffice.checks import CheckViewSet
from funding.pools.backoffice.donors import DonorViewSet
from funding.pools.backoffice.gifts import GiftViewSet
from funding.pools.backoffice.limits import LimitsViewSet
from funding.pools.backoffice.matching import MatchingViewSet
from funding.pools.backoffice.pledges import PledgeViewSet
from funding.pools.backoffice.pools import PoolViewSet
from funding.pools.backoffice.recorded import RecordedViewSet
from funding.pools.backoffice.stewards import StewardViewSet
from funding.pools.backoffice.transfers import TransferViewSet


class GivingGroup(ViewSetGroup):
    menu_label = _("Giving")
    menu_icon = "folder-open-inverse"
    menu_order = 310
    items = (
        PoolViewSet,
        StewardViewSet,
        GiftViewSet,
        PledgeViewSet,
        DonorViewSet,
        CheckViewSet,
        RecordedViewSet,
        MatchingViewSet,
        TransferViewSet,
        LimitsViewSet,
    )
