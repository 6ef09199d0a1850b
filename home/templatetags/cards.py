"""Tags of base.html and of Wagtail's pages: what other sites show beside a link to them."""

from dataclasses import dataclass

from django import template

from home import cards
from home.models.base import PortalPage

register = template.Library()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the head of a page says of its card; ``path`` is empty while it is only previewed."""

    path: str
    type: str
    width: int = cards.WIDTH
    height: int = cards.HEIGHT


@register.simple_tag
def card_of(page: PortalPage) -> Shown:
    path = cards.address_of(page.pk, cards.card_of(page)) if page.pk else ""
    return Shown(path, "article" if hasattr(page, "date") else "website")


@register.simple_tag
def card_of_site() -> str:
    """The path of the card of addresses that are no pages of Wagtail's."""
    return cards.address_of(cards.OF_THE_SITE, cards.card_of_site())
