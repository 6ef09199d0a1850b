"""The groups of the back office, and what each may do.

Rights of a package are declared by the package (``permissions.GROUP_PERMISSIONS``: group name to
``app_label.codename``); the rights over pages, pictures and documents stand here. Making the groups
again adds what is missing and takes nothing away that staff gave by hand.
"""

import importlib
import importlib.util
from collections.abc import Iterable, Iterator

from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from wagtail.models import (
    Collection,
    GroupApprovalTask,
    GroupCollectionPermission,
    GroupPagePermission,
    Page,
    Workflow,
    WorkflowPage,
)

from core.transactions import inside_transaction
from funding.pools.review import setup_review

EDITORS = "Editors"
MODERATORS = "Moderators"
MEMBERSHIP_OFFICERS = "Membership officers"
TREASURERS = "Treasurers"
AUDITORS = "Auditors"
ADMINISTRATORS = "Administrators"
GROUPS = (EDITORS, MODERATORS, MEMBERSHIP_OFFICERS, TREASURERS, AUDITORS, ADMINISTRATORS)

PACKAGES = (
    "core",
    "home",
    "membership",
    "funding.ledger",
    "funding.payments",
    "funding.pools",
    "funding.dues",
    "funding.transparency",
    "home.events",
)

# Wagtail's names: who may publish may also lock a page while it is read.
PAGE_RIGHTS: dict[str, tuple[str, ...]] = {
    EDITORS: ("add_page", "change_page"),
    MODERATORS: ("add_page", "change_page", "publish_page", "lock_page", "unlock_page"),
    ADMINISTRATORS: (
        "add_page",
        "change_page",
        "publish_page",
        "bulk_delete_page",
        "lock_page",
        "unlock_page",
    ),
}
MEDIA_RIGHTS = (
    "wagtailimages.add_image",
    "wagtailimages.change_image",
    "wagtailimages.choose_image",
    "wagtaildocs.add_document",
    "wagtaildocs.change_document",
    "wagtaildocs.choose_document",
)
OWN_RIGHTS: dict[str, tuple[str, ...]] = {
    EDITORS: ("wagtail_localize.submit_translation",),
    MODERATORS: ("wagtail_localize.submit_translation",),
    ADMINISTRATORS: (
        "wagtail_localize.submit_translation",
        "core.add_user",
        "core.change_user",
        "core.delete_user",
        "auth.add_group",
        "auth.change_group",
        "auth.delete_group",
        "wagtailcore.change_site",
        "wagtailcore.change_locale",
        "wagtailcore.add_workflow",
        "wagtailcore.change_workflow",
        "wagtailcore.add_task",
        "wagtailcore.change_task",
        "wagtailredirects.add_redirect",
        "wagtailredirects.change_redirect",
        "wagtailredirects.delete_redirect",
    ),
}
ACCESS = "wagtailadmin.access_admin"


@inside_transaction
def setup_groups() -> dict[str, Group]:
    """Make the groups, their rights and the review of pages; the groups by name.

    Raises ImproperlyConfigured where a package names a group or a right that does not exist.
    """
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in GROUPS}
    declared = _declared_by_packages()
    everything = {right for rights in declared.values() for right in rights}
    for name, group in groups.items():
        rights = {ACCESS, *OWN_RIGHTS.get(name, ()), *declared.get(name, ())}
        if name == ADMINISTRATORS:
            rights |= everything
        group.permissions.add(*_permissions(rights))

    root = Page.objects.get(depth=1)
    for name, rights_over_pages in PAGE_RIGHTS.items():
        for permission in _permissions(f"wagtailcore.{right}" for right in rights_over_pages):
            GroupPagePermission.objects.get_or_create(
                group=groups[name], page=root, permission=permission
            )
        for permission in _permissions(MEDIA_RIGHTS):
            GroupCollectionPermission.objects.get_or_create(
                group=groups[name],
                collection=Collection.get_first_root_node(),
                permission=permission,
            )
    _setup_review(root, groups)
    setup_review([groups[name] for name in (TREASURERS, MODERATORS, ADMINISTRATORS)])
    return groups


def _declared_by_packages() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        name = f"{package}.permissions"
        if importlib.util.find_spec(name) is None:
            continue
        declared: dict[str, Iterable[str]] = importlib.import_module(name).GROUP_PERMISSIONS
        for group, rights in declared.items():
            if group not in GROUPS:
                raise ImproperlyConfigured(f"{name} names the group {group!r}; there is none.")
            found.setdefault(group, set()).update(rights)
    return found


def _permissions(rights: Iterable[str]) -> Iterator[Permission]:
    """The rows of the named rights; raises ImproperlyConfigured for one that does not exist."""
    wanted = set(rights)
    named = Q(pk__in=[])
    for right in wanted:
        app_label, codename = right.split(".")
        named |= Q(content_type__app_label=app_label, codename=codename)
    rows = list(Permission.objects.filter(named).select_related("content_type"))
    found = {f"{row.content_type.app_label}.{row.codename}" for row in rows}
    if missing := sorted(wanted - found):
        raise ImproperlyConfigured(f"There is no right {', '.join(missing)}.")
    return iter(rows)


def _setup_review(root: Page, groups: dict[str, Group]) -> None:
    """Every page can be sent for review, and moderators and administrators can approve it."""
    workflow = Workflow.objects.filter(active=True, workflow_pages__page=root).first()
    if workflow is None:
        workflow = Workflow.objects.filter(active=True).order_by("pk").first()
    if workflow is None:
        workflow = Workflow.objects.create(name="Review by moderators")
    WorkflowPage.objects.get_or_create(page=root, defaults={"workflow": workflow})
    if not workflow.workflow_tasks.exists():
        task = GroupApprovalTask.objects.create(name="Review by moderators")
        workflow.workflow_tasks.create(task=task, sort_order=0)
    for task in GroupApprovalTask.objects.filter(workflow_tasks__workflow=workflow):
        task.groups.add(groups[MODERATORS], groups[ADMINISTRATORS])
