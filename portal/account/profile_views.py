"""What people with a seat do with their organisation's profile, certificate and badge.

Loading is authorising: an organisation is loaded through the reader's seat, so every other one is a
404, whether it exists or not. What a seat may do beyond reading, the verbs ask again.
"""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from membership import badge, certificates, queries
from membership import profile as verbs
from membership.models import Organisation
from membership.profile_forms import OrganisationProfileForm


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _own(request: HttpRequest, slug: str) -> Organisation:
    """An organisation in which the reader has a seat, or 404."""
    return get_object_or_404(queries.organisations_of(_reader(request)), slug=slug)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest, slug: str) -> HttpResponse:
    """The profile as a form for the primary contact; whom to ask for everyone else."""
    reader, organisation = _reader(request), _own(request, slug)
    if not verbs.may_edit(organisation, reader):
        return render(
            request,
            "account_area/membership/profile.html",
            {"organisation": organisation, "form": None},
            status=403 if request.method == "POST" else 200,
        )
    form = OrganisationProfileForm(
        request.POST or None, request.FILES or None, organisation=organisation
    )
    if request.method == "POST" and form.is_valid() and _saved(request, organisation, form):
        return SeeOther(reverse("membership_area"))
    return render(
        request,
        "account_area/membership/profile.html",
        {"organisation": organisation, "form": form},
    )


def _saved(request: HttpRequest, organisation: Organisation, form: OrganisationProfileForm) -> bool:
    """Whether the change was taken; if not, the form says why and keeps what was typed."""
    reader, picture = _reader(request), form.cleaned_data["logo"]
    try:
        verbs.change_profile(organisation, form.profile(), by=reader)
        if picture:
            verbs.propose_logo(organisation, picture, by=reader)
        elif form.cleaned_data.get("remove_logo"):
            verbs.remove_logo(organisation, by=reader)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return False
    if picture:
        messages.success(request, _("Saved. The logo is shown once staff have looked at it."))
    else:
        messages.success(request, _("Saved. The directory shows it now."))
    return True


def _claim(request: HttpRequest, organisation: Organisation) -> certificates.Claim | None:
    """What the organisation may say today; None, with a message, where it is no member."""
    claim = certificates.claim_of(organisation, timezone.localdate())
    if claim is not None and claim.is_member:
        return claim
    messages.error(
        request, _("Your organisation is no member today: pay or renew first, then come back.")
    )
    return None


@never_cache
@login_required
@require_safe
def certificate(request: HttpRequest, slug: str) -> HttpResponse:
    """The certificate of membership as a PDF; ``lang`` in the query."""
    organisation = _own(request, slug)
    languages = [code for code, _name in settings.LANGUAGES]
    language = request.GET.get("lang", get_language() or languages[0])
    if language not in languages:
        raise Http404
    claim = _claim(request, organisation)
    if claim is None:
        return SeeOther(reverse("membership_area"))
    made = certificates.certificate(claim, language=language, on=timezone.localdate())
    return HttpResponse(
        made,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{slug}-{language}.pdf"'},
    )


@never_cache
@login_required
@require_safe
def badge_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The badge in both themes, and the lines of HTML to copy."""
    organisation = _own(request, slug)
    claim = _claim(request, organisation)
    if claim is None:
        return SeeOther(reverse("membership_area"))
    language = get_language() or "en"
    snippets = [
        (
            theme,
            format_html(
                '<a href="{}"><img src="{}?lang={}&amp;theme={}" width="{}" height="{}" alt="{}"></a>',
                settings.SITE_URL + organisation.get_absolute_url(),
                settings.SITE_URL + reverse("member_badge_svg", args=[slug]),
                language,
                theme,
                badge.WIDTH,
                badge.HEIGHT,
                badge.text_of(claim),
            ),
        )
        for theme in badge.THEMES
    ]
    return render(
        request,
        "account_area/membership/badge.html",
        {
            "organisation": organisation,
            "text": badge.text_of(claim),
            "language": language,
            "width": badge.WIDTH,
            "height": badge.HEIGHT,
            "snippets": snippets,
        },
    )
