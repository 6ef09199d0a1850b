"""What an organisation of the reader's accepted, and accepting what came since.

Loading is authorising: an organisation is loaded through the reader's seat, so every other one is a
404. Whether the reader is the primary contact the verb asks again, under its lock.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from membership import accepting, queries
from membership.forms import AcceptForm
from membership.models import AgreementVersion, Organisation


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _own(request: HttpRequest, slug: str) -> Organisation:
    """An organisation in which the reader has a seat, or 404."""
    return get_object_or_404(queries.organisations_of(_reader(request)), slug=slug)


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """What was accepted (version, when, by whom), and what waits."""
    organisation, today = _own(request, slug), timezone.localdate()
    return render(
        request,
        "account_area/membership/agreements.html",
        {
            "organisation": organisation,
            "papers": accepting.papers_of(organisation, today),
            "today": today,
            "may_accept": accepting.may_accept(organisation, _reader(request)),
        },
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The words of a version and, for the primary contact, the form that accepts it."""
    reader, organisation = _reader(request), _own(request, slug)
    version = get_object_or_404(
        AgreementVersion.objects.select_related("agreement"), pk=pk, published_at__isnull=False
    )
    may_accept = accepting.may_accept(organisation, reader)
    form = AcceptForm(request.POST or None, initial={"signatory_name": reader.get_full_name()})
    if request.method == "POST" and may_accept and form.is_valid():
        try:
            accepting.accept(organisation, version, by=reader, **form.cleaned_data)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _accepted(organisation, version))
        return SeeOther(reverse("membership_agreements_of", args=[slug]))
    papers = accepting.papers_of(organisation, timezone.localdate())
    known = {one.version_id: one for one in papers.accepted}
    return render(
        request,
        "account_area/membership/accept.html",
        {
            "organisation": organisation,
            "version": version,
            "acceptance": known.get(version.pk),
            "is_asked": version in papers.to_accept,
            "form": form if may_accept else None,
        },
        status=403 if request.method == "POST" and not may_accept else 200,
    )


def _accepted(organisation: Organisation, version: AgreementVersion) -> str:
    return _("%(organisation)s accepts the %(agreement)s, version %(version)s.") % {
        "organisation": organisation,
        "agreement": version.agreement,
        "version": version.label,
    }
