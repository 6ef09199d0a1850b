"""The pages that people read, one module a subject."""

from home.models.communities import CommunityIndexPage, CommunityPage, CommunityPerson
from home.models.editing import LinkedAddress, PageLink, PageReview
from home.models.evangelist_service import (
    Confirmation,
    ConfirmationNotice,
    Evangelist,
    Level,
    Nomination,
    TermsAcceptance,
)
from home.models.evangelist_work import Activity, ContactMessage
from home.models.evangelists import EvangelistIndexPage, EvangelistPage
from home.models.event_pages import EventIndexPage, EventPage, Minutes
from home.models.events import Event, Occurrence, Registration, TravelRequest
from home.models.following import Change, Follow, Notice
from home.models.front import HomePage, StandardPage
from home.models.goals import Goal, GoalsPage
from home.models.implementations import (
    Implementation,
    ImplementationCountryPage,
    ImplementationIndexPage,
    ImplementationMilestone,
)
from home.models.imported_news import ImportedNews
from home.models.news import NewsAuthor, NewsPage
from home.models.news_index import NewsIndexPage
from home.models.pools import PoolIndexPage, PoolPage
from home.models.searching import SearchEntry, SearchWord
from home.models.topics import Topic

__all__ = [
    "Activity",
    "Change",
    "CommunityIndexPage",
    "CommunityPage",
    "CommunityPerson",
    "Confirmation",
    "ConfirmationNotice",
    "ContactMessage",
    "Evangelist",
    "EvangelistIndexPage",
    "EvangelistPage",
    "Event",
    "EventIndexPage",
    "EventPage",
    "Follow",
    "Goal",
    "GoalsPage",
    "HomePage",
    "Implementation",
    "ImplementationCountryPage",
    "ImplementationIndexPage",
    "ImplementationMilestone",
    "ImportedNews",
    "Level",
    "LinkedAddress",
    "Minutes",
    "NewsAuthor",
    "NewsIndexPage",
    "NewsPage",
    "Nomination",
    "Notice",
    "Occurrence",
    "PageLink",
    "PageReview",
    "PoolIndexPage",
    "PoolPage",
    "Registration",
    "SearchEntry",
    "SearchWord",
    "StandardPage",
    "TermsAcceptance",
    "Topic",
    "TravelRequest",
]
