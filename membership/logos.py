"""The logo of a member as its page shows it."""

import logging

from wagtail.images.models import SourceImageIOError

from core.pictures import Logo
from membership.models import Organisation
from membership.models.organisations import Hideable

logger = logging.getLogger(__name__)

WIDEST, HIGHEST = 240, 120  # CSS pixels
# Twice as fine as it is shown.
SPEC = f"max-{2 * WIDEST}x{2 * HIGHEST}|format-webp"


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
    return Logo.within(drawn.file.url, drawn.width, drawn.height, widest=WIDEST, highest=HIGHEST)
