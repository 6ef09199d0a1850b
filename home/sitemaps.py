"""The sitemap: every public page in every language that has its own words, and the directory."""

import uuid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap as PlainSitemap
from django.urls import reverse
from django.utils import timezone
from wagtail.contrib.sitemaps import Sitemap
from wagtail.models import Locale, Page
from wagtail.query import PageQuerySet

from membership import published_agreements, queries
from membership.models import AgreementVersion, Organisation


class Pages(Sitemap):
    """Wagtail's pages of all languages; its own sitemap stays in the tree of the first.

    A page that nobody has translated repeats another language's words, so it is left out.
    """

    def items(self) -> PageQuerySet:
        root = self.get_wagtail_site().root_page
        trees = Page.objects.none()
        # A language that is offered no more keeps its pages.
        offered = [code for code, _name in settings.LANGUAGES]
        tops = root.get_translations(inclusive=True).filter(locale__language_code__in=offered)
        for top in tops:
            trees |= Page.objects.descendant_of(top, inclusive=True)
        pages = trees.live().public().filter(alias_of=None).order_by("path")
        return pages.defer_streamfields().specific()

    def _urls(self, page: int, protocol: str, domain: str) -> list[dict[str, Any]]:
        """Each page names its other languages, as the page itself does in its head."""
        items = list(self.paginator.page(page).object_list)
        codes = {locale.pk: locale.language_code for locale in Locale.objects.all()}
        versions: dict[uuid.UUID, list[dict[str, str]]] = {}
        urls: list[dict[str, Any]] = []
        for item in items:
            others = versions.setdefault(item.translation_key, [])
            entries = item.get_sitemap_urls(self.request)
            urls.extend({**entry, "alternates": others} for entry in entries)
            location = item.get_full_url(self.request)
            code = codes[item.locale_id]
            others.append({"location": location, "lang_code": code})
            if code == settings.LANGUAGE_CODE:
                others.append({"location": location, "lang_code": "x-default"})
        for entry in urls:
            if len({other["location"] for other in entry["alternates"]}) < 2:
                entry["alternates"] = []
        changed = [entry["lastmod"] for entry in urls]
        if changed and None not in changed:
            self.latest_lastmod = max(changed)
        return urls


class Addresses(PlainSitemap):
    """Addresses that are no pages of Wagtail's, under the site's one name (as its pages are), in
    every language: the frame is translated, and the figures need no translation."""

    i18n = alternates = x_default = True
    protocol = urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class Lists(Addresses):
    """The lists that are made from the database."""

    def items(self) -> list[str]:
        return ["members", "voice", "join", "agreements", "ledger"]

    def location(self, item: str) -> str:
        return reverse(item)


class Agreements(Addresses):
    """Each agreement, and each of its published versions."""

    def items(self) -> list[str | AgreementVersion]:
        found = published_agreements.all_published(timezone.localdate())
        codes = [one.agreement.code for one in found]
        return [*codes, *(version.row for one in found for version in one.versions)]

    def location(self, item: str | AgreementVersion) -> str:
        if isinstance(item, str):
            return reverse("agreement_text", kwargs={"code": item})
        return published_agreements.address(item)


class Members(Addresses):
    """The page of each member of today."""

    def items(self) -> list[Organisation]:
        return list(queries.members(timezone.localdate()))

    def location(self, item: Organisation) -> str:
        return reverse("member", kwargs={"slug": item.slug})


SITEMAPS = {"pages": Pages, "lists": Lists, "agreements": Agreements, "members": Members}
