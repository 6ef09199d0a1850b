"""Who sits in an organisation of the reader's, and what its primary contact decides about them.

Loading is authorising: an organisation is loaded through the reader's own seat, and everything
else through the organisation. A person who was removed a moment ago reads a 404 from then on.
Whether the reader is the primary contact is asked by the verbs, under their lock.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

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
from membership.models import Invitation, JoinRequest, Organisation, Seat, SeatRole
from membership.refusals import ReasonMissing
from membership.seat_mails import primary_contact
from membership.seat_refusals import SeatGone
from portal.account.people_forms import InviteForm, RequestForm, RolesForm


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation and the reader's own seat in it."""

    organisation: Organisation
    reader: User
    own: Seat

    @property
    def is_primary_contact(self) -> bool:
        return SeatRole.PRIMARY_CONTACT in self.own.roles

    @property
    def page(self) -> str:
        return reverse("people", args=[self.organisation.slug])

    def seat(self, pk: int) -> Seat:
        """A seat of this organisation, or 404."""
        return get_object_or_404(
            self.organisation.seats.select_related("person", "organisation"), pk=pk
        )


def _place(request: HttpRequest, slug: str) -> Place:
    """The reader's place in the organisation, or 404, whether there is such a one or not."""
    if not isinstance(request.user, User):
        raise Http404
    own = get_object_or_404(
        Seat.objects.select_related("organisation"), organisation__slug=slug, person=request.user
    )
    return Place(own.organisation, request.user, own)


def _primary(request: HttpRequest, slug: str) -> Place:
    """As `_place`; a page that is the primary contact's alone does not exist for the others."""
    place = _place(request, slug)
    if not place.is_primary_contact:
        raise Http404
    return place


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest, organisation: str) -> HttpResponse:
    """Everybody with a seat, invitations on their way, and requests for a seat."""
    place = _place(request, organisation)
    context: dict[str, object] = {
        "place": place,
        "seats": place.organisation.seats.select_related("person"),
        "contact_is_closed": primary_contact(place.organisation) is None,
    }
    if place.is_primary_contact:
        # What was accepted is a seat by now, and what was withdrawn is nobody's business any more.
        context["invitations"] = place.organisation.invitations.filter(
            accepted_at__isnull=True, withdrawn_at__isnull=True
        )
        context["requests"] = place.organisation.join_requests.filter(
            state=JoinRequest.State.OPEN
        ).select_related("person")
    return render(request, "account_area/people/overview.html", context)


# --- Inviting -------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, organisation: str) -> HttpResponse:
    """Invite somebody by e-mail. Sent twice it is one invitation and one mail."""
    place = _primary(request, organisation)
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            sent = invitations.invite(
                place.organisation,
                values["email"],
                values["roles"],
                by=place.reader,
                form_token=values["form_token"],
            )
        except Refusal as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(
                request, _("The invitation goes to %(email)s.") % {"email": sent.email}
            )
            return SeeOther(place.page)
    return render(request, "account_area/people/invite.html", {"form": form, "place": place})


@login_required
@require_POST
def withdraw_invitation(
    request: HttpRequest, organisation: str, public_id: uuid.UUID
) -> HttpResponse:
    """Make an invitation worthless."""
    place = _primary(request, organisation)
    found = _invitation(place, public_id)
    return _do(
        request,
        place,
        lambda: invitations.withdraw(found, by=place.reader),
        _("The invitation to %(email)s is withdrawn.") % {"email": found.email},
    )


@login_required
@require_POST
def invite_again(request: HttpRequest, organisation: str, public_id: uuid.UUID) -> HttpResponse:
    """Withdraw an invitation and send a new one to the same address."""
    place = _primary(request, organisation)
    found = _invitation(place, public_id)
    return _do(
        request,
        place,
        lambda: invitations.invite_again(found, by=place.reader),
        _("A new invitation goes to %(email)s. The one before works no more.")
        % {"email": found.email},
    )


def _invitation(place: Place, public_id: uuid.UUID) -> Invitation:
    return get_object_or_404(
        place.organisation.invitations.select_related("organisation"), public_id=public_id
    )


# --- Roles, and the end of a seat -----------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def roles(request: HttpRequest, organisation: str, pk: int) -> HttpResponse:
    """What one person does in the organisation."""
    place = _primary(request, organisation)
    seat = place.seat(pk)
    form = RolesForm(
        request.POST if request.method == "POST" else None, initial={"roles": seat.roles}
    )
    if request.method == "POST" and form.is_valid():
        return _do(
            request,
            place,
            lambda: seats.change_roles(seat, form.cleaned_data["roles"], by=place.reader),
            _("The roles of %(person)s are changed.") % {"person": seat.person},
        )
    voter = place.organisation.seats.filter(
        roles__contains=[SeatRole.VOTING_REPRESENTATIVE]
    ).exclude(pk=seat.pk)
    return render(
        request,
        "account_area/people/roles.html",
        {"form": form, "place": place, "seat": seat, "voter": voter.first()},
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest, organisation: str, pk: int) -> HttpResponse:
    """Say what handing over means, then do it by POST."""
    place = _place(request, organisation)
    seat = place.seat(pk)
    done = _("%(person)s is the primary contact now.") % {"person": seat.person}
    if request.method == "POST" and SeatRole.PRIMARY_CONTACT in seat.roles:
        # The second press of the button: the first one did it.
        messages.info(request, done)
        return SeeOther(place.page)
    if not place.is_primary_contact:
        raise Http404
    if request.method == "POST":
        return _do(request, place, lambda: seats.hand_over(seat, by=place.reader), done)
    return render(request, "account_area/people/hand_over.html", {"place": place, "seat": seat})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, organisation: str, pk: int) -> HttpResponse:
    """Say what removing means, then do it by POST. Pressed twice it is done once."""
    place = _primary(request, organisation)
    try:
        seat = place.seat(pk)
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button; or a seat of another organisation, of which we say no more.
        messages.info(request, str(SeatGone(organisation=place.organisation)))
        return SeeOther(place.page)
    if request.method == "POST":
        return _do(
            request,
            place,
            lambda: seats.remove(seat, by=place.reader),
            _("%(person)s has no seat any more.") % {"person": seat.person},
        )
    return render(request, "account_area/people/remove.html", {"place": place, "seat": seat})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, organisation: str) -> HttpResponse:
    """Give up one's own seat, by POST."""
    try:
        place = _place(request, organisation)
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button; of organisations that never were the reader's, no word.
        messages.info(request, _("You have no seat there."))
        return SeeOther(reverse("membership_area"))
    if request.method == "POST":
        try:
            seats.leave(place.organisation, by=place.reader)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return SeeOther(place.page)
        messages.success(
            request,
            _("You have no seat in %(organisation)s any more.")
            % {"organisation": place.organisation},
        )
        return SeeOther(reverse("membership_area"))
    return render(request, "account_area/people/leave.html", {"place": place})


def _do(request: HttpRequest, place: Place, act: Callable[[], object], words: str) -> HttpResponse:
    """Do it, or say why not; then back to the people."""
    try:
        act()
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, words)
    return SeeOther(place.page)


# --- Requests for a seat --------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def join_request(request: HttpRequest, organisation: str, public_id: uuid.UUID) -> HttpResponse:
    """One request: who asks, and the answer."""
    place = _primary(request, organisation)
    found = get_object_or_404(
        place.organisation.join_requests.select_related("person", "organisation"),
        public_id=public_id,
    )
    form = RequestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            if form.cleaned_data["decision"] == "approve":
                join_requests.approve(found, by=place.reader)
                words = _("%(person)s has a seat now.")
            else:
                join_requests.decline(found, by=place.reader, reason=form.cleaned_data["reason"])
                words = _("The request of %(person)s is declined.")
        except ReasonMissing:
            form.add_error("reason", _("Write the reason. The person reads it."))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return SeeOther(place.page)
        else:
            messages.success(request, words % {"person": found.person})
            return SeeOther(place.page)
    if found.state != JoinRequest.State.OPEN:
        return SeeOther(place.page)
    return render(
        request,
        "account_area/people/request.html",
        {"form": form, "place": place, "asked": found},
    )
