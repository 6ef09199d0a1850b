"""The logo of a member as its page shows it."""

import logging
from dataclasses import dataclass

from wagtail.images.models import SourceImageIOError

from membership.models import Organisation
from membership.models.organisations import Hideable

logger = logging.getLogger(__name__)

# Twice as fine as it is shown.
SPEC = "max-480x240|format-webp"


@dataclass(frozen=True, slots=True)
class Logo:
    url: str
    width: int
    height: int


def shown_logo(organisation: Organisation) -> Logo | None:
    """The logo that staff approved and the member shows; None where there is none, or no file."""
    if (
        organisation.logo is None
        or not organisation.logo_approved
        or organisation.hides(Hideable.LOGO)
    ):
        return None
    try:
        drawn = organisation.logo.get_rendition(SPEC)
    except SourceImageIOError:
        logger.warning("The file of a logo is missing (image %s).", organisation.logo_id)
        return None
    width, height = drawn.width, drawn.height
    scale = min(1, 240 / width, 120 / height)
    return Logo(drawn.file.url, max(1, round(width * scale)), max(1, round(height * scale)))
