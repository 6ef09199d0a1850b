"""Public addresses around evangelists: writing to one, and checking a certificate."""

import uuid

from allauth.core import ratelimit
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from core.refusals import Refusal
from core.responses import SeeOther
from home.evangelists import contact, directory, service
from home.evangelists.forms import CodeForm, LetterForm
from home.models import Evangelist, EvangelistPage
from home.models.base import public


def _page_in_language(**which: object) -> EvangelistPage | None:
    """The published page in the reader's language; any other where there is none."""
    pages = directory.with_service(public(EvangelistPage)).filter(**which)
    found = list(pages.select_related("locale", "alias_of__locale", "evangelist", "person"))
    here = [page for page in found if page.locale.language_code == get_language()]
    return next(iter(here or found), None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, slug: str) -> HttpResponse:
    """The form of a message; what comes of it is a mail to the address that the sender gave."""
    page = _page_in_language(slug=slug)
    if page is None or page.evangelist is None:
        raise Http404
    takes = service.takes_messages(page.evangelist, page.person, directory.service_of(page))
    form = LetterForm(request.POST) if request.method == "POST" else LetterForm.fresh()
    status = 200
    if request.method == "POST" and takes:
        if form.is_trap_sprung:
            # A program learns nothing: it reads what a person reads.
            return SeeOther(reverse("evangelist_message_code"))
        if form.is_valid():
            if not ratelimit.consume(request, action="evangelist_message"):
                form.add_error(None, _("Too many messages in an hour. Try again later."))
                status = 429
            elif _wrote(form, page.evangelist):
                return SeeOther(reverse("evangelist_message_code"))
    return render(
        request,
        "home/evangelists/contact.html",
        {"page": page, "form": form, "takes_messages": takes},
        status=status if takes else 200,
    )


def _wrote(form: LetterForm, evangelist: Evangelist) -> bool:
    values = form.cleaned_data
    letter = contact.Letter(
        name=values["name"],
        email=values["email"],
        text=values["text"],
        language=get_language() or "en",
    )
    try:
        contact.write(evangelist, letter, form_token=values["form_token"])
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def message(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link of the mail: nothing happens before its button is pressed."""
    found = contact.find(token)
    refusal = ""
    if found is not None and found.confirmed_at is not None:
        return SeeOther(reverse("evangelist_message_sent"))
    if request.method == "POST" and found is not None:
        try:
            contact.send_on(found)
        except Refusal as refused:
            refusal = str(refused)
        else:
            return SeeOther(reverse("evangelist_message_sent"))
    page = service.page_of(found.evangelist) if found else None
    return render(
        request,
        "home/evangelists/message.html",
        {"found": found, "page": page, "refusal": refusal},
        status=404 if found is None else 200,
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def message_code(request: HttpRequest) -> HttpResponse:
    """Type the code of the mail; as good as its link."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="message_code"):
            form.add_error("code", _("Too many codes in an hour. Try again later."))
            status = 429
        else:
            try:
                contact.send_on_by_code(form.cleaned_data["code"])
            except Refusal as refusal:
                form.add_error("code", str(refusal))
            else:
                return SeeOther(reverse("evangelist_message_sent"))
    return render(request, "home/evangelists/message_code.html", {"form": form}, status=status)


@require_safe
def message_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "home/evangelists/sent.html")


@require_safe
def certificate(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Whether the holder of a certificate serves today; of somebody erased, that it is withdrawn."""
    evangelist = get_object_or_404(Evangelist, code=code)
    page = None if evangelist.erased_at else _page_in_language(evangelist=evangelist)
    return render(
        request,
        "home/evangelists/certificate.html",
        {
            "evangelist": evangelist,
            "page": page,
            "service": directory.service_of(page) if page else service.NOTHING,
            "today": timezone.localdate(),
        },
    )
