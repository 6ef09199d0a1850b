"""What a member says of itself, and what staff alone change of it.

The primary contact keeps the profile: the name in the directory, the website, descriptions, the
registration and what the directory shows. Legal name, type, constituency and country decide over
invoices, fees and votes, so staff change them, with a reason.
"""

import uuid
from dataclasses import asdict, dataclass
from typing import Any

from django.core.files.base import ContentFile
from wagtail.images import get_image_model

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.models import Organisation, Seat, SeatRole
from membership.refusals import (
    NoLogoToDecide,
    NotPermitted,
    NotPrimaryContact,
    OwnLogo,
    OwnRequest,
    ReasonMissing,
)
from membership.registers import plain_number

CHANGE = "membership.change_organisation"
# Too long to repeat in the audit log, which names them alone.
_LONG = ("description", "description_fr", "description_pt")


@dataclass(frozen=True, slots=True)
class Profile:
    """What an organisation says of itself."""

    public_name: str
    website: str
    description: str
    description_fr: str
    description_pt: str
    registration_agency: str
    registration_number: str
    stated_identifier: str
    hidden_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What invoices, fees and votes depend on."""

    legal_name: str
    kind: str
    constituency: str
    country: str
    currency: str = ""  # of the dues; "": the main one of the fee table


def profile_of(organisation: Organisation) -> Profile:
    values = {name: getattr(organisation, name) for name in Profile.__dataclass_fields__}
    return Profile(**{**values, "hidden_fields": tuple(organisation.hidden_fields)})


def may_edit(organisation: Organisation, person: User) -> bool:
    """Whether ``person`` keeps the profile: its primary contact, or staff with the right."""
    return (
        person.has_perm(CHANGE)
        or Seat.objects.filter(
            organisation=organisation, person=person, roles__contains=[SeatRole.PRIMARY_CONTACT]
        ).exists()
    )


@inside_transaction
def require_no_seat(by: User, *organisations: Organisation) -> None:
    """Raise OwnRequest where ``by`` sits in one of them, which are locked: nobody approves their
    own."""
    if Seat.objects.filter(organisation__in=organisations, person=by).exists():
        raise OwnRequest


def change_profile(organisation: Organisation, profile: Profile, *, by: User) -> Organisation:
    """Write down what the organisation says of itself. Its address in the directory stays.

    Raises NotPrimaryContact.
    """
    with use_case():
        locked = _lock_to_edit(organisation, by)
        values: dict[str, Any] = asdict(profile)
        values["registration_number"] = plain_number(profile.registration_number)
        values["hidden_fields"] = sorted(set(profile.hidden_fields))
        _write(locked, values, "membership.change_profile", by=by)
    return locked


def change_standing(
    organisation: Organisation, standing: Standing, *, by: User, reason: str
) -> Organisation:
    """Change what invoices, fees and votes depend on, from now on; what is issued stays.

    Raises NotPermitted, OwnRequest, ReasonMissing.
    """
    with use_case():
        locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
        if not by.has_perm(CHANGE) or locked.merged_into_id is not None:
            raise NotPermitted
        require_no_seat(by, locked)
        if not reason.strip():
            raise ReasonMissing
        _write(
            locked,
            asdict(standing),
            "membership.change_standing",
            by=by,
            reason=reason.strip(),
        )
    return locked


def propose_logo(organisation: Organisation, picture: bytes, *, by: User) -> Organisation:
    """Keep a logo that is shown once staff approve it; the one before is gone.

    ``picture`` as `core.pictures.ready_logo` returns it. Raises NotPrimaryContact.
    """
    title = f"Logo {uuid.uuid4().hex[:12]}"
    with use_case():
        locked = _lock_to_edit(organisation, by)
        _drop_logo(locked)
        locked.logo = get_image_model().objects.create(
            title=title,
            file=ContentFile(picture, name=f"{uuid.uuid4().hex}.png"),
            uploaded_by_user=by,
        )
        locked.save(update_fields=["logo"])
        audit.record("membership.change_logo", locked, by=by, logo="new")
    return locked


def remove_logo(organisation: Organisation, *, by: User) -> None:
    """Show and keep no logo any more; where there is none, nothing happens."""
    with use_case():
        locked = _lock_to_edit(organisation, by)
        if locked.logo_id is None:
            return
        _drop_logo(locked)
        audit.record("membership.change_logo", locked, by=by, logo="removed")


def decide_logo(
    organisation: Organisation, *, logo_id: int, approved: bool, by: User, reason: str = ""
) -> Organisation:
    """Show the logo that staff looked at, or take it away.

    Raises NotPermitted, NoLogoToDecide where it is another one by now, and for who would approve
    their own: OwnRequest and OwnLogo.
    """
    with use_case():
        locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
        if not by.has_perm(CHANGE):
            raise NotPermitted
        if locked.logo is None or locked.logo_id != logo_id:
            raise NoLogoToDecide
        if approved:
            require_no_seat(by, locked)
            if locked.logo.uploaded_by_user_id == by.pk:
                raise OwnLogo
            locked.logo_approved = True
            locked.save(update_fields=["logo_approved"])
        else:
            _drop_logo(locked)
        audit.record("membership.decide_logo", locked, by=by, reason=reason, approved=approved)
    return locked


@inside_transaction
def _lock_to_edit(organisation: Organisation, by: User) -> Organisation:
    locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if locked.merged_into_id is not None or not may_edit(locked, by):
        raise NotPrimaryContact
    return locked


@inside_transaction
def _write(
    locked: Organisation, values: dict[str, Any], action: str, *, by: User, reason: str = ""
) -> None:
    """Save what differs; the log says what was and what is. Nothing new, nothing written."""
    before = {name: getattr(locked, name) for name in values}
    changed = {name: value for name, value in values.items() if value != before[name]}
    if not changed:
        return
    for name, value in changed.items():
        setattr(locked, name, value)
    locked.save()
    said = {
        name: "changed" if name in _LONG else [before[name], value]
        for name, value in changed.items()
    }
    audit.record(action, locked, by=by, reason=reason, fields=said)


@inside_transaction
def _drop_logo(organisation: Organisation) -> None:
    """Take the logo away with its file; Wagtail removes that once the transaction commits."""
    logo, organisation.logo, organisation.logo_approved = organisation.logo, None, False
    organisation.save(update_fields=["logo", "logo_approved"])
    if logo is not None:
        logo.delete()
