"""A badge for a member's own website. It says what is true on the day it is looked at.

An SVG without script, font or anything fetched, so that it shows in an ``<img>`` anywhere.
"""

import re
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _

from membership.certificates import Claim

WIDTH, HEIGHT = 280, 72
THEMES = {
    # background, border, text, quiet text, mark of a member
    "light": ("#ffffff", "#c9d1d6", "#16232b", "#4c5c66", "#0b6e63"),
    "dark": ("#16232b", "#3b4a53", "#f3f6f7", "#b8c4cb", "#5cc9ba"),
}
_NAME_LETTERS = 32  # what fits in the width at this size


def standing_of(claim: Claim) -> str:
    """One line: a member since when, or until when it was one."""
    if claim.is_member:
        return _("Member since %(year)s") % {"year": claim.since.year}
    return _("No member now: it was one until %(day)s") % {
        "day": formats.date_format(claim.until, "SHORT_DATE_FORMAT")
    }


def text_of(claim: Claim) -> str:
    """All that it says, for those who do not see it."""
    name = claim.organisation.public_name
    return f"{name}, {settings.SITE_NAME}: {standing_of(claim)}"


def svg(claim: Claim, *, language: str, theme: str = "light") -> str:
    """The badge as an SVG document, in the language in force, which ``language`` names."""
    background, border, text, quiet, mark = THEMES[theme]
    ink = mark if claim.is_member else quiet
    # XML knows no control characters, whatever was typed.
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", " ", claim.organisation.public_name)
    said = re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", " ", text_of(claim))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img" lang={quoteattr(language)}'
        f' aria-label={quoteattr(said)} font-family="system-ui,sans-serif">'
        f"<title>{escape(said)}</title>"
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"'
        f' fill="{background}" stroke="{border}"/>'
        f'<rect x="8" y="14" width="4" height="{HEIGHT - 28}" rx="2" fill="{ink}"/>'
        f'<text x="22" y="26" font-size="11" fill="{quiet}">{escape(settings.SITE_NAME)}</text>'
        f'<text x="22" y="44" font-size="14" font-weight="600" fill="{text}">'
        f"{escape(_cut(name, _NAME_LETTERS))}</text>"
        f'<text x="22" y="61" font-size="12" fill="{ink}">{escape(standing_of(claim))}</text>'
        "</svg>"
    )


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
