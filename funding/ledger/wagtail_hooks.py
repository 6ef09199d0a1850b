"""What the ledger writes into the audit log."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    actions.register_action("ledger.reverse", _("Reverse entry"), _("Reversed the entry"))
    actions.register_action("ledger.close_month", _("Close month"), _("Closed the month"))
