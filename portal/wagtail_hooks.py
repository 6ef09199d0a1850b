"""Puts the menu "E-mails" into the back office, and names what its acts write into the log."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from funding.payments.backoffice import panel
from portal import menu
from portal.mail import needs
from portal.mail.backoffice import MailGroup

panel.register(needs.of_mail)

ACTIONS = {
    "core.change_mail_text": (_("Change the text of an e-mail"), _("Changed the text")),
    "core.take_back_mail_text": (
        _("Go back to the original text of an e-mail"),
        _("Went back to the original text"),
    ),
    "core.send_again": (_("Send an e-mail again"), _("Sent the e-mail again")),
    "core.send_missing": (_("Send a missing e-mail"), _("Sent the missing e-mail")),
    "core.address_alive": (_("Mark an address as alive"), _("Marked the address as alive")),
    "core.address_answered": (
        _("Sign in by a code sent to a dead address"),
        _("The address takes mail again: a code sent to it was typed"),
    ),
    "core.forget_address": (
        _("Erase an address from the log of e-mails"),
        _("Erased an address from the log of e-mails"),
    ),
}


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)


@hooks.register("register_admin_viewset")
def mail_menu() -> MailGroup:
    return MailGroup()


hooks.register("construct_main_menu", menu.group)
