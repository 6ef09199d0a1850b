"""Messages that an evangelist reported as abuse."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column

from home.evangelists import contact, service
from home.evangelists.backoffice.base import ActPage, day_of, with_page
from home.models import ContactMessage
from membership.backoffice import ReadOnlyViewSet
from membership.lists import GuardedExportView


class MessageIndexView(GuardedExportView):
    """Reported ones alone: what people write to each other is no business of staff."""

    is_export_enabled = False

    def get_base_queryset(self) -> Any:
        return ContactMessage.objects.filter(reported_at__isnull=False).order_by("-pk")


class MessagePage(ActPage):
    model = ContactMessage
    rights = ("home.view_contactmessage",)
    template_name = "home/backoffice/message.html"
    header_icon = "mail"
    with_reason = ("close",)

    def get_rows(self) -> Any:
        return ContactMessage.objects.filter(reported_at__isnull=False).select_related("closed_by")

    def deeds(self) -> dict[str, tuple[Callable[[str], object], Any]]:
        return {
            "close": (
                lambda reason: contact.close(self.row, by=self.person, finding=reason),
                gettext("Closed. The message is deleted in 30 days."),
            )
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = service.page_of(self.row.evangelist)
        return super().get_context_data(who=page.title if page else "", **kwargs)


class MessageViewSet(ReadOnlyViewSet):
    model = ContactMessage
    name = "home_messages"
    url_prefix = "evangelists/messages"
    menu_label = _("Reported messages")
    icon = "mail"
    index_view_class = MessageIndexView

    @property
    def list_display(self) -> list[Any]:
        return [
            "__str__",
            Column("reported", label=_("Reported"), accessor=lambda row: day_of(row.reported_at)),
            Column("closed", label=_("Closed"), accessor=lambda row: day_of(row.closed_at)),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return with_page(self, MessagePage)
