"""What a donor says of themselves: person or organisation, name, and a logo that staff look at."""

import uuid

from django.core.files.base import ContentFile
from django.utils.translation import gettext_lazy as _
from wagtail.images import get_image_model

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.pools import naming
from funding.pools.models import Donor
from funding.pools.refusals import GivingRefusal


class NoLogo(GivingRefusal):
    message = _("There is no logo to decide about. The donor may have taken it away.")


def own_or_new(user: User) -> Donor:
    """The person's own row, or one for the form that is not saved yet."""
    found = Donor.objects.filter(user=user).first()
    return found or Donor(user=user, name=user.get_full_name(), email=user.email)


def change_details(user: User, *, kind: str, name: str) -> Donor:
    """Write down who the signed-in donor is; makes their own row where there is none."""
    with use_case():
        donor = _own_locked(user, name)
        before = (donor.kind, donor.name)
        donor.kind, donor.name = kind, name
        if (donor.kind, donor.name) != before:
            donor.save(update_fields=["kind", "name"])
            audit.record("pools.change_donor", donor, by=user)
            naming.changed([donor.pk])
    return donor


def propose_logo(user: User, picture: bytes) -> Donor:
    """Keep a logo that is shown once staff approve it; the one before is gone.

    ``picture`` as `core.pictures.ready_logo` returns it. The donor's own row must be there.
    """
    title = f"Logo {uuid.uuid4().hex[:12]}"
    with use_case():
        donor = Donor.objects.select_for_update().get(user=user)
        _drop_logo(donor)
        donor.logo = get_image_model().objects.create(
            title=title,
            file=ContentFile(picture, name=f"{uuid.uuid4().hex}.png"),
            uploaded_by_user=user,
        )
        donor.save(update_fields=["logo"])
        audit.record("pools.change_donor", donor, by=user, logo="new")
        naming.changed([donor.pk])
    return donor


def remove_logo(user: User) -> None:
    """Show and keep no logo any more; where there is none, nothing happens."""
    with use_case():
        donor = Donor.objects.select_for_update().filter(user=user).first()
        if donor is None or donor.logo_id is None:
            return
        _drop_logo(donor)
        audit.record("pools.change_donor", donor, by=user, logo="removed")
        naming.changed([donor.pk])


def decide_logo(donor: Donor, *, logo_id: int, approved: bool, by: User, reason: str = "") -> Donor:
    """Show the logo that staff looked at, or take it away. Raises NoLogo where it is another now."""
    with use_case():
        locked = Donor.objects.select_for_update().get(pk=donor.pk)
        if locked.logo_id is None or locked.logo_id != logo_id:
            raise NoLogo
        if approved:
            locked.logo_approved = True
            locked.save(update_fields=["logo_approved"])
        else:
            _drop_logo(locked)
        audit.record("pools.decide_logo", locked, by=by, reason=reason, approved=approved)
        naming.changed([locked.pk])
    return locked


@inside_transaction
def _own_locked(user: User, name: str) -> Donor:
    donor, _made = Donor.objects.select_for_update().get_or_create(
        user=user, defaults={"name": name, "email": user.email}
    )
    return donor


@inside_transaction
def _drop_logo(donor: Donor) -> None:
    """Take the logo away with its file; Wagtail removes that once the transaction commits."""
    logo, donor.logo, donor.logo_approved = donor.logo, None, False
    donor.save(update_fields=["logo", "logo_approved"])
    if logo is not None:
        logo.delete()
