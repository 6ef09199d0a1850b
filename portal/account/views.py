"""The first page of the signed-in area: the ways in, and what waits for this person."""

import datetime
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.models import User
from funding.pools import queries as giving
from home.evangelists import confirming, nominating, service
from home.models import EvangelistPage
from home.profiles import State, profile_of, standing
from membership import accepting, named_people
from membership import queries as membership
from membership.models import Application, JoinRequest, SeatRole, Term


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that this person can do something about."""

    text: str
    href: str


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What waits for the reader, and the parts of the signed-in area."""
    if not isinstance(request.user, User):
        raise Http404
    reader = request.user
    today = timezone.localdate()
    profile = profile_of(reader)
    return render(
        request,
        "account_area/overview.html",
        {
            "waiting": [
                *_dues(reader, today),
                *_applications(reader),
                *_named(reader),
                *_seat_requests(reader),
                *_agreements(reader, today),
                *_instalments(reader, today),
                *_nominations(reader),
                *_profile(profile),
                *_service(profile, today),
            ],
            "profile": profile,
        },
    )


def _dues(reader: User, today: datetime.date) -> list[Waiting]:
    return [
        Waiting(
            _("%(organisation)s: the dues are to be paid.")
            % {"organisation": organisation.public_name},
            reverse("membership_area"),
        )
        for organisation in membership.organisations_of(reader)
        if any(
            term.status(today) == Term.Status.AWAITING_PAYMENT for term in organisation.terms.all()
        )
    ]


def _applications(reader: User) -> list[Waiting]:
    words = {
        Application.State.DRAFT: _("%(organisation)s: the application is not sent yet."),
        Application.State.INFORMATION_WANTED: _(
            "%(organisation)s: staff ask a question about the application."
        ),
    }
    return [
        Waiting(
            words[Application.State(application.state)] % {"organisation": application},
            reverse("membership_application", args=[application.public_id]),
        )
        for application in reader.applications.filter(state__in=words).order_by("pk")
    ]


def _named(reader: User) -> list[Waiting]:
    return [
        Waiting(
            _("%(organisation)s: invite the people whom the application names.")
            % {"organisation": application.organisation},
            reverse("membership_application", args=[application.public_id]),
        )
        for application in named_people.waiting_for(reader)
    ]


def _seat_requests(reader: User) -> list[Waiting]:
    waiting = JoinRequest.objects.filter(
        state=JoinRequest.State.OPEN,
        organisation__seats__in=reader.seats.filter(roles__contains=[SeatRole.PRIMARY_CONTACT]),
    ).select_related("organisation", "person")
    return [
        Waiting(
            _("%(organisation)s: %(person)s asks for a seat.")
            % {"organisation": asked.organisation, "person": asked.person},
            reverse("people_request", args=[asked.organisation.slug, asked.public_id]),
        )
        for asked in waiting
    ]


def _agreements(reader: User, today: datetime.date) -> list[Waiting]:
    return [
        Waiting(
            _("%(organisation)s: accept the %(agreement)s, version %(version)s.")
            % {
                "organisation": organisation,
                "agreement": version.agreement,
                "version": version.label,
            },
            reverse("membership_accept", args=[organisation.slug, version.pk]),
        )
        for organisation, version in accepting.waits_for(reader, today)
    ]


def _instalments(reader: User, today: datetime.date) -> list[Waiting]:
    found = []
    for given in giving.giving_of(reader, on=today).pledges:
        part = given.next_instalment
        if part is None or part.instalment.due_on > today:
            continue
        found.append(
            Waiting(
                _("%(pool)s: an instalment of %(amount)s is due.")
                % {
                    "pool": given.pledge.pool.profile.title,
                    "amount": part.instalment.money.format(),
                },
                reverse("giving_pledge", args=[given.pledge.reference]),
            )
        )
    return found


def _profile(profile: EvangelistPage | None) -> list[Waiting]:
    if profile is None or standing(profile).state != State.CHANGES_ASKED:
        return []
    return [Waiting(_("Staff ask for changes to your profile."), reverse("account_evangelist"))]


def _nominations(reader: User) -> list[Waiting]:
    return [
        Waiting(
            _("%(person)s nominates you as an evangelist.") % {"person": nomination.nominated_by},
            reverse("evangelist_nomination", args=[nominating.token_of(nomination)]),
        )
        for nomination in nominating.waiting_for(reader)
    ]


def _service(profile: EvangelistPage | None, today: datetime.date) -> list[Waiting]:
    """The yearly word, in the month before the year ends."""
    if profile is None or profile.evangelist is None:
        return []
    now = service.of(profile.evangelist, today)
    if not now.is_current or now.until is None or now.until - today > confirming.REMIND_BEFORE:
        return []
    return [
        Waiting(
            _("Say that you are still an evangelist: your word counts until %(day)s.")
            % {"day": formats.date_format(now.until)},
            reverse("evangelist_service"),
        )
    ]
