"""Mail leaves by the job queue: written with the act that causes it, sent after its commit."""

import contextlib
import json
import smtplib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from anymail.exceptions import AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template import Context, TemplateDoesNotExist
from django.template.loader import get_template
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from core.jobs import GiveUp, job
from core.mailing import addresses, catalogue, log, texts
from core.mailing.models import DeadAddress, Delivery, Topic
from core.mailing.samples import SAMPLES
from core.transactions import inside_transaction, use_case

# About six hours of tries: longer than a mail server's usual trouble.
ATTEMPTS = 12
# About ten minutes of tries: a code is good for a quarter of an hour.
ATTEMPTS_WAITED_FOR = 6
FIRST = 100  # ahead of whatever else waits in the queue, a thousand reminders among it


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to go with a message; ``name`` is the file's, ``type`` as in ``application/pdf``."""

    name: str
    content: bytes
    type: str


# What makes the attachments of each kind. The queue carries texts, so a job names its attachments
# (a kind and a key) and they are made when the mail is sent.
_attachments: dict[str, Callable[[str], Attachment]] = {}


def register_attachment(kind: str, make: Callable[[str], Attachment]) -> None:
    """Let mails carry attachments of ``kind``: ``make(key)`` is called when a mail is sent.

    Called once a kind, in ``AppConfig.ready`` of the package that owns it.
    """
    if kind in _attachments:
        raise ValueError(f"Two makers are registered for attachments of {kind!r}.")
    _attachments[kind] = make


@inside_transaction
def enqueue_mail(
    template: str,
    to: str,
    language: str,
    context: dict[str, Any],
    *,
    attachments: Sequence[tuple[str, str]] = (),
    about: str = "",
    owed: bool = False,
    reply_to: str = "",
) -> Delivery:
    """Send ``templates/emails/<template>`` to one address, once the transaction has committed.

    What goes out is logged (`core.mailing.log`); the row of it is returned. ``about`` is what the
    message is about, a kind and a key such as ``term:7/offer``: by it the log is compared with
    what should have gone out (`core.mailing.expectations`). A template of which people can
    unsubscribe goes to everybody where ``owed`` (a reminder of a debt). ``reply_to`` is whom an
    answer reaches, where that is not us; the log does not keep it, so neither does "send again".

    A path in ``context`` as ``unsubscribe_path`` is the page that ends mails like this one, by a
    POST without a cookie too: mail programs get it as their one-click header.

    ``<template>.subject.txt`` and ``<template>.txt`` are needed, ``<template>.html`` is optional;
    they are rendered when the mail is sent, in ``language``, with ``context`` and ``SITE_URL``,
    ``SITE_NAME``, ``language``. ``context`` is JSON: texts and numbers, amounts already formatted
    or as integers, addresses as paths (``{{ SITE_URL }}{{ path }}``). ``attachments`` are kinds
    (`register_attachment`) with a key each.

    Raises TransactionMissing outside a transaction, TemplateDoesNotExist for an unknown template,
    LookupError for an unknown kind and TypeError for a context that is not JSON: all of them now,
    not in the worker.
    """
    get_template(f"emails/{template}.subject.txt")
    get_template(f"emails/{template}.txt")
    json.dumps(context)
    for kind, _key in attachments:
        _maker_of(kind)
    topic = None if owed else catalogue.topic_of(template)
    message_id = _message_id()
    delivery = log.queued(
        template=template,
        address=to,
        language=language,
        message_id=message_id,
        about=about,
        topic=topic or "",
        context=context,
        attachments=attachments,
    )
    send: Any = send_waited_for if template in catalogue.WAITED_FOR else send_template
    send.enqueue(
        template=template,
        to=to,
        language=language,
        context=context,
        message_id=message_id,
        attachments=[[kind, key] for kind, key in attachments],
        topic=str(topic or ""),
        reply_to=reply_to,
    )
    return delivery


@inside_transaction
def enqueue_test(template: str, to: str, language: str) -> Delivery:
    """Send an e-mail, marked as a test and filled with sample values, to whoever looks at it."""
    message_id = _message_id()
    delivery = log.queued(
        template=template, address=to, language=language, message_id=message_id, is_test=True
    )
    send_test.enqueue(template=template, to=to, language=language, message_id=message_id)
    return delivery


def _given_up(error: BaseException, *_args: Any, message_id: str, **_rest: Any) -> None:
    log.failed(message_id, f"{type(error).__name__}: {error}")


def _holds_a_secret(*_args: Any, template: str, context: dict[str, Any], **_rest: Any) -> bool:
    return not catalogue.may_keep(template, context)


@job(
    queue="mail",
    attempts=ATTEMPTS,
    forget_arguments=True,
    forget_when_failed=_holds_a_secret,
    on_failed=_given_up,
)
def send_template(
    template: str,
    to: str,
    language: str,
    context: dict[str, Any],
    message_id: str,
    attachments: Sequence[Sequence[str]] = (),
    topic: str = "",
    reply_to: str = "",
) -> None:
    """Render and send one message. Sent twice (a worker that died) it has the same Message-ID.

    It is held where its address is dead or has unsubscribed by now.
    """
    _send_unless_held(template, to, language, context, message_id, attachments, topic, reply_to)


@job(
    queue="mail",
    attempts=ATTEMPTS_WAITED_FOR,
    priority=FIRST,
    forget_arguments=True,
    forget_when_failed=_holds_a_secret,
    on_failed=_given_up,
)
def send_waited_for(
    template: str,
    to: str,
    language: str,
    context: dict[str, Any],
    message_id: str,
    attachments: Sequence[Sequence[str]] = (),
    topic: str = "",
    reply_to: str = "",
) -> None:
    """Send a message for which somebody sits before an open page: first, and soon or not at all."""
    _send_unless_held(template, to, language, context, message_id, attachments, topic, reply_to)


def _send_unless_held(
    template: str,
    to: str,
    language: str,
    context: dict[str, Any],
    message_id: str,
    attachments: Sequence[Sequence[str]],
    topic: str,
    reply_to: str,
) -> None:
    why = addresses.why_held(to, template, topic)
    if why is not None:
        log.held(message_id, why)
        return
    message = _message(template, to, language, context)
    if reply_to:
        message.reply_to = [reply_to]
    if topic:
        _let_unsubscribe(message, to, topic, language)
    if path := context.get("unsubscribe_path"):
        # Of this message alone: its text says so in its own words.
        _one_click(message, settings.SITE_URL + path)
    for kind, key in attachments:
        made = _maker_of(kind)(key)
        message.attach(made.name, made.content, made.type)
    _send(message, message_id)


@job(queue="mail", attempts=3, forget_arguments=True, on_failed=_given_up)
def send_test(template: str, to: str, language: str, message_id: str) -> None:
    """Send a message filled with sample values; it says that it is a test and carries nothing."""
    message = _message(template, to, language, SAMPLES)
    message.subject = f"[test] {message.subject}"
    topic = catalogue.topic_of(template)
    if topic:
        _let_unsubscribe(message, to, topic, language)
    _send(message, message_id)


def _message(
    template: str, to: str, language: str, context: dict[str, Any]
) -> EmailMultiAlternatives:
    """The message in words: staff's where they wrote some that can be filled, else the shipped."""
    values = {
        **context,
        "SITE_URL": settings.SITE_URL,
        "SITE_NAME": settings.SITE_NAME,
        "language": language,
    }
    text, html = texts.filled(template, language, values), ""
    if text is None:
        with translation.override(language):
            text = catalogue.Text(
                _render_text(f"emails/{template}.subject.txt", values),
                _render_text(f"emails/{template}.txt", values),
            )
            with contextlib.suppress(TemplateDoesNotExist):
                html = get_template(f"emails/{template}.html").render(values)
    message = EmailMultiAlternatives(
        subject=_one_line(text.subject),
        body=text.body.strip() + "\n",
        to=[to],
        headers={"Content-Language": language},
    )
    if html:
        message.attach_alternative(html, "text/html")
    return message


def _let_unsubscribe(message: EmailMultiAlternatives, to: str, topic: str, language: str) -> None:
    """The link at the end, and the one-click header of RFC 8058 that mail programs make a button."""
    url = settings.SITE_URL + addresses.unsubscribe_path(to, topic, language)
    with translation.override(language):
        words = _("No more %(topic)s: %(url)s") % {"topic": Topic(topic).label, "url": url}
    message.body = f"{message.body}\n{words}\n"
    _one_click(message, url)


def _one_click(message: EmailMultiAlternatives, url: str) -> None:
    message.extra_headers["List-Unsubscribe"] = f"<{url}>"
    message.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _send(message: EmailMessage, message_id: str) -> None:
    message.extra_headers.setdefault("Message-ID", message_id)
    # No out-of-office answer, please (RFC 3834); the second is what Exchange listens to.
    message.extra_headers.setdefault("Auto-Submitted", "auto-generated")
    message.extra_headers.setdefault("X-Auto-Response-Suppress", "All")
    # An e-mail service gives this back when it tells what became of the message.
    delivery = Delivery.objects.filter(message_id=message_id).values_list("pk", flat=True).first()
    if delivery is not None:
        message.metadata = {"delivery": str(delivery)}  # type: ignore[attr-defined]
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, __ in error.recipients.values()]
        if codes and all(500 <= code < 600 for code in codes):
            _refused_for_good(message_id, error.recipients)
            raise GiveUp(f"The mail server refuses the address for good: {codes}.") from None
        log.tried(message_id, str(error))
        raise
    except AnymailRecipientsRefused as error:
        _refused_for_good(message_id, dict.fromkeys(message.recipients(), error))
        raise GiveUp("The e-mail service refuses the address for good.") from None
    except Exception as error:
        log.tried(message_id, f"{type(error).__name__}: {error}")
        raise
    log.sent(message_id, service_id=_number_at_the_service(message))


def _number_at_the_service(message: EmailMessage) -> str:
    number = getattr(getattr(message, "anymail_status", None), "message_id", None)
    # One number for the message, or one for each address.
    return number if isinstance(number, str) else ""


def _refused_for_good(message_id: str, answers: Mapping[str, object]) -> None:
    """The mail server said at once what otherwise comes back as a bounce."""
    refused = {address.lower(): str(answer) for address, answer in answers.items()}
    with use_case():
        for found in Delivery.objects.filter(message_id=message_id):
            if found.address.lower() in refused:
                log.came_back(
                    found,
                    why=DeadAddress.Why.BOUNCED,
                    at=timezone.now(),
                    detail=refused[found.address.lower()],
                )


def _maker_of(kind: str) -> Callable[[str], Attachment]:
    try:
        return _attachments[kind]
    except KeyError:
        raise LookupError(f"Nothing makes attachments of {kind!r}.") from None


def _render_text(name: str, values: dict[str, Any]) -> str:
    """Render a plain text: without the escapes of HTML (Côte d'Ivoire keeps its apostrophe)."""
    template: Any = get_template(name)
    text: str = template.template.render(Context(values, autoescape=False))
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _message_id() -> str:
    return make_msgid(domain=urlsplit(settings.SITE_URL).hostname or "localhost")
