"""Writing to an evangelist by a form: the address of neither is shown to the other's strangers.

The sender first shows that the address is theirs; only then the message goes to the evangelist, who
answers by "reply". Against abuse: limits by sender, by evangelist and for all together, the guards of
`home.guards`, and a report to staff.
"""

import datetime
import uuid
from dataclasses import dataclass

from django.core.signing import BadSignature, Signer
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import override

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import use_case
from core.typed_codes import hashes_of, new_code
from home.evangelists import service
from home.evangelists.refusals import (
    MessageCodeUnknown,
    MessageOver,
    NotContactable,
    NotReported,
    NotToDecide,
    NotYours,
    ReasonMissing,
    TooManyMessages,
)
from home.evangelists.writing import about
from home.models import ContactMessage, Evangelist
from membership.links import path_in

MODERATE = "home.moderate_evangelist"
# In 24 hours: of one address, to one evangelist, and altogether.
MOST_OF_SENDER = 3
MOST_TO_ONE = 10
MOST_OF_ALL = 200
_signer = Signer(salt="home.evangelists.messages")


@dataclass(frozen=True, slots=True)
class Letter:
    name: str
    email: str
    text: str
    language: str


# --- The sender -----------------------------------------------------------------------------------


def write(evangelist: Evangelist, letter: Letter, *, form_token: uuid.UUID) -> ContactMessage:
    """Keep a message until its sender confirms the address, and write to that address.

    The mail holds nothing that the sender typed, since anybody's address may stand there. The same
    ``form_token`` again finds the first message. Raises NotContactable, TooManyMessages.
    """
    email = letter.email.strip().lower()
    with use_case():
        evangelist = Evangelist.objects.select_for_update().get(pk=evangelist.pk)
        known = ContactMessage.objects.filter(form_token=form_token).first()
        if known is not None:
            return known
        page = service.page_of(evangelist)
        if page is None or not _is_open(evangelist):
            raise NotContactable
        _require_few(evangelist, email)
        code = new_code()
        message = ContactMessage.objects.create(
            form_token=form_token,
            evangelist=evangelist,
            name=letter.name,
            email=email,
            text=letter.text,
            language=letter.language,
            code_hash=hashes_of(code)[0],
        )
        with override(letter.language):
            enqueue_mail(
                "evangelist_message_check",
                to=email,
                language=letter.language,
                context={
                    "name": "",
                    "person": page.title,
                    "code": code,
                    "path": path_in(letter.language, "evangelist_message", token_of(message)),
                    "code_path": path_in(letter.language, "evangelist_message_code"),
                },
                about=about(evangelist, f"message-check/{message.pk}"),
            )
    return message


def _is_open(evangelist: Evangelist) -> bool:
    return service.takes_messages(evangelist, service.person_of(evangelist), service.of(evangelist))


def _require_few(evangelist: Evangelist, email: str) -> None:
    """Limits count what was written, sent on or not: a mail goes out for each."""
    since = timezone.now() - datetime.timedelta(days=1)
    lately = ContactMessage.objects.filter(created_at__gt=since)
    reported = ContactMessage.objects.filter(email=email, reported_at__isnull=False)
    if (
        reported.exists()
        or lately.filter(email=email).count() >= MOST_OF_SENDER
        or lately.filter(evangelist=evangelist).count() >= MOST_TO_ONE
        or lately.count() >= MOST_OF_ALL
    ):
        raise TooManyMessages


def token_of(message: ContactMessage) -> str:
    """What stands in the link: the message's id and a signature."""
    return _signer.sign(str(message.public_id))


def find(token: str) -> ContactMessage | None:
    """The message of a link; None for a link that is not whole, or where the message is gone."""
    try:
        public_id = uuid.UUID(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
    return ContactMessage.objects.filter(public_id=public_id).select_related("evangelist").first()


def send_on_by_code(code: str) -> ContactMessage:
    """As `send_on`, by the code of the mail. Raises MessageCodeUnknown too."""
    found = ContactMessage.objects.filter(code_hash__in=hashes_of(code)).first()
    if found is None:
        raise MessageCodeUnknown
    return send_on(found)


def send_on(message: ContactMessage) -> ContactMessage:
    """The sender reads the mail of the address: the message goes to the evangelist, once.

    Raises MessageOver, NotContactable.
    """
    with use_case():
        evangelist = Evangelist.objects.select_for_update().get(pk=message.evangelist_id)
        found = ContactMessage.objects.filter(pk=message.pk).first()
        if found is None:
            raise MessageOver
        if found.confirmed_at is not None:
            return found
        if not found.is_good:
            raise MessageOver
        person = service.person_of(evangelist)
        if person is None or not _is_open(evangelist):
            raise NotContactable
        found.confirmed_at = timezone.now()
        found.save(update_fields=["confirmed_at"])
        language = person.preferred_language
        enqueue_mail(
            "evangelist_message",
            to=person.email,
            language=language,
            context={
                "name": person.get_short_name(),
                "person": found.name,
                "email": found.email,
                # By this name the log of mail keeps it no longer than the queue does.
                "private_words": found.text,
                "path": path_in(language, "evangelist_message_report", found.public_id),
            },
            about=about(evangelist, f"message/{found.pk}"),
            reply_to=found.email,
        )
    return found


# --- The evangelist and staff ---------------------------------------------------------------------


def set_open(evangelist: Evangelist, is_open: bool, *, by: User) -> None:
    """Switch messages on or off. Raises NotYours."""
    with use_case():
        evangelist = Evangelist.objects.select_for_update().get(pk=evangelist.pk)
        if service.evangelist_of(by) != evangelist:
            raise NotYours
        if evangelist.accepts_messages != is_open:
            evangelist.accepts_messages = is_open
            evangelist.save(update_fields=["accepts_messages"])
            audit.record("home.switch_messages", evangelist, by=by, on=is_open)


def report(message: ContactMessage, *, by: User) -> None:
    """Show staff a message that is abuse; its sender can write to nobody for as long as it is kept.

    Raises NotYours.
    """
    with use_case():
        found = ContactMessage.objects.select_for_update().get(pk=message.pk)
        evangelist = service.evangelist_of(by)
        if found.confirmed_at is None or evangelist is None or evangelist != found.evangelist:
            raise NotYours
        if found.reported_at is None:
            found.reported_at = timezone.now()
            found.save(update_fields=["reported_at"])
            audit.record("home.report_message", found, by=by)


def close(message: ContactMessage, *, by: User, finding: str) -> None:
    """Staff have dealt with a report. Raises NotToDecide, ReasonMissing, NotReported."""
    with use_case():
        found = ContactMessage.objects.select_for_update().get(pk=message.pk)
        if not by.has_perm(MODERATE):
            raise NotToDecide
        if not finding.strip():
            raise ReasonMissing
        if found.reported_at is None or found.closed_at is not None:
            raise NotReported
        found.closed_at = timezone.now()
        found.closed_by = by
        found.finding = finding.strip()
        found.save(update_fields=["closed_at", "closed_by", "finding"])
        audit.record("home.close_report", found, by=by, reason=found.finding)


def forget_old(now: datetime.datetime | None = None) -> int:
    """Delete messages after 30 days; reported ones stay until 30 days after staff closed them.

    One that its sender never confirmed goes once its link no longer works and it no longer counts
    for a limit.
    """
    now = now or timezone.now()
    old = Q(created_at__lt=now - ContactMessage.KEEP, reported_at=None)
    dead = Q(created_at__lt=now - ContactMessage.VALID, confirmed_at=None)
    dealt_with = Q(closed_at__lt=now - ContactMessage.KEEP)
    count, __ = ContactMessage.objects.filter(old | dead | dealt_with).delete()
    return count
