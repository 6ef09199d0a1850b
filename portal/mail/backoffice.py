"""The menu "E-mails": what the portal writes, what became of it, and who cannot be reached."""

import json
from typing import Any

import django_filters
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.viewsets.base import ViewSetGroup

from core.mailing import addresses, catalogue, expectations, log
from core.mailing.models import DeadAddress, Delivery, MissingMessage
from core.mailing.visible import dead_for_person, for_person
from funding.payments.backoffice.base import (
    GuardedIndexView,
    ReadViewSet,
    RowPage,
    facts,
    only_read,
)
from portal.mail.forget_page import ForgetViewSet
from portal.mail.text_pages import TextsViewSet

only_read(Delivery, MissingMessage, DeadAddress)

NEEDS_A_HAND = "hand"


def _link(viewset: str) -> Any:
    return lambda row: reverse(f"{viewset}:inspect", args=[row.pk])


class OwnIndexView(GuardedIndexView):
    """A list of what the person may see of it."""

    def get_base_queryset(self) -> Any:
        return for_person(super().get_base_queryset(), self.request.user)


# --- What went out --------------------------------------------------------------------------------


class DeliveryFilterSet(WagtailFilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[(NEEDS_A_HAND, _("needs somebody")), *Delivery.State.choices],
        method="in_state",
    )
    template = django_filters.ChoiceFilter(
        label=_("Template"), choices=lambda: [(name, name) for name in catalogue.names()]
    )

    class Meta:
        model = Delivery
        fields = ["state", "template", "language", "queued_at", "is_test"]

    def in_state(self, queryset: Any, name: str, value: str) -> Any:
        if value == NEEDS_A_HAND:
            return queryset.filter(log.needing_a_hand())
        return queryset.filter(Delivery.in_state(value))


class DeliveryPage(RowPage):
    """One message: what stands about it, and the button that sends it again."""

    model = Delivery
    rights = ("core.view_delivery",)
    template_name = "mail/backoffice/delivery.html"
    header_icon = "mail"

    def get_rows(self) -> Any:
        return for_person(Delivery.objects.select_related("again_of"), self.person)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        shown = facts(
            row,
            "template",
            "address",
            "language",
            "about",
            "queued_at",
            "sent_at",
            "failed_at",
            "bounced_at",
            "complained_at",
            "held_at",
            "held_as",
            "message_id",
            "service_id",
        )
        return super().get_context_data(
            facts=shown,
            again=row.sent_again.order_by("pk"),
            filled_with=json.dumps(row.context, indent=2, ensure_ascii=False)
            if row.context
            else "",
            may_send=self.person.has_perm(log.SEND),
            why_not=log.why_not_again(row),
            **kwargs,
        )

    def acts(self) -> dict[str, Any]:
        return {"again": (log.SEND, self._again)}

    def _again(self) -> HttpResponse:
        log.send_again(self.row.pk, by=self.person)
        return self.done(gettext("The message is sent again in a moment."))


class DeliveryViewSet(ReadViewSet):
    model = Delivery
    index_view_class = OwnIndexView
    name = "mail_log"
    url_prefix = "e-mails/log"
    icon = "mail"
    menu_label = _("Sent e-mails")
    page_view = DeliveryPage
    filterset_class = DeliveryFilterSet
    search_fields = ["address", "about", "template", "message_id", "error"]
    ordering = "-pk"
    list_display = [
        TitleColumn("template", label=_("Template"), get_url=_link("mail_log")),
        Column("address", label=_("Address")),
        Column("about", label=_("About")),
        Column("state", label=_("State"), accessor=lambda row: row.state.label),
        Column("error", label=_("Error"), accessor=lambda row: row.error[:120]),
        Column("queued_at", label=_("Queued"), sort_key="queued_at"),
    ]


# --- What did not go out --------------------------------------------------------------------------


class MissingPage(RowPage):
    """One message that should have gone out, and the button that sends it."""

    model = MissingMessage
    rights = ("core.view_missingmessage",)
    template_name = "mail/backoffice/missing.html"
    header_icon = "warning"

    def get_rows(self) -> Any:
        return for_person(MissingMessage.objects.all(), self.person)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown = facts(self.row, "template", "about", "address", "language", "due_on", "found_at")
        return super().get_context_data(
            facts=shown, may_send=self.person.has_perm(log.SEND), **kwargs
        )

    def acts(self) -> dict[str, Any]:
        return {"send": (log.SEND, self._send)}

    def _send(self) -> HttpResponse:
        expectations.send_missing(self.row.pk, by=self.person)
        return self.done(gettext("The message is sent in a moment."))

    def stay(self) -> HttpResponse:
        # Its row is gone once it is sent.
        there = MissingMessage.objects.filter(pk=self.kwargs["pk"]).exists()
        return super().stay() if there else redirect("mail_missing:index")


class MissingViewSet(ReadViewSet):
    model = MissingMessage
    index_view_class = OwnIndexView
    name = "mail_missing"
    url_prefix = "e-mails/missing"
    icon = "warning"
    menu_label = _("Missing e-mails")
    page_view = MissingPage
    ordering = "due_on"
    list_display = [
        TitleColumn("template", label=_("Template"), get_url=_link("mail_missing")),
        Column("about", label=_("About")),
        Column("address", label=_("Address")),
        Column("due_on", label=_("Due on"), sort_key="due_on"),
        Column("found_at", label=_("Found"), sort_key="found_at"),
    ]


# --- Who cannot be reached ------------------------------------------------------------------------


class DeadPage(RowPage):
    """One dead address, what was sent to it, and the button that marks it as alive."""

    model = DeadAddress
    rights = ("core.view_deadaddress",)
    template_name = "mail/backoffice/dead.html"
    header_icon = "warning"

    def get_rows(self) -> Any:
        return dead_for_person(self.person)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sent = Delivery.objects.filter(address__iexact=self.row.address)
        sent = for_person(sent, self.person).order_by("-pk")[:20]
        return super().get_context_data(
            facts=facts(self.row, "address", "why", "since", "detail"),
            sent=sent,
            may_change=self.person.has_perm(log.SEND),
            **kwargs,
        )

    def acts(self) -> dict[str, Any]:
        return {"alive": (log.SEND, self._alive)}

    def _alive(self) -> HttpResponse:
        addresses.mark_alive(self.row, by=self.person)
        messages.success(self.request, gettext("The address counts as alive again."))
        return redirect("mail_dead:index")


class DeadIndexView(GuardedIndexView):
    def get_base_queryset(self) -> Any:
        return dead_for_person(self.request.user)


class DeadViewSet(ReadViewSet):
    model = DeadAddress
    index_view_class = DeadIndexView
    name = "mail_dead"
    url_prefix = "e-mails/dead-addresses"
    icon = "warning"
    menu_label = _("Dead addresses")
    page_view = DeadPage
    search_fields = ["address", "detail"]
    list_display = [
        TitleColumn("address", label=_("Address"), get_url=_link("mail_dead")),
        Column("why", label=_("Why"), accessor=lambda row: row.get_why_display()),
        Column("detail", label=_("In the words of the other side"), accessor="detail"),
        Column("since", label=_("Since"), sort_key="since"),
    ]


class MailGroup(ViewSetGroup):
    menu_label = _("E-mails")
    menu_icon = "mail"
    menu_name = "e-mails"
    menu_order = 330
    items = (TextsViewSet, DeliveryViewSet, MissingViewSet, DeadViewSet, ForgetViewSet)
