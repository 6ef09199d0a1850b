"""Anyone checks a certificate, and any page shows a badge. Both say what is true today."""

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from core.responses import picture_for_any_site
from membership import badge
from membership.certificates import Claim, claim_of
from membership.models import Organisation


def _claim_of(organisation: Organisation) -> Claim:
    claim = claim_of(organisation, timezone.localdate())
    if claim is None:
        raise Http404
    return claim


@require_safe
def certificate(request: HttpRequest, code: uuid.UUID) -> HttpResponseBase:
    """Whether the organisation of a certificate is a member today, and until when."""
    organisation = get_object_or_404(
        Organisation.objects.select_related("merged_into").prefetch_related("terms__tier"),
        certificate_code=code,
    )
    if organisation.merged_into is not None:
        return redirect("member_certificate", organisation.merged_into.certificate_code)
    return render(
        request,
        "membership/certificate.html",
        {"claim": _claim_of(organisation), "today": timezone.localdate()},
    )


@require_safe
def badge_svg(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The badge as an image that any page may show; ``lang`` and ``theme`` in the query."""
    languages = [language for language, _name in settings.LANGUAGES]
    language = request.GET.get("lang", get_language() or languages[0])
    theme = request.GET.get("theme", "light")
    if language not in languages or theme not in badge.THEMES:
        raise Http404
    organisation = get_object_or_404(
        Organisation.objects.select_related("merged_into").prefetch_related(
            "terms__tier", "merged_into__terms__tier"
        ),
        slug=slug,
    )
    claim = _claim_of(organisation.merged_into or organisation)
    with override(language):
        text = badge.svg(claim, language=language, theme=theme)
    return picture_for_any_site(request, text)
