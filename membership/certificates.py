"""What an organisation shows to say that it is a member: a certificate, which anyone checks by the
address it names, and a badge. Both tell of the day of reading, never of the day of printing."""

import datetime
from dataclasses import dataclass

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import override

from core import pdf
from membership import queries
from membership.links import path_in
from membership.models import Organisation, Term


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether an organisation is a member on a day, and by which term.

    ``term`` is the one that stands, else the last that made it a member; ``until`` is the last day
    of it. An organisation that never was a member has no claim.
    """

    organisation: Organisation
    is_member: bool
    in_grace: bool
    since: datetime.date
    term: Term
    until: datetime.date


def claim_of(organisation: Organisation, on: datetime.date) -> Claim | None:
    """What ``organisation`` may say of its membership on ``on``; None where it never was a member.

    Two queries at most: its terms, with their tiers.
    """
    counted = [
        (term, day)
        for term in organisation.terms.all()
        if (day := queries.first_day(term)) is not None and day <= on
    ]
    if not counted:
        return None
    standing = [term for term, _day in counted if term.makes_member(on)]
    # Of two that stand, the newer one: the older is in its grace.
    of_these = standing or [term for term, _day in counted]
    term = max(of_these, key=lambda one: (one.starts_on, one.pk))
    return Claim(
        organisation=organisation,
        is_member=bool(standing),
        in_grace=term.status(on) == Term.Status.GRACE,
        since=min(day for _term, day in counted),
        term=term,
        until=term.last_day,
    )


def certificate(claim: Claim, *, language: str, on: datetime.date) -> bytes:
    """The certificate of a member as a PDF, in ``language``. Takes tens of milliseconds."""
    organisation = claim.organisation
    address = settings.SITE_URL + path_in(
        language, "member_certificate", organisation.certificate_code
    )
    with override(language):
        day = formats.date_format
        data: pdf.Certificate = {
            "language": language,
            "title": _("Certificate of membership"),
            "issued": on,
            "before": _("This certifies that"),
            "name": organisation.legal_name,
            "below": f"{organisation.get_kind_display()}, {organisation.country_name}",
            "statement": _("is a member of the %(foundation)s.")
            % {"foundation": settings.SITE_NAME},
            "facts": [
                (_("Tier"), str(claim.term.tier)),
                (_("Constituency"), organisation.get_constituency_display()),
                (_("Member since"), day(claim.since)),
                (
                    _("Present term"),
                    _("%(first)s to %(last)s")
                    % {"first": day(claim.term.starts_on), "last": day(claim.until)},
                ),
                (_("Made on"), day(on)),
            ],
            "notes": [
                _(
                    "A paper can outlive a membership. Whether this one still holds stands at %(address)s"
                )
                % {"address": address}
            ],
        }
        return pdf.render("certificate", data)
