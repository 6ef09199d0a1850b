"""What readers see of events: lists, an event, an occurrence, files for calendars, time zones."""

import datetime
import hashlib
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag, url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from wagtail.models import Locale

from home.events import calendars, happenings, linked_data, queries, registering, words, zones
from home.events.happenings import Happening
from home.models.base import public
from home.models.event_pages import KIND_LABELS, KIND_PATHS, EventIndexPage, EventPage
from home.models.events import Event, Occurrence

LINES_PER_PAGE = 20
# Of one event's other occurrences its page names so many, ahead and back.
NEXT_SHOWN = 6
PAST_SHOWN = 12


# --- Pages ----------------------------------------------------------------------------------------


def list_of_events(
    request: HttpRequest, page: EventIndexPage, *, kind_path: str = "", is_past: bool = False
) -> HttpResponse:
    """What comes or what was, of all kinds or of one."""
    kind = KIND_PATHS[kind_path] if kind_path else ""
    pages = queries.pages_in(page.locale, kind)
    lines = queries.listed(pages, is_past=is_past)
    shown = Paginator(lines, LINES_PER_PAGE).get_page(request.GET.get("page"))
    base = page.get_url(request)
    past_part = "past/" if is_past else ""
    kinds = [(_("All"), base + past_part, not kind)] + [
        (KIND_LABELS[each], f"{base}{path}/{past_part}", each == kind)
        for path, each in KIND_PATHS.items()
    ]
    reader = zones.of_reader(request)
    context = {
        "page_obj": shown,
        "lines": [_line(request, line, reader) for line in shown],
        "kinds": [{"label": k[0], "href": k[1], "is_current": k[2]} for k in kinds],
        "is_past": is_past,
        "kind": KIND_LABELS[Event.Kind(kind)] if kind else "",
        "other_href": base + (f"{kind_path}/" if kind else "") + ("" if is_past else "past/"),
        "feed_path": reverse("events_calendar"),
        "webcal": _webcal(reverse("events_calendar")),
        **_zone_choice(request, reader),
    }
    return _answer(request, page, page.template, context)


def event(request: HttpRequest, page: EventPage) -> HttpResponse:
    """An event as a whole: what it is about, when it is next, what was."""
    rows = queries.with_seats(page.event)
    ahead = happenings.upcoming(page.event, rows)
    behind = happenings.past(page.event, rows)[:PAST_SHOWN]
    noted = queries.days_with_notes(page.event) if page.pk else set()
    reader = zones.of_reader(request)
    next_one = next((each for each in ahead if not each.is_cancelled), None)
    shown = next_one or next(iter([*ahead, *behind]), None)
    context = {
        "how_often": words.how_often(page.event),
        "next": shown,
        "ahead": [_link(request, page, each, reader) for each in ahead[:NEXT_SHOWN]],
        "behind": [
            {**_link(request, page, each, reader), "has_notes": each.day in noted}
            for each in behind
        ],
        "calendar_path": reverse("event_calendar", args=[page.slug]),
        **_about(request, page, shown, reader),
    }
    return _answer(request, page, page.template, context)


def occurrence(request: HttpRequest, page: EventPage, day: str) -> HttpResponse:
    """One occurrence: its time for the reader, agenda, notes, recording."""
    rows = queries.with_seats(page.event)
    found = happening_or_404(page.event, day, rows)
    minutes, minutes_language = queries.minutes_of(page, found.day)
    reader = zones.of_reader(request)
    context = {
        "minutes": minutes,
        "minutes_lang": "" if minutes_language == get_language() else minutes_language,
        "moved_from": zones.in_words(
            found.planned, found.planned + (found.ends - found.starts), page.event.zone
        )
        if found.is_moved
        else "",
        "calendar_path": reverse("event_calendar", args=[page.slug]),
        "event_href": page.get_url(request),
        "day_words": zones.day_in_words(found.starts.date()),
        **_about(request, page, found, reader),
    }
    return _answer(request, page, "home/event_occurrence.html", context)


def happening_or_404(event: Event, day: str, rows: list[Occurrence]) -> Happening:
    """The occurrence of an address. Raises Http404 for a day that is none of the event's."""
    try:
        planned = datetime.date.fromisoformat(day)
    except ValueError:
        raise Http404 from None
    row = next((row for row in rows if row.day == planned), None)
    found = happenings.happening(event, planned, row)
    if found is None:
        raise Http404
    return found


def _about(
    request: HttpRequest, page: EventPage, found: Happening | None, reader: str
) -> dict[str, Any]:
    """What both an event and an occurrence say of ``found``."""
    context: dict[str, Any] = {
        "happening": found,
        "speakers": queries.speakers_of(page) if page.pk else [],
        **_zone_choice(request, reader, page.event.zone),
    }
    if found is None:
        return context
    link = happenings.open_link(found)
    address = page.path_of(found.day, request=request)
    return context | {
        "times": zones.told(found.starts, found.ends, zone=page.event.zone, reader=reader),
        "occurrence_href": address,
        "register_href": page.path_of(found.day, "register/", request=request)
        if registering.why_closed(found) is None
        else "",
        "seats_left": queries.free_seats(page.event, found.row),
        "join_link": link,
        "link_later": page.event.link_for == Event.LinkFor.REGISTERED
        and bool(page.event.join_link)
        and not found.is_over,
        "linked_data": linked_data.event(page, found, address=settings.SITE_URL + address),
    }


def _line(request: HttpRequest, line: queries.Listed, reader: str) -> dict[str, Any]:
    return {
        **_link(request, line.page, line.happening, reader),
        "page": line.page,
        "kind": line.page.event.get_kind_display(),
    }


def _link(request: HttpRequest, page: EventPage, found: Happening, reader: str) -> dict[str, Any]:
    zone = reader or found.event.zone
    return {
        "href": page.path_of(found.day, request=request),
        "happening": found,
        "when": zones.in_words(found.starts, found.ends, zone),
        "zone": zones.city(zone),
    }


def _zone_choice(request: HttpRequest, reader: str, *more: str) -> dict[str, Any]:
    return {
        "zone": reader,
        "zone_name": zones.long_name(reader) if reader else "",
        "zone_choices": zones.near(reader, *more),
        "zone_href": f"{reverse('event_zone')}?next={request.path}",
    }


def _answer(
    request: HttpRequest, page: Any, template: str, context: dict[str, Any]
) -> TemplateResponse:
    whole = page.get_context(request) | context
    if page.alias_of_id:
        # Wherever in the page the reader is: the same place of the page whose words it repeats.
        below = request.path.removeprefix(page.get_url(request) or "")
        whole["canonical"] = (page.alias_of.get_url(request) or "") + below
    response = TemplateResponse(request, template, whole)
    zones.remember(request, response)
    patch_vary_headers(response, ["Cookie"])
    return response


# --- Time zones -----------------------------------------------------------------------------------


@require_safe
def zone(request: HttpRequest) -> HttpResponse:
    """All time zones by country; the choice leads back to where the reader came from."""
    back = request.GET.get("next", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    index = queries.index_in(Locale.get_active())
    home = (index.get_url(request) if index else "") or "/"
    return render(
        request,
        "home/event_zone.html",
        {
            "back": back if is_ours else home,
            "choices": zones.choices(get_language() or "en"),
            "chosen": zones.of_reader(request),
        },
    )


# --- Files for calendars --------------------------------------------------------------------------


@require_safe
def event_calendar(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The file of one event, in the language of the address."""
    pages = public(EventPage).select_related("event").defer("body")
    page = get_object_or_404(pages, slug=slug, locale=Locale.get_active())
    entries = _entries(request, [page])
    return _file(request, entries, name=page.title, file_name=f"{page.slug}.ics")


@require_safe
def events_calendar(request: HttpRequest) -> HttpResponseBase:
    """The feed of all events in the language of the address; programs ask for it again and again."""
    entries = _entries(request, queries.pages_in(Locale.get_active()))
    kept = [entry for entry in entries if calendars.is_worth_keeping(entry.page.event, entry.rows)]
    name = _("Events of the %(name)s") % {"name": settings.SITE_NAME}
    return _file(request, kept, name=name)


def _entries(request: HttpRequest, pages: list[EventPage]) -> list[calendars.Entry]:
    rows = queries.rows_of(page.event for page in pages)
    ordered = sorted(pages, key=lambda page: page.event_id)
    return [
        calendars.Entry(
            page, settings.SITE_URL + (page.get_url(request) or ""), rows[page.event_id]
        )
        for page in ordered
    ]


def _file(
    request: HttpRequest, entries: list[calendars.Entry], *, name: str, file_name: str = ""
) -> HttpResponseBase:
    content = calendars.calendar(entries, name=name, language=get_language() or "en")
    etag = quote_etag(hashlib.sha256(content).hexdigest()[:32])
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or HttpResponse(content, content_type=calendars.CONTENT_TYPE)
    response["ETag"] = etag
    # Asked again each time: a cancelled call is known at once.
    response["Cache-Control"] = "no-cache"
    if file_name:
        response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _webcal(path: str) -> str:
    """The address of a feed by the scheme that calendar programs subscribe to."""
    return f"webcal://{settings.SITE_URL.partition('://')[2]}{path}"
