"""Puts the page "Books" into the back office, and its rights and acts where staff see them."""

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

from funding.transparency.backoffice import BooksViewSet


@hooks.register("register_admin_viewset")
def register_books() -> BooksViewSet:
    return BooksViewSet()


@hooks.register("register_permissions")
def register_permissions() -> QuerySet[Permission]:
    return Permission.objects.filter(
        content_type__app_label="transparency",
        codename__in=["close_books", "download_audit_pack"],
    )


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    actions.register_action(
        "transparency.download_audit_pack",
        _("Download the auditor's pack"),
        _("Downloaded the auditor's pack"),
    )
