"""Mail leaves by the job queue: written with the act that causes it, sent after its commit."""

import json
import smtplib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template import Context, TemplateDoesNotExist
from django.template.loader import get_template
from django.utils import translation

from core.jobs import GiveUp, job
from core.transactions import inside_transaction

# About six hours of tries: longer than a mail server's usual trouble.
ATTEMPTS = 12


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
) -> None:
    """Send ``templates/emails/<template>`` to one address, once the transaction has committed.

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
    send_template.enqueue(
        template=template,
        to=to,
        language=language,
        context=context,
        message_id=_message_id(),
        attachments=[[kind, key] for kind, key in attachments],
    )


def enqueue_message(message: EmailMessage) -> None:
    """Send a message that is rendered already (allauth's). Works in and out of a transaction.

    Raises ValueError for a message with attachments: the queue carries texts.
    """
    if message.attachments:
        raise ValueError("A queued message carries no attachments.")
    html = [
        content for content, kind in getattr(message, "alternatives", []) if kind == "text/html"
    ]
    send_rendered.enqueue(
        subject=_one_line(str(message.subject)),
        text=str(message.body) if message.content_subtype == "plain" else "",
        html=str(html[0])
        if html
        else str(message.body)
        if message.content_subtype == "html"
        else "",
        to=[str(address) for address in message.to],
        cc=[str(address) for address in message.cc],
        bcc=[str(address) for address in message.bcc],
        reply_to=[str(address) for address in message.reply_to],
        from_email=str(message.from_email),
        headers={key: str(value) for key, value in message.extra_headers.items()},
        message_id=_message_id(),
    )


@job(queue="mail", attempts=ATTEMPTS, forget_arguments=True)
def send_template(
    template: str,
    to: str,
    language: str,
    context: dict[str, Any],
    message_id: str,
    attachments: Sequence[Sequence[str]] = (),
) -> None:
    """Render and send one message. Sent twice (a worker that died) it has the same Message-ID."""
    with translation.override(language):
        values = {
            **context,
            "SITE_URL": settings.SITE_URL,
            "SITE_NAME": settings.SITE_NAME,
            "language": language,
        }
        message = EmailMultiAlternatives(
            subject=_one_line(_render_text(f"emails/{template}.subject.txt", values)),
            body=_render_text(f"emails/{template}.txt", values).strip() + "\n",
            to=[to],
            headers={"Content-Language": language},
        )
        try:
            html = get_template(f"emails/{template}.html")
        except TemplateDoesNotExist:
            pass
        else:
            message.attach_alternative(html.render(values), "text/html")
    for kind, key in attachments:
        made = _maker_of(kind)(key)
        message.attach(made.name, made.content, made.type)
    _send(message, message_id)


@job(queue="mail", attempts=ATTEMPTS, forget_arguments=True)
def send_rendered(
    subject: str,
    text: str,
    html: str,
    to: list[str],
    cc: list[str],
    bcc: list[str],
    reply_to: list[str],
    from_email: str,
    headers: dict[str, str],
    message_id: str,
) -> None:
    """Send a message as it was handed to ``enqueue_message``."""
    message = EmailMultiAlternatives(
        subject=subject,
        body=text,
        from_email=from_email,
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        headers=headers,
    )
    if html:
        message.attach_alternative(html, "text/html")
    _send(message, message_id)


def _send(message: EmailMessage, message_id: str) -> None:
    message.extra_headers.setdefault("Message-ID", message_id)
    # No out-of-office answer, please (RFC 3834); the second is what Exchange listens to.
    message.extra_headers.setdefault("Auto-Submitted", "auto-generated")
    message.extra_headers.setdefault("X-Auto-Response-Suppress", "All")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _reason in error.recipients.values()]
        if codes and all(500 <= code < 600 for code in codes):
            raise GiveUp(f"The mail server refuses the address for good: {codes}.") from None
        raise


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
