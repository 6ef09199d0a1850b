"""What pages tell search engines about themselves (schema.org as JSON-LD).

A block of data in the page, which no browser runs.
"""

import json
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

# Inside <script> nothing is escaped as HTML; so no sign may end it.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def block(said: dict[str, Any]) -> SafeString:
    """The element that holds ``said``; its context is schema.org."""
    data = json.dumps({"@context": "https://schema.org", **said}, ensure_ascii=False)
    return format_html(
        '<script type="application/ld+json">{}</script>',
        mark_safe(data.translate(_ESCAPES)),  # noqa: S308 - what could end the block is escaped
    )
