"""What of the e-mails stands in the panel "What needs you"."""

import datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from core.mailing import catalogue, log, texts
from core.mailing.models import DeadAddress, Delivery, MailText, MissingMessage
from core.mailing.visible import for_person
from core.models import User
from funding.payments.backoffice.panel import Need, counted
from membership.models import Seat, SeatRole

WITHHELD = Delivery.State.WITHHELD.value
# How long others are told of a changed text by which people pay or sign in.
TOLD_FOR = datetime.timedelta(days=7)


def of_mail(person: User) -> list[Need | None]:
    """What somebody may act on, most urgent first."""
    found: list[Need | None] = []
    if person.has_perm(log.SEND):
        found += [_missing(person), _unreachable(), _withheld(person), _in_trouble(person)]
    if person.has_perm(texts.CHANGE):
        found.append(_broken(person))
        found += _changed(person)
    return found


def _missing(person: User) -> Need | None:
    return counted(
        for_person(MissingMessage.objects.all(), person).count(),
        lambda count: ngettext(
            "%(count)s e-mail should have gone out and did not",
            "%(count)s e-mails should have gone out and did not",
            count,
        ),
        reverse("mail_missing:index"),
    )


def _in_trouble(person: User) -> Need | None:
    return counted(
        for_person(Delivery.objects.filter(log.needing_a_hand()), person).count(),
        lambda count: ngettext(
            "%(count)s e-mail failed or came back",
            "%(count)s e-mails failed or came back",
            count,
        ),
        f"{reverse('mail_log:index')}?state=hand",
    )


def _withheld(person: User) -> Need | None:
    """The address is dead: somebody asks the organisation, or the donor, for another."""
    return counted(
        for_person(Delivery.objects.filter(log.withheld()), person).count(),
        lambda count: ngettext(
            "%(count)s e-mail was withheld, as mail to its address comes back: ask for another address",
            "%(count)s e-mails were withheld, as mail to their addresses comes back: ask for others",
            count,
        ),
        f"{reverse('mail_log:index')}?state={WITHHELD}",
    )


def _broken(person: User) -> Need | None:
    newest = MailText.objects.order_by("template", "language", "-number").distinct(
        "template", "language"
    )
    broken = sum(1 for row in newest if _is_broken(row, person))
    return counted(
        broken,
        lambda count: ngettext(
            "%(count)s text of an e-mail could not be filled",
            "%(count)s texts of e-mails could not be filled",
            count,
        ),
        reverse("mail_texts:index"),
    )


def _is_broken(row: MailText, person: User) -> bool:
    is_standing = row.broke_at is not None and not row.is_back
    return is_standing and texts.may_change(person, row.template)


def _changed(person: User) -> list[Need | None]:
    """Somebody else rewrote a text by which people pay, or sign in: a second pair of eyes looks."""
    rows = MailText.objects.filter(changed_at__gte=timezone.now() - TOLD_FOR)
    changed = {
        (row.template, row.language)
        for row in rows.exclude(changed_by=person)
        if texts.right_besides(row.template) and texts.may_change(person, row.template)
    }
    of_sign_in = {each for each in changed if catalogue.is_of_sign_in(each[0])}
    return [
        counted(
            len(changed - of_sign_in),
            lambda count: ngettext(
                "%(count)s text of an e-mail by which people pay was changed in the last 7 days",
                "%(count)s texts of e-mails by which people pay were changed in the last 7 days",
                count,
            ),
            _page_of(changed - of_sign_in),
        ),
        counted(
            len(of_sign_in),
            lambda count: ngettext(
                "%(count)s text of an e-mail by which people sign in was changed in the last 7 days",
                "%(count)s texts of e-mails by which people sign in were changed in the last 7 days",
                count,
            ),
            _page_of(of_sign_in),
        ),
    ]


def _page_of(changed: set[tuple[str, str]]) -> str:
    if len(changed) == 1:
        return reverse("mail_texts:text", args=next(iter(changed)))
    return reverse("mail_texts:index")


def _unreachable() -> Need | None:
    dead = DeadAddress.objects.filter(address=Lower(OuterRef("person__email")))
    contacts = Seat.objects.filter(
        Exists(dead), roles__contains=[SeatRole.PRIMARY_CONTACT], person__is_active=True
    )
    return counted(
        contacts.count(),
        lambda count: ngettext(
            "Mail to %(count)s primary contact comes back",
            "Mail to %(count)s primary contacts comes back",
            count,
        ),
        reverse("mail_dead:index"),
    )
