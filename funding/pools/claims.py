"""A donor claims what staff recorded for them, by a code from a letter.

The code is shown once, when it is issued, and kept as a keyed hash. It stands until it is used or
too old; a new one takes the place of the last. Whoever lets people try codes limits how often.
"""

import datetime
import secrets

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django.utils.crypto import salted_hmac

from core import audit
from core.models import User
from core.transactions import use_case
from funding.pools import naming
from funding.pools.donors import own_row, standing
from funding.pools.merging import absorb, lock
from funding.pools.models import Donor
from funding.pools.refusals import (
    ClaimExpired,
    ClaimUnknown,
    ClaimUsed,
    DonorHasAccount,
    DonorMerged,
)

# No letter or figure that is taken for another: 30 signs, so 12 of them are 58 bits.
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LENGTH = 12
VALID = datetime.timedelta(days=90)


def issue_claim_code(donor: Donor, *, by: User) -> str:
    """A new code for a donor who does not sign in, as it is written in the letter: three groups.

    Nobody can see it again; an earlier one no longer works. Raises DonorMerged, DonorHasAccount.
    """
    code = "".join(secrets.choice(ALPHABET) for _sign in range(LENGTH))
    with use_case():
        (locked,) = lock(donor.pk)
        if locked.merged_into_id is not None:
            raise DonorMerged
        if locked.user_id is not None:
            raise DonorHasAccount
        locked.claim_code_sha256 = _digests(code)[0]
        locked.claim_code_expires_at = timezone.now() + VALID
        locked.save(update_fields=["claim_code_sha256", "claim_code_expires_at"])
        audit.record("pools.issue_claim_code", locked, by=by)
    return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


class _Changed(Exception):
    """Somebody else changed the rows between looking at them and locking them."""


def claim(code: str, *, user: User) -> Donor:
    """Make what was recorded under the code the signed-in person's, and return their row.

    Their own row takes it over; where they have none, the recorded row becomes theirs. Typed again
    by the same person it changes nothing. Raises ClaimUnknown, ClaimExpired, ClaimUsed.
    """
    try:
        return _claim(_digests(code), user)
    except (_Changed, IntegrityError):
        # A merging, or a first gift in another window, was at it at this very moment; now it is done.
        return _claim(_digests(code), user)


def _claim(digests: list[str], user: User) -> Donor:
    with use_case():
        recorded = Donor.objects.filter(claim_code_sha256__in=digests).first()
        if recorded is None:
            raise ClaimUnknown
        holder_id = standing(recorded).pk
        own = own_row(user)
        recorded, holder, *rest = lock(recorded.pk, holder_id, *([own.pk] if own else []))
        if standing(recorded).pk != holder_id or recorded.claim_code_sha256 not in digests:
            raise _Changed
        if holder.user_id == user.pk:
            return holder
        if holder.user_id is not None:
            raise ClaimUsed
        expires_at = recorded.claim_code_expires_at
        if expires_at is None or expires_at <= timezone.now():
            raise ClaimExpired
        own = rest[0] if rest else _become_own(holder, user)
        if own.pk != holder.pk:
            absorb(own, holder)
        audit.record("pools.claim_donor", own, by=user, recorded=recorded.pk)
    return own


def _become_own(recorded: Donor, user: User) -> Donor:
    recorded.user = user
    recorded.save(update_fields=["user"])
    naming.changed([recorded.pk])
    return recorded


def _digests(code: str) -> list[str]:
    """The code as it is kept: under the present key first, then under those it took the place of."""
    signs = "".join(sign for sign in code.upper() if sign.isalnum())
    return [
        salted_hmac("funding.pools.claims", signs, secret=key, algorithm="sha256").hexdigest()
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
