"""Travel support: staff grant or decline what somebody asked for. No money moves here."""

from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import use_case
from home.events import letters
from home.events.happenings import of_row
from home.events.refusals import DecidedAlready, NotConfirmed, OwnRequest
from home.events.registering import STANDING
from home.models.events import Registration, TravelRequest
from membership.sharing import verified_addresses

State = TravelRequest.State


def decide(request: TravelRequest, *, granted: bool, by: User, reason: str) -> TravelRequest:
    """Grant or decline a request, once, and tell who asked.

    Raises DecidedAlready, NotConfirmed, OwnRequest.
    """
    with use_case():
        # As registering locks: the registration before what hangs on it.
        registration = (
            Registration.objects.select_for_update(of=("self",))
            .select_related("occurrence__event")
            .get(pk=request.registration_id)
        )
        request = TravelRequest.objects.select_for_update().get(pk=request.pk)
        if request.state != State.ASKED:
            raise DecidedAlready
        if registration.state not in STANDING or registration.erased_at is not None:
            raise NotConfirmed
        if registration.email.lower() in {by.email, *verified_addresses(by)}:
            raise OwnRequest
        request.state = State.GRANTED if granted else State.DECLINED
        request.decided_at, request.decided_by, request.reason = timezone.now(), by, reason
        request.save(update_fields=["state", "decided_at", "decided_by", "reason"])
        action = "home.grant_travel" if granted else "home.decline_travel"
        audit.record(action, request, by=by, reason=reason)
        letters.send(
            "events_travel",
            registration,
            of_row(registration.occurrence),
            is_granted=granted,
            reason=reason,
        )
    return request
