"""Addresses that take no mail, and what people want no more of.

To a dead address nothing goes but the code that somebody asked for just now: mail that comes back,
or is marked as spam, costs the foundation the trust of mail servers, and so everybody else their
mail. What was withheld stands in the log, and staff ask for another address. A code from such a mail,
typed on our page, shows that the address lives.
"""

from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core import audit
from core.mailing import catalogue
from core.mailing.models import DeadAddress, Delivery, Topic, Unsubscription
from core.models import User
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case

SALT = "core.mailing.unsubscribe"


class LinkIsWrong(Refusal):
    message = _("This address is not complete. Copy it from the e-mail as a whole.")


# --- Dead -----------------------------------------------------------------------------------------


@inside_transaction
def mark_dead(address: str, *, why: DeadAddress.Why, detail: str) -> None:
    """Mail to ``address`` comes back, or its owner marked ours as spam; twice changes nothing."""
    DeadAddress.objects.get_or_create(
        address=address.strip().lower(), defaults={"why": why, "detail": detail[:500]}
    )


def mark_alive(dead: DeadAddress, *, by: User) -> None:
    """Staff learned that the address takes mail again."""
    with use_case():
        audit.record("core.address_alive", dead, by=by)
        DeadAddress.objects.filter(pk=dead.pk).delete()


def answered(address: str, *, by: User) -> None:
    """Somebody typed the code that went to ``address``: it takes mail, whatever was known of it."""
    # Mostly it is not dead, and a sign-in writes nothing.
    found = DeadAddress.objects.filter(address=address.strip().lower()).first()
    if found is not None:
        with transaction.atomic():
            audit.record("core.address_answered", found, by=by)
            found.delete()


# --- Unsubscribed ---------------------------------------------------------------------------------


def why_held(address: str, template: str, topic: str) -> Delivery.Held | None:
    """Why a message must not go to ``address`` now, or None. Without a topic it is owed."""
    small = address.strip().lower()
    is_dead = DeadAddress.objects.filter(address=small).exists()
    if is_dead and template not in catalogue.ASKED_FOR:
        return Delivery.Held.DEAD
    if topic and Unsubscription.objects.filter(address=small, topic=topic).exists():
        return Delivery.Held.UNSUBSCRIBED
    return None


@inside_transaction
def unsubscribe(address: str, topic: Topic) -> None:
    """Send no more of ``topic`` to ``address``. Twice is once."""
    Unsubscription.objects.get_or_create(address=address.strip().lower(), topic=topic)


@inside_transaction
def subscribe(address: str, topic: Topic) -> None:
    """Send ``topic`` to ``address`` again."""
    Unsubscription.objects.filter(address=address, topic=topic).delete()


def unsubscribe_path(address: str, topic: str, language: str) -> str:
    """The signed address of the page that ends (and begins again) ``topic`` for ``address``."""
    with translation.override(language):
        return reverse("unsubscribe", args=[token(address, topic)])


def token(address: str, topic: str) -> str:
    """What the link holds: address and topic, signed, good for ever."""
    return signing.dumps([address.strip().lower(), str(topic)], salt=SALT)


def read_token(text: str) -> tuple[str, Topic]:
    """Address and topic of a signed link, however old. Raises LinkIsWrong."""
    try:
        address, topic = signing.loads(text, salt=SALT)
        return str(address), Topic(topic)
    except (signing.BadSignature, ValueError, TypeError):
        raise LinkIsWrong from None
