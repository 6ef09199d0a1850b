"""The menu of evangelists."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSetGroup

from home.evangelists.backoffice.activities import ActivityViewSet
from home.evangelists.backoffice.messages import MessageViewSet
from home.evangelists.backoffice.nominations import NominationViewSet
from home.evangelists.backoffice.people import EvangelistViewSet


class EvangelistGroup(ViewSetGroup):
    menu_label = _("Evangelists")
    menu_icon = "group"
    menu_order = 320
    items = (NominationViewSet, EvangelistViewSet, ActivityViewSet, MessageViewSet)
