"""What an e-mail service tells of a message: it came back, or its reader marked it as spam.

The service posts to our webhook, django-anymail checks the secret and puts every service's words
into one form. Told twice, late or of a message that is not ours, the result is the same.
"""

from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.mailing import addresses, log
from core.mailing.models import DeadAddress, Delivery
from core.transactions import use_case

# Words of anymail (its EventType and RejectReason are plain texts).
BOUNCED, REJECTED, COMPLAINED = "bounced", "rejected", "complained"
# A full mailbox and the like: this message did not arrive, the next one may.
SOFT = ("SoftBounce", "soft_bounce", "softBounce")


def heard(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    """Write down one event of the service (a receiver of anymail's signal ``tracking``)."""
    if event.event_type not in (BOUNCED, REJECTED, COMPLAINED):
        return
    why = DeadAddress.Why.COMPLAINED if event.event_type == COMPLAINED else DeadAddress.Why.BOUNCED
    address = (event.recipient or "").strip()
    detail = " · ".join(text for text in (esp_name, event.description, event.mta_response) if text)
    with use_case():
        found = _message_of(event, address)
        if found is not None:
            at = event.timestamp or timezone.now()
            log.came_back(found, why=why, at=at, detail=detail, for_good=not _is_soft(event))
        elif address and not _is_soft(event):
            addresses.mark_dead(address, why=why, detail=detail)


def _message_of(event: Any, address: str) -> Delivery | None:
    """The row of the log that the event is about: by the service's number, or by ours."""
    ours = str((event.metadata or {}).get("delivery", ""))
    by_number = Q(service_id=event.message_id) if event.message_id else Q(pk__in=[])
    if ours.isdecimal():
        by_number |= Q(pk=int(ours))
    rows = list(Delivery.objects.select_for_update().filter(by_number).order_by("pk"))
    same = [row for row in rows if row.address.lower() == address.lower()]
    return next(iter(same or rows), None)


def _is_soft(event: Any) -> bool:
    said = event.esp_event if isinstance(event.esp_event, dict) else {}
    return said.get("Type") in SOFT or said.get("event") in SOFT
