"""The sitemap: every public page in every language that has its own words, and the directory."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap as PlainSitemap
from django.urls import reverse
from django.utils import timezone
from wagtail.contrib.sitemaps import Sitemap
from wagtail.models import Page
from wagtail.query import PageQuerySet

from membership import queries
from membership.models import Organisation


class Pages(Sitemap):
    """Wagtail's pages of all languages; its own sitemap stays in the tree of the first.

    A page that nobody has translated repeats another language's words, so it is left out.
    """

    def items(self) -> PageQuerySet:
        root = self.get_wagtail_site().root_page
        trees = Page.objects.none()
        for top in root.get_translations(inclusive=True):
            trees |= Page.objects.descendant_of(top, inclusive=True)
        pages = trees.live().public().filter(alias_of=None).order_by("path")
        return pages.defer_streamfields().specific()


class Addresses(PlainSitemap):
    """Addresses that are no pages of Wagtail's, under the site's one name (as its pages are)."""

    protocol = urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class Lists(Addresses):
    """The lists that are made from the database."""

    def items(self) -> list[str]:
        return ["members", "voice", "join", "ledger"]

    def location(self, item: str) -> str:
        return reverse(item)


class Members(Addresses):
    """The page of each member of today."""

    def items(self) -> list[Organisation]:
        return list(queries.members(timezone.localdate()))

    def location(self, item: Organisation) -> str:
        return reverse("member", kwargs={"slug": item.slug})


SITEMAPS = {"pages": Pages, "lists": Lists, "members": Members}
