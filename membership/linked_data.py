"""A member as schema.org tells it (JSON-LD): a block of data in its page, which no browser runs."""

from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString

from core import linked_data
from membership.models import Organisation
from membership.models.organisations import Hideable


def organization(organisation: Organisation, *, logo: str = "") -> SafeString:
    """The block of a member's page, without what it keeps out of the directory.

    ``logo`` is the address of its logo where that is shown.
    """
    said: dict[str, Any] = {
        "@type": "Organization",
        "@id": settings.SITE_URL + organisation.get_absolute_url(),
        "name": organisation.public_name,
        "legalName": organisation.legal_name,
        "address": {"@type": "PostalAddress", "addressCountry": organisation.country},
        "memberOf": {
            "@type": "Organization",
            "name": settings.SITE_NAME,
            "url": settings.SITE_URL,
        },
    }
    if organisation.website and not organisation.hides(Hideable.WEBSITE):
        said["url"] = organisation.website
    if organisation.local_description and not organisation.hides(Hideable.DESCRIPTION):
        said["description"] = organisation.local_description
    if organisation.identifier and not organisation.hides(Hideable.REGISTRATION):
        said["identifier"] = organisation.identifier
    if logo:
        said["logo"] = settings.SITE_URL + logo
    return linked_data.block(said)
