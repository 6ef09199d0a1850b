"""Puts the menu "Members" into the back office, and names what dues write into the log."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from funding.dues import needs
from funding.dues.backoffice import MembersGroup
from funding.payments.backoffice import panel

panel.register(needs.of_applications)
panel.register(needs.of_tier_changes)
panel.register(needs.of_tasks)


@hooks.register("register_admin_viewset")
def register_members() -> MembersGroup:
    return MembersGroup()


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    actions.register_action("dues.bill_again", _("Bill a term again"), _("Billed the term again"))
    actions.register_action(
        "dues.renewal_not_offered", _("Leave a renewal to staff"), _("The renewal was not offered")
    )
    actions.register_action(
        "dues.resend_invoice", _("Send an invoice again"), _("Sent the invoice again")
    )
    actions.register_action("dues.rejoin", _("Join again"), _("Joined again"))
