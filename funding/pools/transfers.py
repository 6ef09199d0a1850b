"""Moving money from one pool to another: one person asks, another decides (rule 7), all of it public.

Overhead is a kind of transfer, allowed by the pool's published rate and never more than that.
"""

import uuid
from dataclasses import dataclass

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from core import audit
from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import use_case
from funding.ledger import queries as books
from funding.ledger import templates
from funding.ledger.entries import NewEntry, person
from funding.ledger.models import Entry, Pool
from funding.ledger.posting import post
from funding.payments.banking.accounts import GENERAL, ensure_accounts
from funding.payments.money_in import HOLDING
from funding.pools import transfer_refusals as refusals
from funding.pools.models import PoolProfile, PoolTransfer
from funding.pools.overhead import KEY
from funding.pools.overhead import overhead_due as overhead_due
from funding.pools.permissions import DECIDE_TRANSFER, REQUEST_TRANSFER

Kind = PoolTransfer.Kind
Basis = PoolTransfer.Basis

# --- Asking -----------------------------------------------------------------------------------------


def draft(
    *,
    from_pool: Pool,
    to_pool: Pool,
    amount: Money,
    kind: str,
    basis: str,
    basis_note: str = "",
    reason: str,
    by: User,
    form_token: uuid.UUID,
) -> PoolTransfer:
    """The request that these facts would make, not saved: for a preview."""
    return PoolTransfer(
        from_pool=from_pool,
        to_pool=to_pool,
        amount=amount.amount,
        currency=amount.currency,
        kind=kind,
        basis=basis,
        basis_note=basis_note.strip(),
        reason=reason.strip(),
        requested_by=by,
        form_token=form_token,
    )


def request_transfer(
    *,
    from_pool: Pool,
    to_pool: Pool,
    amount: Money,
    kind: str,
    basis: str,
    basis_note: str = "",
    reason: str,
    by: User,
    form_token: uuid.UUID,
) -> PoolTransfer:
    """Ask for a transfer; another person decides. The same form sent twice makes one request.

    Raises what `check_request` refuses; a refused attempt is recorded.
    """
    asked = draft(
        from_pool=from_pool,
        to_pool=to_pool,
        amount=amount,
        kind=kind,
        basis=basis,
        basis_note=basis_note,
        reason=reason,
        by=by,
        form_token=form_token,
    )
    if before := _of_form(form_token, by):
        return before
    try:
        with use_case():
            check_request(asked)
            asked.save(force_insert=True)
            audit.record(
                "pools.request_transfer",
                asked,
                by=by,
                reason=asked.reason,
                amount=str(asked.money),
                from_pool=from_pool.code,
                to_pool=to_pool.code,
            )
    except IntegrityError:
        # The same form twice at once: the other one was first.
        if before := _of_form(form_token, by):
            return before
        raise
    except Refusal as refusal:
        _record_refused(from_pool, "request", refusal, by=by)
        raise
    return asked


def _key(reference: object) -> str:
    return f"{KEY}{reference}"


def _of_form(form_token: uuid.UUID, by: User) -> PoolTransfer | None:
    return PoolTransfer.objects.filter(form_token=form_token, requested_by=by).first()


def check_request(asked: PoolTransfer) -> None:
    """Raise what refuses a request (`transfer_refusals`); reads only, so that a preview can ask."""
    if not asked.requested_by.has_perm(REQUEST_TRANSFER):
        raise refusals.NotPermitted
    if not asked.reason:
        raise refusals.ReasonMissing
    check(asked)


def check(transfer: PoolTransfer) -> None:
    """Raise what a transfer must keep when it is asked for and when it is decided on."""
    _check_pools(transfer)
    profile = PoolProfile.objects.select_related("pool").filter(pk=transfer.from_pool_id).first()
    _check_basis(transfer, profile)
    if transfer.amount <= 0:
        raise refusals.AmountWanted
    if transfer.kind == Kind.OVERHEAD:
        _check_overhead(transfer, profile)
    available = available_of(transfer.from_pool, transfer.currency)
    if available < transfer.money:
        raise refusals.MoreThanAvailable(
            pool=transfer.from_pool.name,
            available=available.format(),
            wanted=transfer.money.format(),
        )


def available_of(pool: Pool, currency: str) -> Money:
    """What the pool can still decide on in that currency, by the books."""
    accounts = books.balances(pool, currency)
    return Money(books.available_from_accounts(accounts), currency)


def _check_pools(transfer: PoolTransfer) -> None:
    if transfer.from_pool_id == transfer.to_pool_id:
        raise refusals.SamePool
    for pool in (transfer.from_pool, transfer.to_pool):
        if pool.code == HOLDING:
            raise refusals.NotAPool(pool=pool.name)
        # The general pool takes every currency; any other its own alone.
        if pool.currency != transfer.currency and pool.code != GENERAL:
            raise refusals.OtherCurrency(pool=pool.name, currency=transfer.currency)


def _check_basis(transfer: PoolTransfer, profile: PoolProfile | None) -> None:
    overhead, by_rate = transfer.kind == Kind.OVERHEAD, transfer.basis == Basis.RATE
    if overhead and not by_rate:
        raise refusals.OverheadByRate
    if by_rate and not overhead:
        raise refusals.RateIsForOverhead
    restricted = profile is not None and profile.restricted
    if restricted and transfer.basis == Basis.UNRESTRICTED:
        raise refusals.BasisWanted(pool=transfer.from_pool.name)
    if transfer.basis in (Basis.TERMS, Basis.CONSENT) and not transfer.basis_note:
        raise refusals.BasisNoteMissing


def _check_overhead(transfer: PoolTransfer, profile: PoolProfile | None) -> None:
    if transfer.to_pool.code != GENERAL:
        general = Pool.objects.filter(code=GENERAL).first()
        raise refusals.OverheadToGeneral(pool=general.name if general else GENERAL)
    if profile is None or not profile.overhead_rate:
        raise refusals.NoOverheadRate(pool=transfer.from_pool.name)
    due = overhead_due(profile)
    if due < transfer.money:
        raise refusals.MoreThanOverheadDue(
            due=due.format(), wanted=transfer.money.format(), pool=transfer.from_pool.name
        )


# --- Deciding ---------------------------------------------------------------------------------------


def decide_transfer(
    transfer: PoolTransfer, *, by: User, approved: bool, note: str = ""
) -> PoolTransfer:
    """Another person's yes, which moves the money, or no, which ends the request.

    The same decision of the same person twice is one. Raises NotPermitted, OwnRequest,
    DecidedBefore, NoteMissing, what `check` refuses by now, and what the ledger refuses; a refused
    attempt is recorded.
    """
    try:
        with use_case():
            transfer = _lock(transfer)
            if (transfer.decided_by_id, transfer.approved) == (by.pk, approved):
                return transfer
            require_decider(transfer, by)
            note = note.strip()
            if not approved and not note:
                raise refusals.NoteMissing
            if approved:
                check(transfer)
            transfer.approved = approved
            transfer.decided_by = by
            transfer.decided_at = timezone.now()
            transfer.decision_note = note
            transfer.save(update_fields=["approved", "decided_by", "decided_at", "decision_note"])
            if approved:
                if transfer.to_pool.code == GENERAL:
                    ensure_accounts(transfer.to_pool, transfer.currency)
                post(entry_of(transfer))
            audit.record(
                "pools.approve_transfer" if approved else "pools.decline_transfer",
                transfer,
                by=by,
                reason=note,
                amount=str(transfer.money),
            )
    except Refusal as refusal:
        _record_refused(transfer, "approve" if approved else "decline", refusal, by=by)
        raise
    return transfer


def _lock(transfer: PoolTransfer) -> PoolTransfer:
    """The request locked, and with it the pool's terms: overhead that is taken twice at once waits
    here, before the books lock their pools."""
    # Not nullable in this row, so PostgreSQL can lock it through the join.
    locked = (
        PoolTransfer.objects.select_for_update(of=("self",))
        .select_related("from_pool", "to_pool", "requested_by")
        .get(pk=transfer.pk)
    )
    list(PoolProfile.objects.select_for_update(no_key=True).filter(pk=locked.from_pool_id))
    return locked


def require_decider(transfer: PoolTransfer, by: User) -> None:
    """Raise the Refusal that keeps ``by`` from deciding on ``transfer``, if one does."""
    if not by.has_perm(DECIDE_TRANSFER):
        raise refusals.NotPermitted
    if transfer.requested_by_id == by.pk:
        raise refusals.OwnRequest
    if transfer.decided_at is not None:
        raise refusals.DecidedBefore


def entry_of(transfer: PoolTransfer) -> NewEntry:
    """The entry of a transfer. It has no memo: the reason is staff's own words, and stands on the
    public page, where they can be mended; the books cannot."""
    decided_at = transfer.decided_at or timezone.now()
    return templates.transfer_between_pools(
        key=_key(transfer.reference),
        pool=transfer.from_pool.code,
        to_pool=transfer.to_pool.code,
        currency=transfer.currency,
        amount=transfer.amount,
        overhead=transfer.kind == Kind.OVERHEAD,
        date=timezone.localdate(decided_at),
        source=_key(transfer.reference),
        prepared_by=person(transfer.requested_by_id),
        approved_by=(person(transfer.decided_by_id),) if transfer.decided_by_id else (),
    )


def _record_refused(
    about: Pool | PoolTransfer, attempt: str, refusal: Refusal, *, by: User
) -> None:
    """Keep an attempt that a rule refused in the audit log, in a transaction of its own."""
    with use_case(), override("en"):
        audit.record(
            "pools.transfer_refused",
            about,
            by=by,
            reason=str(refusal),
            attempt=attempt,
            rule=type(refusal).__name__,
        )


# --- Reading ----------------------------------------------------------------------------------------


def waiting_for(user: User) -> QuerySet[PoolTransfer]:
    """The requests on which ``user`` can decide."""
    return PoolTransfer.objects.filter(decided_at=None).exclude(requested_by=user)


# Groups of staff → how the public page calls who is in them.
ROLES: dict[str, Promise] = {
    "Treasurers": _("a treasurer"),
    "Administrators": _("an administrator"),
}
STAFF = _("a member of staff")


@dataclass(frozen=True, slots=True)
class PublicTransfer:
    """A transfer as the public reads it: who asked and who agreed by their role, never by name.

    ``entry``: the number of its entry in the books; ``reversed_by``: of the entry that took it back.
    """

    transfer: PoolTransfer
    entry: int | None
    reversed_by: int | None
    asked: str
    agreed: str

    @property
    def money(self) -> Money:
        return self.transfer.money


def approved_transfers() -> QuerySet[PoolTransfer]:
    """The transfers that were made, newest first."""
    found = PoolTransfer.objects.filter(approved=True).select_related("from_pool", "to_pool")
    return found.order_by("-decided_at", "-pk")


def as_public(transfers: "QuerySet[PoolTransfer] | list[PoolTransfer]") -> list[PublicTransfer]:
    """The rows with their entries and roles, in a fixed number of queries."""
    rows = list(transfers)
    by_key = {
        entry.idempotency_key: entry
        for entry in Entry.objects.filter(
            idempotency_key__in=[_key(row.reference) for row in rows]
        ).select_related("reversed_by")
    }
    roles = _roles({who for row in rows for who in (row.requested_by_id, row.decided_by_id) if who})
    public = []
    for row in rows:
        entry = by_key.get(_key(row.reference))
        undone = getattr(entry, "reversed_by", None)
        public.append(
            PublicTransfer(
                transfer=row,
                entry=entry.pk if entry else None,
                reversed_by=undone.pk if undone else None,
                asked=roles.get(row.requested_by_id, str(STAFF)),
                agreed=roles.get(row.decided_by_id or 0, str(STAFF)),
            )
        )
    return public


def _roles(user_ids: set[int]) -> dict[int, str]:
    """What each person is here, in a word: by the first of `ROLES` whose group they are in today."""
    groups = User.groups.through.objects.filter(user_id__in=user_ids, group__name__in=ROLES)
    named = set(groups.values_list("user_id", "group__name"))
    return {
        user_id: str(word)
        for group, word in reversed(ROLES.items())
        for user_id in user_ids
        if (user_id, group) in named
    }
