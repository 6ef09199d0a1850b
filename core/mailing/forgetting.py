"""Personal data of e-mail: an address is erased on request, and from old lines of the audit log."""

import datetime
import re
from dataclasses import dataclass

from django.db.models import F, Func, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks_db.compat import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core import audit
from core.jobs.execution import NO_ARGUMENTS
from core.mailing.log import KEEP
from core.mailing.models import DeadAddress, Delivery, MissingMessage, Unsubscription
from core.models import User
from core.refusals import Refusal
from core.transactions import use_case

FORGET = "core.forget_address"
# PostgreSQL's words for what looks like an address inside a text.
ADDRESS = r"[^\s<>()\"',;:@]+@[^\s<>()\"',;:@]+"
INSTEAD = "…"


class NothingKept(Refusal):
    message = _("Nothing is kept of this address.")


class ReasonHoldsAddress(Refusal):
    message = _("Give the reason without an address: the audit log keeps it for ever.")


class ReasonMissing(Refusal):
    message = _("Give the reason, such as the day on which they asked for it.")


@dataclass(frozen=True, slots=True)
class Kept:
    """In how many rows an address stands, by kind."""

    messages: int
    named_in: int
    missing: int
    failed_jobs: int
    is_dead: bool
    unsubscriptions: int

    @property
    def is_nothing(self) -> bool:
        return not any(
            (
                self.messages,
                self.named_in,
                self.missing,
                self.failed_jobs,
                self.is_dead,
                self.unsubscriptions,
            )
        )


def kept(address: str) -> Kept:
    """What is kept of an address, in whatever letters it is written. Nothing of what
    is no whole address."""
    address = address.strip()
    # A host alone, or a name, would match what was written to everybody with it.
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        return Kept(0, 0, 0, 0, False, 0)
    return Kept(
        messages=_messages(address).count(),
        named_in=_naming(address).count(),
        missing=_missing(address).count(),
        failed_jobs=_failed_jobs(address).count(),
        is_dead=_dead(address).exists(),
        unsubscriptions=_unsubscriptions(address).count(),
    )


def forget(address: str, *, by: User, reason: str) -> Kept:
    """Erase an address from the log of e-mails; what went out when and about what stays.

    So do accounts, seats and papers with it, which have pages of their own. Raises NothingKept,
    ReasonMissing, ReasonHoldsAddress.
    """
    address, reason = address.strip(), reason.strip()
    if not reason:
        raise ReasonMissing
    if "@" in reason:
        raise ReasonHoldsAddress
    with use_case():
        found = kept(address)
        if found.is_nothing:
            raise NothingKept
        # A row that stood for the address: its name in the audit log holds none.
        audit.record(FORGET, _row_of(address, by), by=by, reason=reason, messages=found.messages)
        _messages(address).update(address="", context=None, error="")
        _naming(address).update(context=None, error="")
        _missing(address).update(address="")
        _failed_jobs(address).update(args_kwargs=NO_ARGUMENTS, traceback="")
        _dead(address).delete()
        _unsubscriptions(address).delete()
    return found


def clear_old_labels(now: datetime.datetime | None = None) -> int:
    """Take addresses out of the names of rows in old lines of the audit log; of how many lines.

    An account without a name is called by its address there. Who did what, when and why stays.
    """
    before = (now or timezone.now()) - KEEP
    lines = ModelLogEntry.objects.filter(timestamp__lt=before, label__regex=ADDRESS)
    cleared = Func(
        F("label"), Value(ADDRESS), Value(INSTEAD), Value("g"), function="regexp_replace"
    )
    return lines.update(label=cleared)


# --- Where an address stands ----------------------------------------------------------------------


def _alone(address: str) -> str:
    """The address inside a text, not as a part of a longer one (`a@x.org` in `maria@x.org.uk`)."""
    return rf"(^|[^a-z0-9._%+-]){re.escape(address)}(?![a-z0-9-]|\.[a-z0-9])"


def _messages(address: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(address__iexact=address)


def _naming(address: str) -> QuerySet[Delivery]:
    """Messages to others whose words, or whose error, name it."""
    words = Delivery.objects.alias(words=Cast("context", TextField()))
    named = Q(words__iregex=_alone(address)) | Q(error__iregex=_alone(address))
    return words.filter(named).exclude(address__iexact=address)


def _missing(address: str) -> QuerySet[MissingMessage]:
    return MissingMessage.objects.filter(address__iexact=address)


def _failed_jobs(address: str) -> QuerySet[DBTaskResult]:
    """What a message could be sent with again; one that still waits forgets it when it is done."""
    jobs = DBTaskResult.objects.alias(words=Cast("args_kwargs", TextField()))
    return jobs.filter(
        Q(words__iregex=_alone(address)) | Q(traceback__iregex=_alone(address)),
        task_path__startswith="core.mail.",
        status=TaskResultStatus.FAILED,
    )


def _dead(address: str) -> QuerySet[DeadAddress]:
    return DeadAddress.objects.filter(address=address)


def _unsubscriptions(address: str) -> QuerySet[Unsubscription]:
    return Unsubscription.objects.filter(address=address)


def _row_of(address: str, by: User) -> Model:
    rows = (_messages, _naming, _missing, _dead, _unsubscriptions)
    return next((row for find in rows if (row := find(address).order_by("-pk").first())), by)
