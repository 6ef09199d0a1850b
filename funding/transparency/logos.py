"""The logos of named donors, as staff approved them."""

import logging
from dataclasses import replace

from django.db.models import F, FilteredRelation, Q
from wagtail.images import get_image_model
from wagtail.images.models import SourceImageIOError

from core.pictures import Logo
from funding.pools.models import Donor
from funding.transparency.givers import Givers

logger = logging.getLogger(__name__)

HEIGHT = 24  # of CSS pixels, as it is shown
WIDEST = 4  # times as wide as high
# Twice as fine as it is shown.
SPEC = f"max-{2 * WIDEST * HEIGHT}x{2 * HEIGHT}|format-webp"


def with_logos(*lists: Givers) -> list[Givers]:
    """The same lists of givers, each named donor with its logo where there is one; one query for
    all, or none where nobody is named.

    A logo is the donor's, beside the name that staff approved it for: never another one's money, who
    goes by the same name, nor another name of the same donor.
    """
    donors = {row.donor for one in lists for row in one.rows}
    logos = _logos(donors) if donors else {}
    return [
        replace(one, rows=[replace(row, logo=logos.get((row.donor, row.name))) for row in one.rows])
        for one in lists
    ]


def _logos(donors: set[int]) -> dict[tuple[int, str], Logo]:
    made = Q(logo__renditions__filter_spec=SPEC, logo__renditions__focal_point_key="")
    rows = (
        Donor.objects.filter(pk__in=donors, logo__isnull=False, logo_approved=True)
        .annotate(
            drawn=FilteredRelation("logo__renditions", condition=made),
            path=F("drawn__file"),
            width=F("drawn__width"),
            height=F("drawn__height"),
        )
        .select_related("logo")
    )
    rendition = get_image_model().get_rendition_model()
    found = {}
    for donor in rows:
        if donor.logo is None:
            continue
        if donor.path:
            drawn = rendition(file=donor.path)
            width, height = donor.width, donor.height
        else:  # the first time that it is shown
            try:
                drawn = donor.logo.get_rendition(SPEC)
            except SourceImageIOError:
                logger.warning("The file of a logo is missing (image %s).", donor.logo_id)
                continue
            width, height = drawn.width, drawn.height
        found[donor.pk, donor.public_name] = Logo.within(
            drawn.file.url, width, height, widest=WIDEST * HEIGHT, highest=HEIGHT
        )
    return found
