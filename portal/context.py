"""What every page's frame needs: mode, address of the site, navigation."""

from dataclasses import dataclass
from typing import TypedDict

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class NavItem:
    """One link of the frame; ``current`` marks the part of the site the reader is in."""

    label: str | Promise
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class NavGroup:
    label: str | Promise
    items: tuple[NavItem, ...]


class Frame(TypedDict):
    portal_mode: str
    site_url: str
    site_name: str
    home_href: str
    site_nav: list[NavItem]
    site_account: NavItem
    site_join: NavItem
    site_search: NavItem
    site_foot: list[NavGroup]
    feed_href: str


NAV: tuple[tuple[str | Promise, str], ...] = (
    (_("Members"), "members/"),
    (_("Pools"), "pools/"),
    (_("Money"), "money/"),
    (_("Evangelists"), "evangelists/"),
    (_("Communities"), "communities/"),
    (_("Implementations"), "implementations/"),
    (_("News"), "news/"),
    (_("Events"), "events/"),
    (_("About"), "about/"),
)

FOOT: tuple[tuple[str | Promise, tuple[tuple[str | Promise, str], ...]], ...] = (
    (
        _("The foundation"),
        (
            (_("About"), "about/"),
            (_("Charter"), "about/charter/"),
            (_("Agreements"), "agreements/"),
            (_("Members"), "members/"),
        ),
    ),
    (
        _("Take part"),
        (
            (_("Join as an organisation"), "join/"),
            (_("Give to a pool"), "pools/"),
            (_("Contribute"), "contribute/"),
            (_("Events and calls"), "events/"),
        ),
    ),
    (
        _("Check us"),
        (
            (_("Where the money is"), "money/"),
            (_("The ledger"), "ledger/"),
            (_("Open data"), "open-data/"),
            (_("News feed (Atom)"), "news/feed/"),
            (_("Follow by e-mail"), "follow/"),
        ),
    ),
)


def language_root(language: str) -> str:
    """The path all pages of a language begin with: ``/`` for the default, else ``/fr/``."""
    return "/" if language == settings.LANGUAGE_CODE else f"/{language}/"


def portal(request: HttpRequest) -> Frame:
    """The context processor behind base.html. Makes no query unless the reader is asked who they
    are, which a session cookie alone decides."""
    root = language_root(get_language() or settings.LANGUAGE_CODE)

    def item(label: str | Promise, path: str) -> NavItem:
        href = root + path
        return NavItem(label, href, current=request.path.startswith(href))

    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return {
        "portal_mode": settings.PORTAL_MODE,
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
        "home_href": root,
        "site_nav": [item(label, path) for label, path in NAV],
        "site_account": item(_("Your account"), "account/")
        if signed_in
        else item(_("Sign in"), "accounts/login/"),
        "site_join": item(_("Join"), "join/"),
        "site_search": item(_("Search"), "search/"),
        "site_foot": [
            NavGroup(label, tuple(item(name, path) for name, path in items))
            for label, items in FOOT
        ],
        "feed_href": root + "news/feed/",
    }
