"""The mail of the demo: kept as files by Django's file backend and shown here, never sent.

Routed in demo and test alone (portal/demo_urls.py); in production there is no such address.
"""

import email
import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

# Django writes this line after each message of a file.
SEPARATOR = b"\n" + b"-" * 79 + b"\n"
SHOWN = 100


@dataclass(frozen=True)
class KeptMessage:
    """One message: ``name`` is its file's name and its place in that file, as the address has it."""

    name: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        # A long subject is folded before its first word, which leaves a blank there.
        return str(self.message["Subject"] or "").strip()

    @property
    def to(self) -> str:
        return str(self.message["To"] or "")

    @property
    def sender(self) -> str:
        return str(self.message["From"] or "")

    @property
    def sent(self) -> datetime | None:
        try:
            return parsedate_to_datetime(str(self.message["Date"]))
        except ValueError:
            return None

    @property
    def text(self) -> str:
        body = self.message.get_body(preferencelist=("plain", "html"))
        return str(body.get_content()) if body is not None else ""


@never_cache
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """All kept messages, newest first."""
    return render(request, "demo_mail/mailbox.html", {"messages_kept": _newest(SHOWN)})


@never_cache
@require_safe
def message(request: HttpRequest, name: str) -> HttpResponse:
    """One kept message as plain text, its links to be clicked."""
    # Looked up among what there is: a name from outside never becomes a path.
    for path in _files():
        file_name, _, _ = name.rpartition("-")
        if path.name == file_name:
            for kept in _messages_of(path):
                if kept.name == name:
                    return render(request, "demo_mail/message.html", {"kept": kept})
    raise Http404


def _newest(count: int) -> list[KeptMessage]:
    found: list[KeptMessage] = []
    for path in _files():
        found += reversed(_messages_of(path))
        if len(found) >= count:
            break
    return found[:count]


def _files() -> list[Path]:
    folder = Path(settings.EMAIL_FILE_PATH)
    if not folder.is_dir():
        return []
    files = [path for path in folder.glob("*.log") if path.is_file()]
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def _messages_of(path: Path) -> list[KeptMessage]:
    parts = [part for part in path.read_bytes().split(SEPARATOR) if part.strip()]
    return [KeptMessage(f"{path.name}-{place}", _parsed(part)) for place, part in enumerate(parts)]


def _parsed(raw: bytes) -> EmailMessage:
    # The default policy makes an EmailMessage, which decodes headers and bodies itself.
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed
