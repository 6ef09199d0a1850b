"""The delivery log: what became of each message, from the queue to the reader's mailbox."""

import datetime
from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.mailing import addresses, catalogue
from core.mailing.models import DeadAddress, Delivery
from core.models import User
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case

# How long the log keeps what a message was filled with, and the row as a whole.
KEEP_CONTEXT = datetime.timedelta(days=90)
KEEP = datetime.timedelta(days=400)
# A message that is still queued after this is stuck: the worker's tries take six hours.
STUCK_AFTER = datetime.timedelta(days=1)
# How long staff are told of what did not go out to a dead address.
WITHHELD_IN_SIGHT = datetime.timedelta(days=30)

SEND = "core.send_delivery"


class CannotSendAgain(Refusal):
    message = _(
        "This message cannot be sent again: its words are no longer kept, or it held a code or "
        "another secret. Start what it was about once more."
    )


class AddressIsDead(Refusal):
    message = _(
        "Mail to %(address)s comes back. Have the address corrected first, or mark it as alive."
    )


# --- What happens to a message --------------------------------------------------------------------


@inside_transaction
def queued(
    *,
    template: str,
    address: str,
    language: str,
    message_id: str,
    about: str = "",
    topic: str = "",
    context: dict[str, Any] | None = None,
    attachments: Sequence[Sequence[str]] = (),
    is_test: bool = False,
) -> Delivery:
    """Write the row of a message that is being queued."""
    return Delivery.objects.create(
        template=template,
        address=address[:254],
        language=language,
        topic=topic,
        about=about,
        message_id=message_id,
        context=context if context is not None and catalogue.may_keep(template, context) else None,
        attachments=[list(each) for each in attachments],
        is_test=is_test,
    )


def sent(message_id: str, *, service_id: str = "") -> None:
    """The mail server took it."""
    Delivery.objects.filter(message_id=message_id).update(
        sent_at=timezone.now(),
        failed_at=None,
        held_at=None,
        held_as="",
        error="",
        service_id=service_id,
    )


def held(message_id: str, why: Delivery.Held) -> None:
    """It is not sent, as its address is dead or wants none of its topic."""
    Delivery.objects.filter(message_id=message_id).update(held_at=timezone.now(), held_as=why)


def failed(message_id: str, error: str) -> None:
    """It was given up: the row stays until somebody sends it again."""
    Delivery.objects.filter(message_id=message_id, sent_at=None).update(
        failed_at=timezone.now(), error=error[:2000]
    )


def tried(message_id: str, error: str) -> None:
    """A try came to nothing; the next follows by itself."""
    Delivery.objects.filter(message_id=message_id, sent_at=None).update(error=error[:2000])


@inside_transaction
def came_back(
    found: Delivery,
    *,
    why: DeadAddress.Why,
    at: datetime.datetime,
    detail: str,
    for_good: bool = True,
) -> None:
    """A message bounced, or its reader marked it as spam; told twice it changes nothing.

    Where it is ``for_good`` the address counts as dead from now on.
    """
    fact = "bounced_at" if why == DeadAddress.Why.BOUNCED else "complained_at"
    if getattr(found, fact) is None:
        setattr(found, fact, at)
        found.error = detail[:2000]
        found.save(update_fields=[fact, "error"])
    if for_good and found.address:
        addresses.mark_dead(found.address, why=why, detail=detail)


# --- What staff do --------------------------------------------------------------------------------


def why_not_again(found: Delivery) -> Refusal | None:
    """Why a message cannot be sent again, or None."""
    if found.context is None or not found.address or not catalogue.exists(found.template):
        return CannotSendAgain()
    if DeadAddress.objects.filter(address=found.address).exists():
        return AddressIsDead(address=found.address)
    return None


def send_again(delivery_id: int, *, by: User) -> Delivery:
    """Queue the same message once more, as a row of its own that names the first.

    A message that was sent again already gives the row of that one while it waits, so that two
    clicks make one message. Raises CannotSendAgain, AddressIsDead.
    """
    from core.mail import enqueue_mail

    with use_case():
        found = Delivery.objects.select_for_update().get(pk=delivery_id)
        waiting = found.sent_again.filter(Delivery.in_state(Delivery.State.QUEUED)).first()
        if waiting is not None:
            return waiting
        refusal = why_not_again(found)
        if refusal is not None:
            raise refusal
        again = enqueue_mail(
            found.template,
            found.address,
            found.language,
            found.context or {},
            attachments=[(kind, key) for kind, key in found.attachments],
            about=found.about,
            owed=not found.topic,
        )
        again.again_of = found
        again.save(update_fields=["again_of"])
        audit.record("core.send_again", again, by=by, first=found.pk)
    return again


def withheld() -> Q:
    """Messages of late that went to nobody, as their address is dead or was, and that nobody sent
    again since. Not those of signing in: a stranger who types an address can cause them."""
    lately = Q(queued_at__gte=timezone.now() - WITHHELD_IN_SIGHT)
    owed = Q(sent_again=None, is_test=False) & ~Q(template__startswith=catalogue.OF_SIGN_IN)
    return lately & owed & Delivery.in_state(Delivery.State.WITHHELD)


def needing_a_hand() -> Q:
    """Messages that failed, came back or are stuck, and that nobody sent again."""
    state = Delivery.State
    stuck = Delivery.in_state(state.QUEUED) & Q(queued_at__lt=timezone.now() - STUCK_AFTER)
    bad = Delivery.in_state(state.FAILED) | Delivery.in_state(state.BOUNCED) | stuck
    return bad & Q(sent_again=None, is_test=False)


# --- Personal data --------------------------------------------------------------------------------


def tidy(now: datetime.datetime | None = None) -> None:
    """Empty what is older than `KEEP_CONTEXT`, delete what is older than `KEEP`.

    So is the mark of a dead address: where it still is one, the next message says so again. What
    people unsubscribed from stays.
    """
    now = now or timezone.now()
    Delivery.objects.filter(queued_at__lt=now - KEEP).delete()
    Delivery.objects.filter(queued_at__lt=now - KEEP_CONTEXT).exclude(context=None).update(
        context=None
    )
    DeadAddress.objects.filter(since__lt=now - KEEP).delete()
