"""Puts the menu "News" into the back office, and names what its acts write into the log."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from home.news_backoffice import NewsGroup

ACTIONS = {"home.import_news": (_("Import news"), _("Imported as a draft"))}


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)


@hooks.register("register_admin_viewset")
def news_menu() -> NewsGroup:
    return NewsGroup()
