"""Members accept the versions of agreements that came after they joined."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import override

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.agreements import accepted_by
from membership.links import path_in
from membership.models import (
    Acceptance,
    Agreement,
    AgreementNotice,
    AgreementVersion,
    Organisation,
    Seat,
    SeatRole,
    Term,
)
from membership.refusals import (
    MayNotBind,
    NotInForceYet,
    OrganisationMerged,
    VersionSuperseded,
)
from membership.seat_mails import primary_contact
from membership.seats import lock, require_primary_contact


def asked_for(on: datetime.date) -> list[AgreementVersion]:
    """What every member is asked to accept on ``on``: of each required agreement the version in
    force, and those that are published and come into force later. One query."""
    published = AgreementVersion.objects.filter(
        agreement__required=True, published_at__isnull=False
    ).select_related("agreement")
    found: dict[int, list[AgreementVersion]] = {}
    for version in published.order_by("agreement__position", "agreement__code", "effective_from"):
        others = found.setdefault(version.agreement_id, [])
        if version.effective_from <= on:
            others.clear()
        others.append(version)
    return [version for versions in found.values() for version in versions]


@dataclass(frozen=True, slots=True)
class Papers:
    """The agreements of one organisation: what it accepted, the newest first, and what it has to."""

    accepted: list[Acceptance]
    to_accept: list[AgreementVersion]


def papers_of(organisation: Organisation, on: datetime.date) -> Papers:
    """Two queries."""
    accepted = accepted_by(organisation)
    known = {acceptance.version_id for acceptance in accepted}
    return Papers(
        accepted=accepted[::-1],
        to_accept=[version for version in asked_for(on) if version.pk not in known],
    )


def may_accept(organisation: Organisation, person: User) -> bool:
    """Whether ``person`` is the primary contact, who accepts for the organisation."""
    return organisation.seats.filter(
        person=person, roles__contains=[SeatRole.PRIMARY_CONTACT]
    ).exists()


def accept(
    organisation: Organisation,
    version: AgreementVersion,
    *,
    by: User,
    signatory_name: str,
    signatory_function: str,
    may_bind: bool,
) -> Acceptance:
    """Accept ``version`` for ``organisation``, in the name of who may bind it.

    ``by`` is the primary contact, who says so; once more changes nothing and gives the first
    acceptance. Raises NotPrimaryContact, OrganisationMerged, MayNotBind, NotInForceYet for a draft
    and VersionSuperseded for a version that a newer one replaced.
    """
    with use_case():
        organisation = lock(organisation)
        require_primary_contact(organisation, by)
        # Publishing locks it too: what is in force is so until this is written.
        Agreement.objects.select_for_update(no_key=True).get(pk=version.agreement_id)
        version = AgreementVersion.objects.select_related("agreement").get(pk=version.pk)
        known = [one for one in accepted_by(organisation) if one.version_id == version.pk]
        if known:
            return known[0]
        _require_current(version)
        names = (signatory_name.strip(), signatory_function.strip())
        if not may_bind or not all(names):
            raise MayNotBind
        acceptance = Acceptance.objects.create(
            version=version,
            person=by,
            organisation=organisation,
            signatory_name=names[0],
            signatory_function=names[1],
            accepted_at=timezone.now(),
        )
        audit.record(
            "membership.accept_agreement",
            organisation,
            by=by,
            agreement=version.agreement.code,
            version=version.label,
        )
    return acceptance


def _require_current(version: AgreementVersion) -> None:
    if version.published_at is None:
        raise NotInForceYet
    newer = version.agreement.version_in_force(timezone.localdate())
    if newer is not None and newer.effective_from > version.effective_from:
        raise VersionSuperseded(newer=newer.label)


# --- Who has, and who has not ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """Where one member stands with one version."""

    organisation: Organisation
    acceptance: Acceptance | None
    told_at: datetime.datetime | None
    contact: Seat | None  # the primary contact of today


def answers(version: AgreementVersion, on: datetime.date) -> list[Answer]:
    """Every member on ``on``, by name. Four queries, however many."""
    accepted = {organisation_of(one): one for one in _acceptances(version)}
    notices = AgreementNotice.objects.filter(version=version)
    told = dict(notices.values_list("organisation", "sent_at"))
    members = _members(on)
    contacts = Seat.objects.filter(
        organisation__in=members, roles__contains=[SeatRole.PRIMARY_CONTACT]
    ).select_related("person")
    contact_of = {seat.organisation_id: seat for seat in contacts}
    return [
        Answer(each, accepted.get(each.pk), told.get(each.pk), contact_of.get(each.pk))
        for each in members
    ]


def _members(on: datetime.date) -> QuerySet[Organisation]:
    standing = Term.objects.standing(on).filter(organisation=OuterRef("pk"))
    return Organisation.objects.filter(Exists(standing))


def _acceptances(version: AgreementVersion) -> QuerySet[Acceptance]:
    return Acceptance.objects.filter(version=version).select_related(
        "organisation", "application", "person"
    )


def accepted_versions(versions: Iterable[int]) -> set[tuple[int, int | None]]:
    """Which of ``versions`` are accepted, each with the organisation that it binds. One query."""
    rows = Acceptance.objects.filter(version__in=versions)
    return {
        (one.version_id, organisation_of(one))
        for one in rows.select_related("organisation", "application")
    }


def organisation_of(acceptance: Acceptance) -> int | None:
    """The organisation that an acceptance binds today: the one that took over a merged one; None
    for an application that led to none."""
    own = acceptance.organisation
    if own is not None:
        return own.merged_into_id or own.pk
    return acceptance.application.organisation_id if acceptance.application else None


# --- Telling members ------------------------------------------------------------------------------


def tell_members() -> int:
    """Write to the primary contacts of members that have not accepted what is asked for; how many.

    Once for each organisation and version. Where nobody reads the mail (no primary contact, or a
    closed account) nobody is told yet: the next day tries again.
    """
    today = timezone.localdate()
    sent = 0
    for version in asked_for(today):
        for answer in answers(version, today):
            if answer.acceptance is None and answer.told_at is None:
                sent += _tell(answer.organisation, version)
    return sent


def _tell(organisation: Organisation, version: AgreementVersion) -> bool:
    with use_case():
        try:
            organisation = lock(organisation)
        except OrganisationMerged:
            return False
        contact = primary_contact(organisation)
        if contact is None:
            return False
        __, is_new = AgreementNotice.objects.get_or_create(
            version=version, organisation=organisation, defaults={"sent_at": timezone.now()}
        )
        if is_new:
            write(contact, version)
    return is_new


def about_version(version: AgreementVersion, organisation: Organisation) -> str:
    return f"agreement:{version.pk}/{organisation.pk}"


@inside_transaction
def write(contact: Seat, version: AgreementVersion) -> None:
    """Write to the primary contact that ``version`` is to be accepted."""
    person, organisation = contact.person, contact.organisation
    language = person.preferred_language
    with override(language):
        enqueue_mail(
            "membership_agreement",
            to=person.email,
            language=language,
            context={
                "name": person.get_short_name(),
                "organisation": organisation.public_name,
                "agreement": str(version.agreement),
                "version": version.label,
                "day": formats.date_format(version.effective_from),
                "path": path_in(language, "membership_accept", organisation.slug, version.pk),
            },
            about=about_version(version, organisation),
        )


def waits_for(person: User, on: datetime.date) -> list[tuple[Organisation, AgreementVersion]]:
    """What ``person``, as the primary contact of members, has to accept. Three queries at most."""
    contact = person.seats.filter(roles__contains=[SeatRole.PRIMARY_CONTACT])
    places = list(_members(on).filter(seats__in=contact))
    versions = asked_for(on) if places else []
    if not versions:
        return []
    accepted = Acceptance.objects.filter(
        Q(organisation__in=places)
        | Q(organisation__merged_into__in=places)
        | Q(application__organisation__in=places),
        version__in=versions,
    ).select_related("organisation", "application")
    known = {(organisation_of(one), one.version_id) for one in accepted}
    return [
        (place, version)
        for place in places
        for version in versions
        if (place.pk, version.pk) not in known
    ]
