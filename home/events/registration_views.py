"""Registering in the browser: ask, type the code or open the link, confirm, withdraw."""

from http import HTTPStatus
from typing import Any

from allauth.core import ratelimit
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.refusals import Refusal
from core.responses import SeeOther
from home import guards
from home.events import letters, queries, registering, zones
from home.events.forms import CodeForm, RegistrationForm
from home.events.happenings import Happening, of_row
from home.events.refusals import TooManyCodes, TooManyRegistrations
from home.events.views import happening_or_404
from home.models.event_pages import EventPage
from home.models.events import Registration

State = Registration.State


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, page: EventPage, day: str) -> HttpResponse:
    """Ask for a seat. Whoever asks sees the same page next, registered already or not."""
    found = happening_or_404(page.event, day, queries.with_seats(page.event))
    reader = zones.of_reader(request)
    form = RegistrationForm(
        request.POST or None,
        event=page.event,
        reader_zone=reader,
        initial={"opened": guards.opened_now()},
    )
    closed, status = registering.why_closed(found), HTTPStatus.OK
    if request.method == "POST" and closed is None and form.is_valid():
        try:
            _ask(request, page, found, form)
            return SeeOther(page.path_of(found.day, "registered/", request=request))
        except TooManyRegistrations as refusal:
            form.add_error(None, str(refusal))
            status = HTTPStatus.TOO_MANY_REQUESTS
        except guards.FormTooOld as refusal:
            form.add_error(None, str(refusal))
            form.open_anew()
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    context = {
        "form": form,
        "closed": str(closed) if closed else "",
        "seats_left": queries.free_seats(page.event, found.row),
        "offers_support": page.event.offers_travel_support,
        **_about(request, page, found, reader),
    }
    response = _answer(request, page, "home/event_register.html", context, status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = "3600"
    return response


def _ask(request: HttpRequest, page: EventPage, found: Happening, form: RegistrationForm) -> None:
    """Raises SentTooFast, FormTooOld, TooManyRegistrations and what `registering.ask` raises."""
    if form.is_trap_sprung:
        return  # a program: it sees what everybody sees, and nothing is done
    guards.require_pace(form.cleaned_data["opened"])
    comer = form.comer
    key = f"{page.event_id}:{comer.email.lower()}"
    if not ratelimit.consume(request, action="event_registration", key=key):
        raise TooManyRegistrations
    registering.ask(page.event, found.day, comer)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def registered(request: HttpRequest, page: EventPage, day: str) -> HttpResponse:
    """After asking: look into your mail, or type the code here."""
    found = happening_or_404(page.event, day, queries.with_seats(page.event))
    form, status = CodeForm(request.POST or None), HTTPStatus.OK
    if request.method == "POST" and form.is_valid():
        try:
            if not ratelimit.consume(request, action="event_code"):
                raise TooManyCodes
            mine = registering.confirm_by_code(page.event, found.day, form.cleaned_data["code"])
            return SeeOther(reverse("event_registration", args=[letters.token_of(mine)]))
        except TooManyCodes as refusal:
            form.add_error("code", str(refusal))
            status = HTTPStatus.TOO_MANY_REQUESTS
        except Refusal as refusal:
            form.add_error("code", str(refusal))
    context = {"form": form, **_about(request, page, found, zones.of_reader(request))}
    return _answer(request, page, "home/event_registered.html", context, status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def registration(request: HttpRequest, token: str) -> HttpResponse:
    """One's own registration, by the link in the mail. Only its buttons change anything."""
    mine = registering.find(token)
    if mine is None:
        raise Http404
    error = ""
    if request.method == "POST":
        verb = {"confirm": registering.confirm, "withdraw": registering.withdraw}.get(
            request.POST.get("act", "")
        )
        try:
            if verb is not None:
                verb(mine)
            return SeeOther(request.path)
        except Refusal as refusal:
            error = str(refusal)
            mine = registering.find(token) or mine
    return render(request, "home/event_registration.html", _own(request, mine, error))


def _own(request: HttpRequest, mine: Registration, error: str) -> dict[str, Any]:
    event = mine.occurrence.event
    found = of_row(mine.occurrence)
    page = letters.page_in(event, request.LANGUAGE_CODE)
    standing = mine.state in registering.STANDING
    seated = mine.state == State.SEATED and not found.is_cancelled
    return {
        "mine": mine,
        "happening": found,
        "event_page": page,
        "title": page.title if page else event.name,
        "event_href": page.path_of(found.day, request=request) if page else "",
        "times": zones.told(found.starts, found.ends, zone=event.zone, reader=mine.zone),
        "error": error,
        "may_confirm": mine.state == State.ASKED and registering.why_closed(found) is None,
        "may_withdraw": standing and not found.has_begun and not found.is_cancelled,
        "is_seated": seated,
        "is_waiting": mine.state == State.WAITING and not found.is_cancelled,
        "place_in_line": registering.place_in_line(mine) if mine.state == State.WAITING else None,
        "join_link": event.join_link if seated and not found.is_over else "",
        "travel": getattr(mine, "travel_request", None),
    }


def _about(request: HttpRequest, page: EventPage, found: Happening, reader: str) -> dict[str, Any]:
    return {
        "happening": found,
        "times": zones.told(found.starts, found.ends, zone=page.event.zone, reader=reader),
        "occurrence_href": page.path_of(found.day, request=request),
        "event_href": page.get_url(request),
        "day_words": zones.day_in_words(found.starts.date()),
    }


def _answer(
    request: HttpRequest, page: EventPage, template: str, context: dict[str, Any], status: int
) -> TemplateResponse:
    whole = page.get_context(request) | context
    return TemplateResponse(request, template, whole, status=status)
