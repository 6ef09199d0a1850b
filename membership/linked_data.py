"""A member as schema.org tells it (JSON-LD): a block of data in its page, which no browser runs."""

import json
from typing import Any

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from membership.models import Organisation
from membership.models.organisations import Hideable

# Inside <script> nothing is escaped as HTML; so no sign may end it.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def organization(organisation: Organisation, *, logo: str = "") -> SafeString:
    """The block of a member's page, without what it keeps out of the directory.

    ``logo`` is the address of its logo where that is shown.
    """
    said: dict[str, Any] = {
        "@context": "https://schema.org",
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
    data = json.dumps(said, ensure_ascii=False).translate(_ESCAPES)
    return format_html(
        '<script type="application/ld+json">{}</script>',
        mark_safe(data),  # noqa: S308 - the signs that could end the block are escaped above
    )
