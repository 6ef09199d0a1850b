"""An evangelist's service: the yearly word, activities, messages, certificate, and the way out.

The addresses name nobody: whose service it is follows from who is signed in.
"""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from home.evangelists import activities, confirming, contact, erasing, terms
from home.evangelists import certificate as certificates
from home.evangelists import service as services
from home.evangelists.forms import ActivityForm, EraseForm, TermsForm
from home.models import Activity, ContactMessage, Evangelist, EvangelistPage
from home.profiles import profile_of


def _own(request: HttpRequest) -> tuple[User, Evangelist, EvangelistPage]:
    """Who is signed in, with their service and profile; 404 for whoever has none."""
    if not isinstance(request.user, User):
        raise Http404
    page = profile_of(request.user)
    if page is None or page.evangelist is None:
        raise Http404
    return request.user, page.evangelist, page


def _back() -> HttpResponse:
    return SeeOther(reverse("evangelist_service"))


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Where the service stands, and everything the evangelist does about it."""
    reader, evangelist, page = _own(request)
    return _overview(request, reader, evangelist, page, None)


def _overview(
    request: HttpRequest,
    reader: User,
    evangelist: Evangelist,
    page: EvangelistPage,
    form: TermsForm | None,
) -> HttpResponse:
    version = terms.to_accept(reader)
    log = list(evangelist.activities.all())
    return render(
        request,
        "account_area/evangelist/service.html",
        {
            "profile": page,
            "evangelist": evangelist,
            "service": services.of(evangelist),
            "waits": confirming.waits(evangelist),
            "form": form or TermsForm(version=version),
            "version": version,
            "activities": log,
            "activity_sum": activities.figures_of(each for each in log if not each.hidden_at),
            "inbox": evangelist.messages.filter(confirmed_at__isnull=False),
        },
    )


@never_cache
@login_required
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """ "I still do this": another year, or the wish to return."""
    reader, evangelist, page = _own(request)
    form = TermsForm(request.POST, version=terms.to_accept(reader))
    if not form.is_valid():
        return _overview(request, reader, evangelist, page, form)
    try:
        confirmation = confirming.confirm(evangelist, by=reader, version_id=form.version_id)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return _back()
    if confirmation.asks_staff:
        messages.success(request, _("You asked to return. Staff will decide and write to you."))
    else:
        messages.success(request, _("Thank you. Your service counts for another year."))
    return _back()


@login_required
@require_POST
def switch_messages(request: HttpRequest) -> HttpResponse:
    """Let people write by the form, or not."""
    reader, evangelist, _page = _own(request)
    is_open = request.POST.get("on") == "1"
    contact.set_open(evangelist, is_open, by=reader)
    messages.success(
        request,
        _("People can write to you.") if is_open else _("Nobody can write to you by the form."),
    )
    return _back()


@never_cache
@login_required
@require_safe
def certificate(request: HttpRequest) -> HttpResponse:
    """The certificate as a PDF, in the language of the page."""
    _reader, evangelist, page = _own(request)
    service = services.of(evangelist)
    if service.since is None:
        raise Http404
    made = certificates.certificate(
        evangelist,
        page,
        service,
        language=get_language() or "en",
        on=timezone.localdate(),
    )
    return HttpResponse(
        made,
        content_type="application/pdf",
        headers={"Content-Disposition": 'attachment; filename="certificate.pdf"'},
    )


# --- Activities -----------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_activity(request: HttpRequest) -> HttpResponse:
    """Enter a talk, a training or a meeting; it is public at once."""
    reader, evangelist, page = _own(request)
    form = ActivityForm(request.POST if request.method == "POST" else None, page=page)
    if request.method == "POST" and form.is_valid():
        try:
            activities.enter(evangelist, by=reader, values=form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("It stands in your log and on your page."))
            return _back()
    return render(request, "account_area/evangelist/activity.html", {"form": form})


@login_required
@require_POST
def remove_activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own entry back."""
    reader, evangelist, _page = _own(request)
    found = get_object_or_404(Activity, pk=pk, evangelist=evangelist)
    try:
        activities.remove(found, by=reader)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("It is taken out of your log."))
    return _back()


# --- Messages -------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report_message(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show staff a message that is abuse; nothing happens before the button is pressed."""
    reader, evangelist, _page = _own(request)
    sent_on = ContactMessage.objects.filter(evangelist=evangelist, confirmed_at__isnull=False)
    found = get_object_or_404(sent_on, public_id=public_id)
    if request.method == "POST":
        contact.report(found, by=reader)
        messages.success(request, _("Staff will look at it. Its sender can write to nobody now."))
        return _back()
    return render(request, "account_area/evangelist/report.html", {"message": found})


# --- The way out ----------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    """Delete the profile and what names the person; the account itself stays."""
    reader, evangelist, _page = _own(request)
    form = EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            erasing.erase(evangelist, by=reader)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Your profile is erased. Your account stays."))
            return SeeOther(reverse("account_area"))
    return render(request, "account_area/evangelist/erase.html", {"form": form})
