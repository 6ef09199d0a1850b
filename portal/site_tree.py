"""The tree of pages a new site begins with: home, lists and texts, in every language."""

from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from wagtail.models import Locale, Page, Site
from wagtail_localize.models import LocaleSynchronization

from core.transactions import inside_transaction
from home.models import (
    CommunityIndexPage,
    EvangelistIndexPage,
    EventIndexPage,
    HomePage,
    ImplementationIndexPage,
    NewsIndexPage,
    PoolIndexPage,
    StandardPage,
)
from home.models.base import PortalPage
from portal.texts import site as texts

PageType = TypeVar("PageType", bound=PortalPage)

INDEX_MODELS: dict[str, type[PortalPage]] = {
    "news": NewsIndexPage,
    "pools": PoolIndexPage,
    "evangelists": EvangelistIndexPage,
    "communities": CommunityIndexPage,
    "implementations": ImplementationIndexPage,
    "events": EventIndexPage,
}


@inside_transaction
def setup_tree() -> HomePage:
    """Make languages and pages where there are none; the English home page.

    A tree that is there already is left as staff made it. The record of the site follows SITE_URL
    each time.
    """
    locales = {code: Locale.objects.get_or_create(language_code=code)[0] for code in _codes()}
    main = locales[settings.LANGUAGE_CODE]
    home = HomePage.objects.filter(locale=main).order_by("path").first()
    if home is None:
        home = _plant_all(main)
    _follow_site_url(home)
    for code, locale in locales.items():
        if code != settings.LANGUAGE_CODE:
            # Saving it also makes the aliases of pages that have no translation yet.
            LocaleSynchronization.objects.get_or_create(locale=locale, defaults={"sync_from": main})
    return home


@inside_transaction
def plant(parent: Page, page: PageType, words: texts.Texts) -> PageType:
    """Publish ``page`` below ``parent`` with the words of its locale, and its other languages.

    ``words`` holds field values by language code. A language it lacks gets an alias, which shows
    the original's words until somebody translates them.
    """
    language = parent.locale.language_code if parent.depth > 1 else settings.LANGUAGE_CODE
    _fill(page, words[language])
    parent.add_child(instance=page)
    page.save_revision().publish()
    page.refresh_from_db()
    for locale in Locale.objects.exclude(pk=page.locale_id):
        own_words = words.get(locale.language_code)
        copy = page.copy_for_translation(locale, alias=own_words is None)
        if own_words is not None:
            _fill(copy, own_words)
            copy.save_revision().publish()
    return page


def _fill(page: PortalPage, words: dict[str, Any]) -> None:
    for name, value in words.items():
        setattr(page, name, value)


def _codes() -> list[str]:
    return [code for code, _name in settings.LANGUAGES]


def _plant_all(main: Locale) -> HomePage:
    root = Page.objects.get(depth=1)
    welcome = list(Page.objects.filter(depth=2))
    home = plant(root, HomePage(slug="foundation", locale=main), texts.HOME)
    Site.objects.update(root_page=home)
    for page in welcome:
        # Only Wagtail's own page of a fresh installation; anything else was made by somebody.
        if page.specific_class is Page and not page.get_children().exists():
            page.delete()
    for slug, words in texts.INDEXES.items():
        plant(home, INDEX_MODELS[slug](slug=slug), words)
    for path, words in texts.PAGES.items():
        above, _slash, slug = path.rpartition("/")
        parent = StandardPage.objects.get(slug=above, locale=main) if above else home
        plant(parent, StandardPage(slug=slug), words)
    return home


def _follow_site_url(home: HomePage) -> None:
    """Wagtail makes absolute addresses from the record of the site, so it must say SITE_URL."""
    address = urlsplit(settings.SITE_URL)
    port = address.port or (443 if address.scheme == "https" else 80)
    site = Site.objects.filter(is_default_site=True).first() or Site(is_default_site=True)
    wanted: dict[str, Any] = {
        "hostname": address.hostname,
        "port": port,
        "root_page": site.root_page if site.root_page_id else home,
        "site_name": settings.SITE_NAME,
    }
    if any(getattr(site, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(site, name, value)
        site.save()
