"""Links from texts to pages: to the reader's language, never to a page that nobody may read."""

from typing import Any

from django.db.models import Q
from django.utils.html import escape
from django.utils.translation import get_language
from wagtail import hooks
from wagtail.models import Page, Site
from wagtail.rich_text.feature_registry import FeatureRegistry
from wagtail.rich_text.pages import PageLinkHandler

from home.models.base import public


class ReadablePageLinks(PageLinkHandler):
    """Wagtail's own asks for the translation and the place of each page by itself."""

    @classmethod
    def expand_db_attributes_many(cls, attrs_list: list[dict[str, Any]]) -> list[str]:
        """The opening tag of each link: two queries for all, three at most. A page that is not
        there in the reader's language leads to itself; of one that nobody may read the words
        stay alone."""
        ids = {int(attrs["id"]) for attrs in attrs_list if str(attrs.get("id", "")).isdecimal()}
        keys = Page.objects.filter(pk__in=ids).values("translation_key")
        here = Q(translation_key__in=keys, locale__language_code=get_language())
        found = list(public(Page).filter(here | Q(pk__in=ids)))
        key_of = {page.pk: page.translation_key for page in found}
        if missing := ids - key_of.keys():
            key_of.update(Page.objects.filter(pk__in=missing).values_list("pk", "translation_key"))
        local = {
            page.translation_key: page
            for page in found
            if page.locale.language_code == get_language()
        }
        itself = {page.pk: page for page in found}
        paths = Site.get_site_root_paths()
        opening = []
        for attrs in attrs_list:
            pk = int(attrs["id"]) if str(attrs.get("id", "")).isdecimal() else 0
            page = local.get(key_of.get(pk)) or itself.get(pk)
            if page is None:
                opening.append("<a>")
                continue
            # Where Wagtail keeps them for a request; else each page would ask the cache.
            page._wagtail_cached_site_root_paths = paths
            opening.append(f'<a href="{escape(page.get_url() or "")}">')
        return opening


@hooks.register("register_rich_text_features", order=100)
def register_links(features: FeatureRegistry) -> None:
    features.register_link_type(ReadablePageLinks)
