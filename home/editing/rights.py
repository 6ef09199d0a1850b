"""Who may see what the reports on pages say: those who may edit pages, of the pages they may."""

import functools

from wagtail.models import Page
from wagtail.permissions import policy_registry
from wagtail.query import PageQuerySet

from core.models import User

RIGHTS = ("add", "change", "publish")


@functools.cache
def policy() -> object:
    """Wagtail's policy of rights over pages."""
    return policy_registry.get_by_type(Page)


def edits_pages(person: User) -> bool:
    """Whether ``person`` may change any page at all."""
    return bool(policy().user_has_any_permission(person, RIGHTS))  # type: ignore[attr-defined]


def editable_by(person: User) -> PageQuerySet:
    """The pages that ``person`` may change."""
    return policy().instances_user_has_permission_for(person, "change")  # type: ignore[attr-defined]
