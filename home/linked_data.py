"""What Wagtail's pages tell search engines about themselves, by their type."""

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from wagtail.models import Page

from core import linked_data
from home.models import HomePage, NewsPage


def of_page(page: Page) -> str:
    """The block of data of a page; empty where its type says nothing."""
    if isinstance(page, HomePage):
        return _foundation(page)
    if isinstance(page, NewsPage):
        return _news(page)
    return ""


def _foundation(page: HomePage) -> str:
    """The foundation itself, on the front of the site."""
    return linked_data.block(
        {
            **_named(),
            "url": f"{settings.SITE_URL}/",
            "logo": settings.SITE_URL + staticfiles_storage.url("favicon.svg"),
            "description": page.search_description or page.summary,
        }
    )


def _news(page: NewsPage) -> str:
    said = {
        "@type": "NewsArticle",
        "headline": page.title,
        "description": page.search_description or page.summary,
        "inLanguage": page.content_language,
        "datePublished": page.date.isoformat(),
        "mainEntityOfPage": page.full_url,
        "publisher": {**_named(), "url": f"{settings.SITE_URL}/"},
        "author": _author(_names(page)),
    }
    if page.last_published_at:
        said["dateModified"] = page.last_published_at.isoformat()
    return linked_data.block(said)


def _named() -> dict[str, str]:
    return {
        "@type": "Organization",
        "@id": f"{settings.SITE_URL}/#foundation",
        "name": settings.SITE_NAME,
    }


def _names(page: NewsPage) -> str:
    return ", ".join(filter(None, [*(str(writer) for writer in page.writers), page.authors]))


def _author(names: str) -> dict[str, str]:
    """The names as readers see them. News that names nobody is the foundation's own."""
    return {"@type": "Person", "name": names} if names else _named()
