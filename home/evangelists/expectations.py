"""What evangelists are owed by e-mail: the word before their year ends, on its last day, and after."""

import datetime
from collections.abc import Iterator
from functools import partial

from core.mailing.expectations import Expected
from home.evangelists import confirming, service
from home.models import Confirmation, ConfirmationNotice, Evangelist

Kind = ConfirmationNotice.Kind


def reminders(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """The last letter that fell due from ``first`` to ``last`` for each year that ends.

    Whoever was a day in between is owed the later letter alone, as the job writes it.
    """
    found = confirming.ending(last)
    people = service.people_of(found)
    newest, asked_to_return = _confirmations(found)
    for evangelist in found:
        confirmation = newest.get(evangelist.pk)
        person = people.get(evangelist.pk)
        if confirmation is None or confirmation.counts_from is None or person is None:
            continue
        until = service.last_day(confirmation.counts_from)
        kind = confirming.kind_on(until, last)
        if kind is None or not person.is_active or evangelist.pk in asked_to_return:
            continue
        due_on = {
            Kind.SOON: until - confirming.REMIND_BEFORE,
            Kind.LAST_DAY: until,
            Kind.ENDED: until + datetime.timedelta(days=1),
        }[kind]
        if due_on < first:
            continue
        template = "evangelist_alumni" if kind == Kind.ENDED else "evangelist_confirm"
        yield Expected(
            about=confirming.about_notice(evangelist, confirmation, kind),
            template=template,
            to=person.email,
            language=person.preferred_language,
            due_on=due_on,
            send=partial(_send, evangelist, confirmation, kind),
        )


def _confirmations(of: list[Evangelist]) -> tuple[dict[int, Confirmation], set[int]]:
    """The confirmation of each that counts last, and who waits for staff; by one query."""
    newest: dict[int, Confirmation] = {}
    asked_to_return = set()
    for row in Confirmation.objects.filter(evangelist__in=of).order_by("counts_from"):
        if row.counts_from is not None:
            newest[row.evangelist_id] = row
        elif row.asks_staff and row.decided_at is None:
            asked_to_return.add(row.evangelist_id)
    return newest, asked_to_return


def _send(evangelist: Evangelist, confirmation: Confirmation, kind: Kind) -> None:
    person = service.person_of(evangelist)
    if person is None:
        return
    ConfirmationNotice.objects.get_or_create(confirmation=confirmation, kind=kind)
    confirming.send_notice(evangelist, person, confirmation, kind)
