"""Nomination: somebody is put forward, the person accepts for themself, staff decide.

The mail has a link and a code. The link only finds the nomination; to accept is an act of a person
signed in who has confirmed the address, or who types the code.
"""

import datetime
import uuid
from dataclasses import dataclass

from django.core.signing import BadSignature, Signer
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import override
from wagtail.models import Locale
from wagtail_localize.synctree import create_aliases_for_new_page

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction, use_case
from core.typed_codes import hashes_of, new_code
from home.evangelists import service, terms
from home.evangelists.refusals import (
    AlreadyEvangelist,
    AlreadyNominated,
    AskedNotTo,
    CodeUnknown,
    NominationAnswered,
    NominationExpired,
    NominationWithdrawn,
    NothingToDecide,
    NotToDecide,
    NotYourOrganisation,
    NotYours,
    OtherAddress,
    OwnNomination,
    ReasonMissing,
    TooManyNominations,
)
from home.evangelists.writing import about, tell
from home.models import (
    Confirmation,
    Evangelist,
    EvangelistIndexPage,
    EvangelistPage,
    Level,
    Nomination,
)
from membership.links import path_in
from membership.models import Organisation, Term
from membership.seats import confirmed_addresses

State = Nomination.State
DECIDE = "home.decide_nomination"
MOST_A_DAY = 5
# Who said no is left in peace for this long.
PEACE = datetime.timedelta(days=180)
_signer = Signer(salt="home.evangelists.nominations")


@dataclass(frozen=True, slots=True)
class Offer:
    """Whom somebody puts forward, and why. ``language`` is that of the mail."""

    name: str
    email: str
    level: str
    reason: str
    language: str
    organisation: Organisation | None = None
    successor_of: Evangelist | None = None
    follows_in: str = ""


# --- Whoever nominates ----------------------------------------------------------------------------


def represented_by(person: User) -> QuerySet[Organisation]:
    """The member organisations of today in whose name ``person`` may nominate."""
    standing = Term.objects.standing(timezone.localdate()).filter(organisation=OuterRef("pk"))
    return Organisation.objects.filter(Exists(standing), seats__person=person).distinct()


def nominate(offer: Offer, *, by: User, form_token: uuid.UUID) -> Nomination:
    """Put somebody forward and write to them; oneself too, with no mail to wait for.

    The same ``form_token`` again finds the first nomination. Raises NotYourOrganisation, NotYours,
    TooManyNominations, AlreadyEvangelist, AlreadyNominated, AskedNotTo.
    """
    email = offer.email.strip().lower()
    now = timezone.now()
    with use_case():
        # Forms sent twice and the limit of a day: one at a time for each person.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        known = Nomination.objects.filter(form_token=form_token, nominated_by=by).first()
        if known is not None:
            return known
        _require_may_nominate(offer, by, now)
        _require_free(email, now)
        code = new_code()
        nomination = Nomination.objects.create(
            form_token=form_token,
            nominated_by=by,
            organisation=offer.organisation,
            successor_of=offer.successor_of,
            follows_in=offer.follows_in,
            name=offer.name,
            email=email,
            level=Level(offer.level),
            reason=offer.reason,
            language=offer.language,
            code_hash=hashes_of(code)[0],
            created_at=now,
            expires_at=now + Nomination.VALID,
        )
        audit.record("home.nominate_evangelist", nomination, by=by)
        if email not in confirmed_addresses(by):
            _write_to_nominated(nomination, code)
    return nomination


def _require_may_nominate(offer: Offer, by: User, now: datetime.datetime) -> None:
    if offer.organisation is not None and offer.organisation not in represented_by(by):
        raise NotYourOrganisation
    if offer.successor_of is not None and service.evangelist_of(by) != offer.successor_of:
        raise NotYours
    lately = by.evangelist_nominations.filter(created_at__gt=now - datetime.timedelta(days=1))
    if lately.count() >= MOST_A_DAY:
        raise TooManyNominations(number=MOST_A_DAY)


def _require_free(email: str, now: datetime.datetime) -> None:
    """Nobody is asked twice, and who said no is left in peace."""
    # Two who nominate the same person at the same moment wait for each other at the constraint;
    # the lock lets the second read why.
    same = Nomination.objects.select_for_update().filter(email=email)
    if EvangelistPage.objects.filter(_person_reads(email)).exists():
        raise AlreadyEvangelist
    for each in same:
        if each.state == State.WAITING or each.state == State.INVITED:
            raise AlreadyNominated
        if each.state == State.REFUSED and each.refused_at and each.refused_at > now - PEACE:
            raise AskedNotTo
        if each.state == State.EXPIRED:
            each.withdrawn_at = now
            each.save(update_fields=["withdrawn_at"])


def _person_reads(email: str) -> Q:
    return Q(person__email__iexact=email) | Q(
        person__emailaddress__email__iexact=email, person__emailaddress__verified=True
    )


def _write_to_nominated(nomination: Nomination, code: str) -> None:
    """Name who nominates and the level, and nothing that they typed: strangers get this mail."""
    language = nomination.language
    with override(language):
        organisation = nomination.organisation
        enqueue_mail(
            "evangelist_nominated",
            to=nomination.email,
            language=language,
            context={
                "name": "",
                "inviter": str(nomination.nominated_by),
                "organisation": organisation.public_name if organisation else "",
                "level": str(Level(nomination.level).label),
                "code": code,
                "until": formats.date_format(timezone.localdate(nomination.expires_at)),
                "path": path_in(language, "evangelist_nomination", token_of(nomination)),
                "code_path": path_in(language, "evangelist_nomination_code"),
            },
            about=f"nomination:{nomination.pk}/invited",
        )


def withdraw(nomination: Nomination, *, by: User) -> None:
    """Take a nomination back that nobody answered. Raises NotYours, NominationAnswered."""
    with use_case():
        nomination = _locked(nomination)
        if nomination.nominated_by_id != by.pk:
            raise NotYours
        if nomination.withdrawn_at is not None:
            return
        if nomination.state not in (State.INVITED, State.EXPIRED):
            raise NominationAnswered
        nomination.withdrawn_at = timezone.now()
        nomination.save(update_fields=["withdrawn_at"])
        audit.record("home.withdraw_nomination", nomination, by=by)


# --- The person nominated -------------------------------------------------------------------------


def token_of(nomination: Nomination) -> str:
    """What stands in the link: the nomination's id and a signature."""
    return _signer.sign(str(nomination.public_id))


def find(token: str) -> Nomination | None:
    """The nomination of a link; None for a link that is not whole or was changed."""
    try:
        public_id = uuid.UUID(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
    return (
        Nomination.objects.filter(public_id=public_id)
        .select_related("nominated_by", "organisation")
        .first()
    )


def find_by_code(code: str) -> Nomination:
    """The open nomination of a code. Raises CodeUnknown."""
    found = Nomination.objects.filter(code_hash__in=hashes_of(code)).first()
    if found is None or found.state != State.INVITED:
        raise CodeUnknown
    return found


def waiting_for(person: User) -> list[Nomination]:
    """The open nominations of the addresses that ``person`` has confirmed."""
    found = Nomination.objects.filter(
        email__in=confirmed_addresses(person),
        accepted_at=None,
        refused_at=None,
        withdrawn_at=None,
        expires_at__gt=timezone.now(),
    )
    return list(found.select_related("nominated_by", "organisation"))


def accept(
    nomination: Nomination, *, by: User, version_id: int | None, code: str = ""
) -> Nomination:
    """Agree to be an evangelist and accept the terms; staff decide next. Once more changes nothing.

    Raises NominationOver, OtherAddress, AlreadyEvangelist, AlreadyNominated, and what
    `terms.accept` raises.
    """
    with use_case():
        nomination = _locked(nomination)
        if nomination.accepted_by_id == by.pk:
            return nomination
        _require_addressed(nomination, by, code)
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        if service.evangelist_of(by) is not None:
            raise AlreadyEvangelist
        waiting = Nomination.objects.filter(accepted_by=by, decided_at=None)
        if waiting.exists():
            raise AlreadyNominated
        terms.accept(by, version_id)
        nomination.accepted_at = timezone.now()
        nomination.accepted_by = by
        nomination.save(update_fields=["accepted_at", "accepted_by"])
        audit.record("home.accept_nomination", nomination, by=by, by_code=bool(code))
    return nomination


def refuse(nomination: Nomination, *, by: User, code: str = "") -> None:
    """Say no, once and for half a year. Raises NominationOver, OtherAddress."""
    with use_case():
        nomination = _locked(nomination)
        if nomination.refused_at is not None:
            return
        _require_addressed(nomination, by, code)
        nomination.refused_at = timezone.now()
        nomination.save(update_fields=["refused_at"])
        audit.record("home.refuse_nomination", nomination, by=by)


def require_open(nomination: Nomination) -> None:
    """Raise what ended it: NominationAnswered, NominationWithdrawn, NominationExpired."""
    match nomination.state:
        case State.INVITED:
            return
        case State.WITHDRAWN:
            raise NominationWithdrawn
        case State.EXPIRED:
            day = formats.date_format(timezone.localdate(nomination.expires_at))
            raise NominationExpired(day=day)
        case _:
            raise NominationAnswered


def is_for(nomination: Nomination, person: User) -> bool:
    return nomination.email in confirmed_addresses(person)


def _require_addressed(nomination: Nomination, by: User, code: str) -> None:
    require_open(nomination)
    if code and nomination.code_hash in hashes_of(code):
        return
    if not is_for(nomination, by):
        raise OtherAddress(email=nomination.email)


def _locked(nomination: Nomination) -> Nomination:
    rows = Nomination.objects.select_for_update(of=("self",))
    return rows.select_related("nominated_by", "organisation").get(pk=nomination.pk)


# --- Staff ----------------------------------------------------------------------------------------


def approve(nomination: Nomination, *, by: User) -> Evangelist:
    """Open the profile as a draft that its person fills; the first year begins.

    Raises NotToDecide, OwnNomination, NothingToDecide, AlreadyEvangelist.
    """
    with use_case():
        nomination = _locked(nomination)
        person = _require_to_decide(nomination, by)
        if service.evangelist_of(person) is not None:
            raise AlreadyEvangelist
        now = timezone.now()
        evangelist = Evangelist.objects.create(created_at=now)
        Confirmation.objects.create(
            evangelist=evangelist,
            counts_from=timezone.localdate(now),
            made_at=nomination.accepted_at or now,
            made_by=person,
        )
        _open_page(nomination, person, evangelist, by)
        nomination.evangelist = evangelist
        _decided(nomination, by, now)
        audit.record("home.approve_nomination", nomination, by=by, evangelist=evangelist.pk)
        tell(person, "evangelist_approved", about=about(evangelist, "approved"))
    return evangelist


def decline(nomination: Nomination, *, by: User, reason: str) -> None:
    """Say no, with a reason that the person reads. Raises as `approve`, and ReasonMissing."""
    with use_case():
        nomination = _locked(nomination)
        person = _require_to_decide(nomination, by)
        if not reason.strip():
            raise ReasonMissing
        nomination.decision_reason = reason.strip()
        _decided(nomination, by, timezone.now())
        audit.record("home.decline_nomination", nomination, by=by, reason=reason.strip())
        tell(
            person,
            "evangelist_declined",
            about=f"nomination:{nomination.pk}/declined",
            page="account_area",
            reason=reason.strip(),
        )


def may_decide(nomination: Nomination, person: User) -> bool:
    """Whether ``person`` has the right, and neither nominated nor is nominated."""
    return person.has_perm(DECIDE) and person.pk not in (
        nomination.nominated_by_id,
        nomination.accepted_by_id,
    )


def _require_to_decide(nomination: Nomination, by: User) -> User:
    if not by.has_perm(DECIDE):
        raise NotToDecide
    if not may_decide(nomination, by):
        raise OwnNomination
    if nomination.state != State.WAITING or nomination.accepted_by is None:
        raise NothingToDecide
    return nomination.accepted_by


def _decided(nomination: Nomination, by: User, at: datetime.datetime) -> None:
    nomination.decided_at = at
    nomination.decided_by = by
    nomination.save(update_fields=["decided_at", "decided_by", "decision_reason", "evangelist"])


@inside_transaction
def _open_page(nomination: Nomination, person: User, evangelist: Evangelist, by: User) -> None:
    index = EvangelistIndexPage.objects.filter(locale=Locale.get_default()).first()
    if index is None:
        raise NothingToDecide
    page = EvangelistPage(
        title=nomination.name or person.get_full_name() or person.email.partition("@")[0],
        evangelist=evangelist,
        person=person,
        level=nomination.level,
        live=False,
        owner=person,
    )
    index.add_child(instance=page)
    create_aliases_for_new_page(page)
    page.save_revision(user=by, log_action=True)
