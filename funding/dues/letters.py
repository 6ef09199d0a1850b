"""E-mails about dues: to whom they go, and what all of them say, each in its reader's language."""

import datetime
from collections.abc import Iterable, Mapping

from django.utils import formats
from django.utils.translation import override

from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from funding.dues.refusals import NobodyToBill
from funding.payments.models import Invoice
from membership.links import path_in
from membership.models import Organisation, Seat, SeatRole

# A day is written out and money formatted in the reader's language; None is an empty text.
Value = str | datetime.date | Money | None


def who_pays(organisation: Organisation) -> list[User]:
    """The billing contacts, else the primary contact. Raises NobodyToBill."""
    people = who_reads(organisation)
    if not people:
        raise NobodyToBill(organisation=organisation)
    return people


def who_reads(organisation: Organisation) -> list[User]:
    """As `who_pays`; nobody where there is nobody."""
    return readers_of([organisation.pk])[organisation.pk]


def readers_of(organisations: Iterable[int]) -> dict[int, list[User]]:
    """`who_reads` of each organisation; one query for all."""
    seats: dict[int, list[Seat]] = {pk: [] for pk in organisations}
    rows = Seat.objects.filter(organisation__in=seats, person__is_active=True)
    for seat in rows.select_related("person").order_by("pk"):
        seats[seat.organisation_id].append(seat)
    return {pk: _readers_among(places) for pk, places in seats.items()}


def _readers_among(seats: list[Seat]) -> list[User]:
    for role in (SeatRole.BILLING_CONTACT, SeatRole.PRIMARY_CONTACT):
        found = [seat.person for seat in seats if role in seat.roles]
        if found:
            return found
    return []


@inside_transaction
def write(
    template: str,
    person: User,
    organisation: str,
    values: Mapping[str, Value],
    *,
    about: str,
    invoice: Invoice | None = None,
    asked: Money | None = None,
) -> None:
    """Write to ``person`` about the dues of ``organisation``, with ``invoice`` where there is one.

    ``about``: as `core.mail.enqueue_mail`. ``asked``: what the invoice asks for, where that is not
    its sum.
    """
    language, said = person.preferred_language, dict(values)
    if invoice is not None:
        said |= {
            "number": invoice.number,
            "amount": invoice.money if asked is None else asked,
            "due_on": invoice.due_on,
            "invoice_path": invoice.get_absolute_url(),
        }
    with override(language):
        context = {
            "name": person.get_short_name(),
            "organisation": organisation,
            "path": path_in(language, "membership_area"),
            **{name: _in_words(value, language) for name, value in said.items()},
        }
    enqueue_mail(
        template,
        to=person.email,
        language=language,
        context=context,
        attachments=[("invoice", str(invoice.public_id))] if invoice else [],
        about=about,
    )


def _in_words(value: Value, language: str) -> str:
    if isinstance(value, datetime.date):
        return formats.date_format(value)
    if isinstance(value, Money):
        return value.format(language)
    return str(value or "")
