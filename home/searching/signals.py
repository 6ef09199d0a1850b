"""What tells the search at once that something became public, or is no longer."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from wagtail.models import Page, PageViewRestriction
from wagtail.signals import (
    page_published,
    page_slug_changed,
    page_unpublished,
    post_page_move,
    published,
)

from funding.pools.models import PoolProfile
from home.models.base import PortalPage
from home.models.pools import PoolPage
from home.searching import upkeep
from membership.models import Organisation, Term


def connect() -> None:
    """Called once, when the app is ready."""
    page_published.connect(_page_changed, dispatch_uid="home.searching.published")
    page_unpublished.connect(_page_changed, dispatch_uid="home.searching.unpublished")
    page_slug_changed.connect(_tree_changed, dispatch_uid="home.searching.slug")
    post_page_move.connect(_tree_changed, dispatch_uid="home.searching.move")
    post_delete.connect(_page_deleted, dispatch_uid="home.searching.deleted")
    post_save.connect(_saved, dispatch_uid="home.searching.saved")
    published.connect(_pool_approved, sender=PoolProfile, dispatch_uid="home.searching.pool")


def _page_changed(sender: Any, instance: Page, **kwargs: Any) -> None:
    if isinstance(instance, PortalPage):
        upkeep.refresh_page(instance)


def _tree_changed(sender: Any, instance: Page, **kwargs: Any) -> None:
    """Addresses below it have changed as well, or who may read them."""
    by_type: dict[type[PortalPage], list[Any]] = {}
    below = Page.objects.descendant_of(instance, inclusive=True)
    for page in below.select_related("content_type"):
        model = page.specific_class
        if model is not None and issubclass(model, PortalPage):
            by_type.setdefault(model, []).append(page.translation_key)
    for model, keys in by_type.items():
        upkeep.refresh_pages(model, keys)


def _page_deleted(sender: Any, instance: Any, **kwargs: Any) -> None:
    if isinstance(instance, PortalPage):
        upkeep.refresh_page(instance)
    elif isinstance(instance, PageViewRestriction):
        _tree_changed(sender, instance.page)
    elif isinstance(instance, Organisation):
        upkeep.refresh_member(instance)


def _saved(sender: Any, instance: Any, created: bool, **kwargs: Any) -> None:
    if isinstance(instance, PortalPage):
        # A copy that mirrors an untranslated page is published by being made.
        if created and instance.alias_of_id is not None and instance.live:
            upkeep.refresh_page(instance)
    elif isinstance(instance, PageViewRestriction):
        _tree_changed(sender, instance.page)
    elif isinstance(instance, Organisation):
        upkeep.refresh_member(instance)
    elif isinstance(instance, Term):
        upkeep.refresh_member(instance.organisation)


def _pool_approved(sender: Any, instance: PoolProfile, **kwargs: Any) -> None:
    keys = PoolPage.objects.filter(pool=instance.pool_id).values_list("translation_key", flat=True)
    upkeep.refresh_pages(PoolPage, list(keys))
