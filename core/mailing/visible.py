"""Whose e-mails somebody sees: those of membership, dues and events, without a right over payments.

An address in the log says that somebody gave, and a donor may have asked not to be named. So do the
codes of the giving page: what is not named here is not shown.
"""

from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from core.mailing.models import DeadAddress, Delivery
from core.models import User

# Rights of a package that core knows nothing of, as in `core.mailing.texts`.
SEE_MONEY = "payments.view_payment"
OF_MEMBERS = ("membership_", "dues_", "events_")

M = TypeVar("M", bound=Model)


def may_see(person: User, template: str) -> bool:
    """Whether ``person`` may see to whom messages of ``template`` went."""
    if not person.has_perm("core.view_delivery"):
        return False
    return person.has_perm(SEE_MONEY) or template.startswith(OF_MEMBERS)


def for_person(rows: QuerySet[M], person: User) -> QuerySet[M]:
    """Those of ``rows`` (which have a ``template``) that ``person`` may see."""
    if person.has_perm(SEE_MONEY):
        return rows
    of_members = Q(pk__in=[])
    for start in OF_MEMBERS:
        of_members |= Q(template__startswith=start)
    return rows.filter(of_members)


def dead_for_person(person: User) -> QuerySet[DeadAddress]:
    """The dead addresses that ``person`` may see: those to which they see a message."""
    rows = DeadAddress.objects.all()
    if person.has_perm(SEE_MONEY):
        return rows
    sent = Delivery.objects.filter(address__iexact=OuterRef("address"))
    return rows.filter(Exists(for_person(sent, person)))
