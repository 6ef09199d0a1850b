"""What evangelists put into the back office: a menu, what waits, and the words of the audit log."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from funding.payments.backoffice import panel
from home.evangelists.backoffice.group import EvangelistGroup
from home.evangelists.backoffice.needs import needs

panel.register(needs)

ACTIONS = {
    "home.nominate_evangelist": (_("Nominate an evangelist"), _("Nomination made")),
    "home.withdraw_nomination": (_("Withdraw a nomination"), _("Nomination withdrawn")),
    "home.accept_nomination": (_("Accept a nomination"), _("Nomination accepted")),
    "home.refuse_nomination": (_("Refuse a nomination"), _("Nomination refused by the person")),
    "home.approve_nomination": (_("Approve a nomination"), _("Nomination approved")),
    "home.decline_nomination": (_("Decline a nomination"), _("Nomination declined")),
    "home.confirm_service": (_("Confirm the service"), _("Service confirmed for a year")),
    "home.ask_to_return": (_("Ask to return"), _("Asked to return")),
    "home.approve_return": (_("Approve a return"), _("Return approved")),
    "home.decline_return": (_("Decline a return"), _("Return declined")),
    "home.enter_activity": (_("Enter an activity"), _("Activity entered")),
    "home.remove_activity": (_("Remove an activity"), _("Activity removed")),
    "home.hide_activity": (_("Hide an activity"), _("Activity hidden")),
    "home.show_activity": (_("Show an activity again"), _("Activity shown again")),
    "home.switch_messages": (_("Switch messages on or off"), _("Messages switched on or off")),
    "home.report_message": (_("Report a message"), _("Message reported")),
    "home.close_report": (_("Close a report"), _("Report closed")),
    "home.erase_evangelist": (_("Erase an evangelist"), _("Evangelist erased")),
}


@hooks.register("register_log_actions")
def log_actions(actions: Any) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)


@hooks.register("register_admin_viewset")
def evangelists_menu() -> EvangelistGroup:
    return EvangelistGroup()
