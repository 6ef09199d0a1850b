"""What should have gone out, by dates and facts, compared with what did.

Each package registers what it owes by e-mail (`register`, in ``AppConfig.ready``): a function that
finds the messages due in a span of days, from its own rows and never from the log. A daily job
asks them all and looks each one up in the delivery log by what it is about. Staff see what is
missing and send it with one button.
"""

import datetime
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.mailing.models import Delivery, MissingMessage
from core.models import User
from core.refusals import Refusal
from core.transactions import use_case

logger = logging.getLogger(__name__)

# How far back the comparison looks: older messages would only confuse whoever gets them now.
LOOKS_BACK = datetime.timedelta(days=31)
STAYS_IN_SIGHT = datetime.timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Expected:
    """A message that is owed since ``due_on``.

    ``about`` is what `core.mail.enqueue_mail` was or would be given, and identifies it. ``send``
    does what should have been done, by the same code: a part of the caller's transaction, which may
    refuse. ``template``, ``to`` and ``language`` are what staff see of it.
    """

    about: str
    template: str
    to: str
    language: str
    due_on: datetime.date
    send: Callable[[], object]


def to_person(
    person: User,
    *,
    about: str,
    template: str,
    at: datetime.datetime | datetime.date,
    send: Callable[[], object],
) -> Expected:
    """A message that is owed to ``person`` since ``at``, in their language."""
    return Expected(
        about=about,
        template=template,
        to=person.email,
        language=person.preferred_language,
        due_on=day_of(at),
        send=send,
    )


def day_of(at: datetime.datetime | datetime.date) -> datetime.date:
    """The day of a moment; a day is its own."""
    return timezone.localdate(at) if isinstance(at, datetime.datetime) else at


# What is due from the first to the last day, both included.
Find = Callable[[datetime.date, datetime.date], Iterable[Expected]]

_registry: dict[str, Find] = {}


class NoLongerMissing(Refusal):
    message = _("This message is no longer missing: it went out, or nobody needs it any more.")


class NobodyToWriteTo(Refusal):
    message = _("There is nobody to write to: give somebody the right, or an address, first.")


def register(name: str, find: Find) -> None:
    """Have the daily comparison ask ``find``. Raises ValueError for a name that is taken."""
    if _registry.setdefault(name, find) != find:
        raise ValueError(f"Two expectations are named {name!r}.")


def compare(today: datetime.date | None = None) -> int:
    """Write down which messages are missing, and strike out those that no longer are; how many
    are.

    Yesterday is the last day looked at: today's jobs may still run. What happened before the log
    began cannot be compared.
    """
    day = today or timezone.localdate()
    span = _span(day)
    found: dict[tuple[str, str, str], Expected] = {}
    if span is not None:
        for name, find in _registry.items():
            try:
                missing = _not_in_the_log(list(find(*span)))
            except Exception:
                # One that goes wrong hides none of the others; its rows stay as they were.
                logger.exception("What should have gone out of %s could not be found.", name)
                continue
            found |= {(name, each.about, each.template): each for each in missing}
            _strike_out(name, {each.about for each in missing})
    for (name, about, template), each in found.items():
        MissingMessage.objects.get_or_create(
            expectation=name,
            about=about,
            template=template,
            defaults={"address": each.to, "language": each.language, "due_on": each.due_on},
        )
    return len(found)


def _strike_out(name: str, about: set[str]) -> None:
    MissingMessage.objects.filter(expectation=name).exclude(about__in=about).delete()


def _span(day: datetime.date) -> tuple[datetime.date, datetime.date] | None:
    began = Delivery.objects.aggregate(first=Min("queued_at"))["first"]
    if began is None:
        return None
    # What is missing stays in sight until somebody sees to it, for a long while.
    missing = MissingMessage.objects.aggregate(first=Min("due_on"))["first"]
    first = max(min(day - LOOKS_BACK, missing or day), day - STAYS_IN_SIGHT)
    first = max(first, timezone.localdate(began) + datetime.timedelta(days=1))
    last = day - datetime.timedelta(days=1)
    return (first, last) if first <= last else None


def _not_in_the_log(expected: list[Expected]) -> list[Expected]:
    """Those of which no message was queued since they fell due; one query for all of them."""
    logged: dict[str, datetime.date] = {}
    rows = Delivery.objects.filter(about__in={each.about for each in expected}, is_test=False)
    for about, queued_at in rows.order_by("queued_at").values_list("about", "queued_at"):
        logged[about] = timezone.localdate(queued_at)
    return [each for each in expected if logged.get(each.about, datetime.date.min) < each.due_on]


def send_missing(missing_id: int, *, by: User) -> None:
    """Send a missing message, once, as it should have been sent.

    Raises NoLongerMissing (and strikes it out), NobodyToWriteTo, and whatever the act refuses.
    """
    with use_case():
        missing = MissingMessage.objects.select_for_update().filter(pk=missing_id).first()
        each = _again(missing) if missing is not None else None
        if missing is not None:
            missing.delete()
        if each is not None:
            last = Delivery.objects.aggregate(last=Max("pk"))["last"] or 0
            each.send()
            if not Delivery.objects.filter(pk__gt=last).exists():
                raise NobodyToWriteTo
            sent = Delivery.objects.filter(about=each.about).order_by("-pk").first()
            if sent is not None:
                audit.record("core.send_missing", sent, by=by, about=each.about)
    if each is None:
        raise NoLongerMissing


def _again(missing: MissingMessage) -> Expected | None:
    """What is owed of a missing message now."""
    find = _registry.get(missing.expectation)
    if find is None:
        return None
    # Up to now, since what a reminder says depends on the day on which it is sent.
    due = find(missing.due_on, timezone.localdate())
    still = _not_in_the_log([each for each in due if each.about == missing.about])
    return still[0] if still else None
