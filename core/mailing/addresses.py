"""Addresses that take no mail, and what people want no more of."""

from django.core import signing
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core import audit
from core.mailing.models import DeadAddress, Topic, Unsubscription
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


# --- Unsubscribed ---------------------------------------------------------------------------------


def wants(address: str, topic: str) -> bool:
    """Whether mail of ``topic`` may go to ``address``. What has no topic always may."""
    if not topic:
        return True
    small = address.strip().lower()
    return not (
        DeadAddress.objects.filter(address=small).exists()
        or Unsubscription.objects.filter(address=small, topic=topic).exists()
    )


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
