"""The pages that people read, one module a subject."""

from home.models.communities import CommunityIndexPage, CommunityPage
from home.models.evangelists import EvangelistIndexPage, EvangelistPage
from home.models.front import HomePage, StandardPage
from home.models.implementations import (
    Implementation,
    ImplementationCountryPage,
    ImplementationIndexPage,
)
from home.models.news import NewsIndexPage, NewsPage
from home.models.pools import PoolIndexPage, PoolPage

__all__ = [
    "CommunityIndexPage",
    "CommunityPage",
    "EvangelistIndexPage",
    "EvangelistPage",
    "HomePage",
    "Implementation",
    "ImplementationCountryPage",
    "ImplementationIndexPage",
    "NewsIndexPage",
    "NewsPage",
    "PoolIndexPage",
    "PoolPage",
    "StandardPage",
]
