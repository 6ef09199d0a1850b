"""What the demo keeps secret: made once, kept in the data folder, never in the repository.

Without Django, for `python -m portal.run` reads it before Django is set up.
"""

import dataclasses
import json
import os
import secrets
from pathlib import Path

FILE = "secrets.json"
LEDGER_ORIGIN = "demo.openlmis-foundation.invalid/ledger"  # by which the demo's log is known
# Letters and digits that cannot be taken for one another when read off a terminal.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclasses.dataclass(frozen=True)
class DemoAccount:
    """One person of the demo; ``key`` is what `load_demo` and the tests call the person by."""

    key: str
    what: str  # who it is, for the list that `make run` prints
    name: str
    email: str
    start: str  # the path at which the person's work begins
    password: str


PEOPLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("staff", "Staff (administrator)", "Sofia Almeida", "staff@example.org", "/admin/"),
    ("editor", "Staff (editor)", "Edith Banda", "editor@example.org", "/admin/"),
    ("treasurer", "Staff (treasurer)", "Tomas Ferreira", "treasurer@example.org", "/admin/"),
    # A payout needs three: one who asks, and two who agree.
    (
        "treasurer2",
        "Staff (second treasurer)",
        "Thandiwe Moyo",
        "treasurer2@example.org",
        "/admin/",
    ),
    ("auditor", "Auditor", "Aminata Diallo", "auditor@example.org", "/admin/"),
    ("member", "Member organisation", "Moses Phiri", "member@example.org", "/account/"),
    ("donor", "Donor", "Dana Lindqvist", "donor@example.org", "/account/giving/"),
    ("evangelist", "Evangelist", "Eunice Mwale", "evangelist@example.org", "/account/evangelist/"),
)


@dataclasses.dataclass(frozen=True)
class DemoSecrets:
    secret_key: str
    stripe_secret_key: str
    stripe_webhook_secret: str
    ledger_signing_key: str
    accounts: dict[str, DemoAccount]


def password() -> str:
    """Four groups of four: about 79 bits, easy to copy by hand."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def load(var: Path) -> DemoSecrets:
    """The secrets kept in ``var``; what is missing is made and kept.

    Raises OSError where the file cannot be read or written, ValueError where it is no JSON.
    """
    path = var / FILE
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    before = json.dumps(kept, sort_keys=True)
    kept.setdefault("secret_key", secrets.token_urlsafe(50))
    kept.setdefault("stripe_secret_key", "sk_test_" + secrets.token_hex(24))
    kept.setdefault("stripe_webhook_secret", "whsec_" + secrets.token_hex(24))
    if "ledger_signing_key" not in kept:
        from funding.ledger.notes import make_signer_key

        kept["ledger_signing_key"] = make_signer_key(LEDGER_ORIGIN)
    passwords = kept.setdefault("passwords", {})
    for key, *_ in PEOPLE:
        passwords.setdefault(key, password())
    if json.dumps(kept, sort_keys=True) != before:
        _write(path, json.dumps(kept, indent=2) + "\n")
    return DemoSecrets(
        secret_key=kept["secret_key"],
        stripe_secret_key=kept["stripe_secret_key"],
        stripe_webhook_secret=kept["stripe_webhook_secret"],
        ledger_signing_key=kept["ledger_signing_key"],
        accounts={
            key: DemoAccount(key, what, name, email, start, passwords[key])
            for key, what, name, email, start in PEOPLE
        },
    )


def _write(path: Path, text: str) -> None:
    """Write so that a full disk or a power cut leaves the old file or none, never half a file."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
