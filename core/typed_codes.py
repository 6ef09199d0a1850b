"""The short code in an e-mail: the way in for whoever cannot or will not follow its link.

It is kept as a keyed hash alone. Eight of 30 signs are 39 bits: whoever lets people try codes
limits how often.
"""

import secrets

from django.conf import settings
from django.utils.crypto import salted_hmac

# No letter or figure that is taken for another.
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LENGTH = 8


def new_code() -> str:
    """A code as it stands in the mail: two groups of four."""
    code = "".join(secrets.choice(ALPHABET) for _sign in range(LENGTH))
    return f"{code[:4]}-{code[4:]}"


def hashes_of(code: str) -> list[str]:
    """The code as it is kept: under the present key first, then under those before it."""
    signs = "".join(sign for sign in code.upper() if sign.isalnum())
    return [
        salted_hmac("membership.seat_codes", signs, secret=key, algorithm="sha256").hexdigest()
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
