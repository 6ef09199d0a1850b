"""What the public page of an evangelist shows beside their words."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.safestring import SafeString

from core import countries
from core.linked_data import block
from home.evangelists import activities, service
from home.models import Evangelist, EvangelistPage, Nomination

# Of a long log the newest are shown; the sum counts all.
SHOWN = 30


def of_page(page: EvangelistPage) -> dict[str, Any]:
    """Dates, activities, successor and the way to write; five queries, whatever the size.

    A page that is not saved yet (Wagtail's preview of a new one) has none of it.
    """
    evangelist = page.evangelist
    if evangelist is None:
        return {"service": service.NOTHING}
    today = timezone.localdate()
    confirmations = list(evangelist.confirmations.exclude(counts_from=None))
    periods = service.periods(confirmations)
    now = service.NOTHING
    if confirmations:
        days = sorted(each.counts_from for each in confirmations if each.counts_from)
        now = service.on_days(days[0], days[-1], today)
    log = list(activities.shown().filter(evangelist=evangelist))
    return {
        "service": now,
        "periods": periods,
        "activities": log[:SHOWN],
        "activity_sum": activities.figures_of(log),
        "successors": successors_of(evangelist, page),
        "takes_messages": service.takes_messages(evangelist, page.person, now),
        "linked_data": linked_data(page),
    }


def successors_of(evangelist: Evangelist, page: EvangelistPage) -> list[tuple[str, EvangelistPage]]:
    """For what (a country, a topic) and the public page of who follows. One query or two."""
    followed = Nomination.objects.filter(
        successor_of=evangelist, evangelist__isnull=False, evangelist__erased_at=None
    )
    words = dict(followed.values_list("evangelist", "follows_in"))
    if not words:
        return []
    pages = EvangelistPage.objects.live().filter(evangelist__in=words, locale=page.locale_id)
    return [(words[each.evangelist_id], each) for each in pages.order_by("title")]


def linked_data(page: EvangelistPage) -> SafeString | str:
    """The person as schema.org tells it; nothing of an invented one."""
    if page.is_example or not page.full_url:
        return ""
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Person",
        "@id": page.full_url,
        "name": page.title,
        "url": page.full_url,
        "knowsLanguage": page.languages,
        "knowsAbout": ["OpenLMIS", *page.topics],
        "memberOf": {
            "@type": "Organization",
            "name": settings.SITE_NAME,
            "url": settings.SITE_URL,
        },
    }
    if page.summary:
        said["description"] = page.summary
    if page.countries:
        said["workLocation"] = [
            {"@type": "Country", "identifier": code, "name": name}
            for code, name in ((code, countries.get(code).name()) for code in page.countries)
        ]
    return block(said)
