"""Who issues our papers. The foundation is proposed, so its papers carry its working name."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Issuer:
    name: str
    address: str


def current() -> Issuer:
    """The issuer whose facts a new invoice or receipt copies."""
    return Issuer(name=settings.SITE_NAME, address=settings.SITE_URL)
