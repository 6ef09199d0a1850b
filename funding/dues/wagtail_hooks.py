"""Puts the menu "Members" into the back office, and names what dues write into the log."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from funding.dues.backoffice import MembersGroup


@hooks.register("register_admin_viewset")
def register_members() -> MembersGroup:
    return MembersGroup()


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    actions.register_action("dues.bill_again", _("Bill a term again"), _("Billed the term again"))
