"""How a person comes to a seat: by an invitation, by its code, or by asking.

Links in mails are opened by scanners, some of which submit forms: a GET changes nothing here, and
every change asks for a person who is signed in.
"""

import uuid

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from membership import invitations, join_requests, seats
from membership.models import Invitation, JoinRequest, Seat
from membership.seat_refusals import InvitationOver
from portal.account.people_forms import AskForm, SeatCodeForm


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _people_of(seat: Seat) -> str:
    return reverse("people", args=[seat.organisation.slug])


def _welcome(request: HttpRequest, seat: Seat) -> HttpResponse:
    messages.success(
        request,
        _("You have a seat in %(organisation)s. Your roles: %(roles)s.")
        % {"organisation": seat.organisation, "roles": ", ".join(seat.role_names)},
    )
    return SeeOther(_people_of(seat))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link of an invitation; POST by a person signed in accepts it."""
    found = invitations.find(token)
    if found is None:
        return render(request, "account_area/people/bad_link.html", status=404)
    if not request.user.is_authenticated:
        return _strangers(request, found)
    reader = _reader(request)
    if request.method == "POST":
        try:
            return _welcome(request, invitations.accept(found, by=reader))
        except InvitationOver as refusal:
            return _over(request, refusal)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return SeeOther(reverse("seat_invitation", args=[token]))
    own = found.organisation.seats.filter(person=reader).first()
    if own is not None and found.accepted_by_id == reader.pk:
        return SeeOther(_people_of(own))
    try:
        invitations.require_open(found)
    except InvitationOver as refusal:
        return _over(request, refusal)
    return render(
        request,
        "account_area/people/invitation.html",
        {
            "invitation": found,
            "own": own,
            "is_for_reader": found.email in seats.confirmed_addresses(reader),
            "form": SeatCodeForm(),
        },
    )


def _strangers(request: HttpRequest, found: Invitation) -> HttpResponse:
    """Somebody who is not signed in reads who invites, and how to go on; nothing changes."""
    try:
        invitations.require_open(found)
    except InvitationOver as refusal:
        return _over(request, refusal)
    return render(request, "account_area/people/invitation.html", {"invitation": found})


def _over(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return render(request, "account_area/people/over.html", {"lead": str(refusal)}, status=410)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Type the code of an invitation: by this alone the seat is taken."""
    reader = _reader(request)
    form = SeatCodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="seat_code", user=reader):
            form.add_error("code", _("Too many codes in an hour. Try again later."))
            status = 429
        else:
            try:
                return _welcome(
                    request, invitations.accept_by_code(form.cleaned_data["code"], by=reader)
                )
            except Refusal as refusal:
                form.add_error("code", str(refusal))
    return render(request, "account_area/people/code.html", {"form": form}, status=status)


# --- Asking ---------------------------------------------------------------------------------------


@never_cache
@login_required
@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """The organisations at the domain of the reader's address, and the requests made so far."""
    reader = _reader(request)
    asked = reader.join_requests.select_related("organisation").order_by("-pk")
    waiting = {each.organisation_id for each in asked if each.state == JoinRequest.State.OPEN}
    return render(
        request,
        "account_area/people/ask.html",
        {
            "organisations": join_requests.joinable(reader).exclude(pk__in=waiting),
            "asked": asked,
        },
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask_one(request: HttpRequest, organisation: str) -> HttpResponse:
    """Ask one organisation for a seat. Sent twice it is one request."""
    reader = _reader(request)
    found = get_object_or_404(join_requests.joinable(reader), slug=organisation)
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            join_requests.ask(found, by=reader, words=form.cleaned_data["words"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                _("The request is sent to %(organisation)s.") % {"organisation": found},
            )
            return SeeOther(reverse("seat_ask"))
    return render(
        request, "account_area/people/ask_one.html", {"form": form, "organisation": found}
    )


@login_required
@require_POST
def withdraw_request(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take one's own request back."""
    reader = _reader(request)
    found = get_object_or_404(
        reader.join_requests.select_related("organisation"), public_id=public_id
    )
    try:
        join_requests.withdraw(found, by=reader)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The request is withdrawn."))
    return SeeOther(reverse("seat_ask"))
