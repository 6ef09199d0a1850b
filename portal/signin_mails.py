"""The e-mails of signing in: django-allauth says which and when, the words are the portal's.

Each of allauth's mails that can be sent under our settings has a text `signin_<its name>` in the
catalogue (`core.mailing`), a test holds the two lists together.
"""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils import formats, timezone
from django.utils.translation import get_language

from core.mail import enqueue_mail
from core.mailing import addresses, catalogue

# What of allauth's values the texts are filled with as it is, and what leads to a page of ours.
TEXTS = ("code", "from_email", "to_email", "deleted_email", "ip", "user_agent")
PATHS = {"signup_url": "signup_path", "password_reset_url": "password_reset_path"}


def send(name: str, email: str, given: dict[str, Any]) -> None:
    """Queue allauth's mail ``name`` to ``email``, in the language of the page it was asked on.

    Raises TemplateDoesNotExist for a mail that has no text here.
    """
    # Not a use case of its own: allauth sends in and out of a transaction.
    with transaction.atomic():
        enqueue_mail(
            catalogue.OF_SIGN_IN + name,
            to=email,
            language=(get_language() or "en").split("-")[0],
            context={"email": email, "name": _name_of(email), **_values(given)},
        )


def _values(given: dict[str, Any]) -> dict[str, str]:
    values = {key: str(given[key]) for key in TEXTS if key in given}
    # The path alone: the host is SITE_URL, never what a request claims.
    values |= {key: urlsplit(given[url]).path for url, key in PATHS.items() if url in given}
    if "timestamp" in given:
        at = timezone.localtime(given["timestamp"])
        values["timestamp"] = f"{formats.date_format(at, 'DATETIME_FORMAT')} {at.tzname()}"
    return values


def _name_of(email: str) -> str:
    """The name of whoever showed that the address is theirs: what a stranger typed at a sign-up is
    not sent to others."""
    found = EmailAddress.objects.filter(email__iexact=email, verified=True).select_related("user")
    return next((row.user.get_short_name() for row in found), "")


def address_confirmed(sender: Any, email_address: EmailAddress, **kwargs: Any) -> None:
    """A code of a sign-up, or of a second address, was typed (allauth's signal)."""
    addresses.answered(email_address.email, by=email_address.user)
