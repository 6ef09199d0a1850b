"""Two rows that are one organisation become one. Staff decide so; a name alone never does."""

from dataclasses import dataclass
from typing import Any

import pgtrigger
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import formats, timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.models import JoinRequest, Organisation, Seat, SeatRole, Term, TierChange
from membership.profile import CHANGE, require_no_seat
from membership.refusals import (
    NotPermitted,
    OrganisationMerged,
    ReasonMissing,
    RowsClash,
    SameOrganisation,
    TermsOverlap,
)
from membership.seats import in_order

# What the kept row says of the organisation, unless it says nothing.
_FILLED = ("website", "description", "description_fr", "description_pt", "stated_identifier")
_SINGLE = (SeatRole.PRIMARY_CONTACT, SeatRole.VOTING_REPRESENTATIVE)


def merge(kept: Organisation, gone: Organisation, *, by: User, reason: str) -> Organisation:
    """Hang all of ``gone`` on ``kept`` and return that; ``gone`` stays, empty, and points to it.

    Terms keep their numbers, so their invoices and entries follow. Facts that nobody may change
    (accepted agreements) stay on ``gone``, where they are found through `Organisation.merged`.
    Raises NotPermitted, OwnRequest, ReasonMissing, SameOrganisation, OrganisationMerged,
    TermsOverlap and RowsClash.
    """
    with use_case():
        kept, gone = _lock(kept, gone)
        if not by.has_perm(CHANGE):
            raise NotPermitted
        require_no_seat(by, kept, gone)
        if not reason.strip():
            raise ReasonMissing
        for organisation in (kept, gone):
            if organisation.merged_into_id is not None:
                raise OrganisationMerged(organisation=organisation)
        if overlapping := overlap(kept, gone):
            raise TermsOverlap(kept=_days(overlapping[0]), gone=_days(overlapping[1]))
        _require_one_change(kept, gone)
        kept.currency = _pays_last(kept, gone).currency
        moved = {"seats": _move_seats(kept, gone)}
        _end_what_both_have(kept, gone, by=by)
        moved |= _move_rows(kept, gone)
        Organisation.objects.filter(merged_into=gone).update(merged_into=kept)
        _fill(kept, gone)
        gone.merged_into, gone.merged_at = kept, timezone.now()
        gone.save(update_fields=["merged_into", "merged_at"])
        said: dict[str, Any] = {"by": by, "reason": reason.strip(), "moved": moved}
        audit.record("membership.merge_organisations", kept, merged=gone.pk, **said)
        audit.record("membership.merge_organisations", gone, into=kept.pk, **said)
    return kept


def overlap(kept: Organisation, gone: Organisation) -> tuple[Term, Term] | None:
    """A term of each that share a day, or None. The database refuses those too."""
    others = [term for term in gone.terms.all() if term.last_day >= term.starts_on]
    for term in kept.terms.all():
        for other in others:
            if term.starts_on <= other.last_day and other.starts_on <= term.last_day:
                return term, other
    return None


def _require_one_change(kept: Organisation, gone: Organisation) -> None:
    """Raise RowsClash where both wait for a change of tier: one of them is withdrawn first."""
    waiting = TierChange.objects.filter(
        term__organisation__in=[kept, gone], applied_on__isnull=True, ended_on__isnull=True
    )
    if waiting.count() > 1:
        raise RowsClash(what=TierChange._meta.verbose_name)


def _pays_last(kept: Organisation, gone: Organisation) -> Organisation:
    """The one whose last term ends later: the next one is billed in its currency."""
    last = (
        Term.objects.filter(organisation__in=[kept, gone], cancelled_on__isnull=True)
        .order_by("-ends_on")
        .first()
    )
    return gone if last is not None and last.organisation_id == gone.pk else kept


@dataclass(frozen=True, slots=True)
class Hanging:
    """How much of what hangs on an organisation."""

    label: str
    count: int


def what_hangs_on(organisation: Organisation) -> list[Hanging]:
    """All that names ``organisation``, of which there is something."""
    found = []
    for relation in _relations():
        count = _rows(relation, organisation).count()
        if count:
            found.append(Hanging(str(relation.related_model._meta.verbose_name_plural), count))
    return found


@inside_transaction
def _lock(kept: Organisation, gone: Organisation) -> tuple[Organisation, Organisation]:
    """Both rows, locked in one order whoever asks."""
    if kept.pk == gone.pk:
        raise SameOrganisation
    rows = (
        Organisation.objects.select_for_update()
        .filter(pk__in=[kept.pk, gone.pk])
        .order_by("pk")
        .in_bulk()
    )
    return rows[kept.pk], rows[gone.pk]


@inside_transaction
def _move_seats(kept: Organisation, gone: Organisation) -> int:
    """Seat the people of ``gone`` in ``kept``; of a role that one person alone has, that of
    ``kept`` stays. Who sits in both has what they had in either."""
    own = {seat.person_id: seat for seat in kept.seats.select_for_update()}
    coming = list(gone.seats.select_for_update().order_by("pk"))
    taken = {role for seat in own.values() for role in seat.roles if role in _SINGLE}
    for seat in coming:
        roles = [role for role in seat.roles if role not in taken]
        taken.update(role for role in roles if role in _SINGLE)
        there = own.get(seat.person_id)
        if there is None:
            # With its roles and its organisation at once: in between it would be without a role.
            Seat.objects.filter(pk=seat.pk).update(organisation=kept, roles=in_order(roles))
            continue
        seat.delete()
        there.roles = in_order([*there.roles, *roles])
        there.save(update_fields=["roles"])
    return len(coming)


@inside_transaction
def _end_what_both_have(kept: Organisation, gone: Organisation, *, by: User) -> None:
    """End what may be open once: an invitation of ``gone`` where ``kept`` invites that address too,
    and requests of people who ask both, or whom the merge has seated."""
    now = timezone.now()
    invited = kept.invitations.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    gone.invitations.filter(
        accepted_at__isnull=True, withdrawn_at__isnull=True, email__in=invited.values("email")
    ).update(withdrawn_at=now, withdrawn_by=by)
    asked = JoinRequest.objects.filter(state=JoinRequest.State.OPEN)
    seated = Q(organisation__in=[kept, gone], person__in=kept.seats.values("person"))
    twice = Q(organisation=gone, person__in=asked.filter(organisation=kept).values("person"))
    asked.filter(seated | twice).update(
        state=JoinRequest.State.WITHDRAWN, decided_at=now, decided_by=by
    )


def _relations() -> list[Any]:
    """Every foreign key to an organisation, in whatever package, but for merges and seats."""
    return [
        relation
        for relation in Organisation._meta.related_objects
        if relation.related_model is not Organisation
        and (relation.one_to_many or relation.one_to_one)
    ]


def _rows(relation: Any, organisation: Organisation) -> models.QuerySet[Any]:
    rows: models.QuerySet[Any] = relation.related_model._base_manager.filter(
        **{relation.field.name: organisation}
    )
    return rows


def _may_move(model: type[models.Model]) -> bool:
    """Whether rows may change at all: facts such as acceptances are protected by a trigger."""
    return not any(
        isinstance(trigger, pgtrigger.Protect) and "UPDATE" in str(trigger.operation)
        for trigger in getattr(model._meta, "triggers", [])
    )


@inside_transaction
def _move_rows(kept: Organisation, gone: Organisation) -> dict[str, int]:
    moved: dict[str, int] = {}
    for relation in _relations():
        model = relation.related_model
        if model is Seat or not _may_move(model):
            continue
        try:
            with transaction.atomic():
                count = _rows(relation, gone).update(**{relation.field.name: kept})
        except IntegrityError as error:
            raise RowsClash(what=model._meta.verbose_name) from error
        if count:
            moved[str(model._meta.label_lower)] = count
    return moved


@inside_transaction
def _fill(kept: Organisation, gone: Organisation) -> None:
    for name in _FILLED:
        setattr(kept, name, getattr(kept, name) or getattr(gone, name))
    if not kept.registration_number:
        kept.registration_agency = gone.registration_agency
        kept.registration_number = gone.registration_number
    if kept.logo_id is None:
        # In one place alone, so that who removes it there removes it.
        kept.logo, kept.logo_approved = gone.logo, gone.logo_approved
        gone.logo, gone.logo_approved = None, False
        gone.save(update_fields=["logo", "logo_approved"])
    # What either kept out of the directory stays out.
    kept.hidden_fields = sorted({*kept.hidden_fields, *gone.hidden_fields})
    kept.save()


def _days(term: Term) -> str:
    first, last = formats.date_format(term.starts_on), formats.date_format(term.last_day)
    return f"{first} – {last}"
