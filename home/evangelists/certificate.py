"""The certificate of an evangelist, which anyone checks by the address it names. An alumnus keeps it."""

import datetime

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import override

from core import pdf
from home.evangelists.service import Service
from home.models import Evangelist, EvangelistPage
from membership.links import path_in


def certificate(
    evangelist: Evangelist,
    page: EvangelistPage,
    service: Service,
    *,
    language: str,
    on: datetime.date,
) -> bytes:
    """The PDF in ``language``. Takes tens of milliseconds. ``service`` has begun."""
    assert service.since is not None
    assert service.until is not None
    address = settings.SITE_URL + path_in(language, "evangelist_certificate", evangelist.code)
    with override(language):
        day = formats.date_format
        facts = [(_("Level"), str(page.get_level_display()))]
        if page.countries:
            facts.append((_("Countries"), ", ".join(page.country_names)))
        facts.append((_("Evangelist since"), day(service.since)))
        facts.append(
            (_("Confirmed until") if service.is_current else _("Served until"), day(service.until))
        )
        facts.append((_("Made on"), day(on)))
        statement = (
            _("is an evangelist of the %(foundation)s.")
            if service.is_current
            else _("was an evangelist of the %(foundation)s and is an alumnus or alumna of it.")
        )
        data: pdf.Certificate = {
            "language": language,
            "title": _("Certificate of service"),
            "issued": on,
            "before": _("This certifies that"),
            "name": page.title,
            "below": "",
            "statement": statement % {"foundation": settings.SITE_NAME},
            "facts": facts,
            "notes": [
                _(
                    "A paper can outlive a service. Whether this one still holds stands at %(address)s"
                )
                % {"address": address}
            ],
        }
        return pdf.render("certificate", data)
