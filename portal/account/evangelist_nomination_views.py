"""Nominating an evangelist, and answering a nomination.

Links in mails are opened by scanners, some of which submit forms: a GET changes nothing here, and
every change asks for a person who is signed in.
"""

import uuid

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from core.typed_codes import hashes_of
from home.evangelists import nominating, service, terms
from home.evangelists.forms import CodeForm, NominationForm, TermsForm
from home.evangelists.nominating import Offer
from home.evangelists.refusals import NominationOver, TooManyTries
from home.models import Nomination
from home.profiles import profile_of

# What the session remembers of a code that was typed, until the answer is given.
TYPED = "evangelist_nomination_code"


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


# --- Whoever nominates ----------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def nominate(request: HttpRequest) -> HttpResponse:
    """Put somebody forward; ``?as=successor`` as one's own successor, prefilled from the profile."""
    reader = _reader(request)
    own = service.evangelist_of(reader)
    is_succession = request.GET.get("as") == "successor" and own is not None
    form = NominationForm(
        request.POST if request.method == "POST" else None,
        organisations=nominating.represented_by(reader),
        is_succession=is_succession,
        initial=_initial(request, reader, is_succession),
    )
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        token = values.pop("form_token")
        try:
            if not ratelimit.consume(request, action="nominate", user=reader):
                raise TooManyTries
            made = nominating.nominate(
                Offer(**values, successor_of=own if is_succession else None),
                by=reader,
                form_token=token,
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return _nominated(request, made, reader)
    return render(
        request,
        "account_area/evangelist/nominate.html",
        {
            "form": form,
            "is_succession": is_succession,
            "nominations": reader.evangelist_nominations.exclude(name=""),
        },
    )


def _initial(request: HttpRequest, reader: User, is_succession: bool) -> dict[str, object]:
    initial: dict[str, object] = {"form_token": uuid.uuid4(), "language": get_language()}
    if request.GET.get("as") == "self":
        initial |= {"name": reader.get_full_name(), "email": reader.email}
    page = profile_of(reader) if is_succession else None
    if page is not None:
        first = next(iter(page.country_names or page.topics), "")
        initial |= {"level": page.level, "follows_in": first}
    return initial


def _nominated(request: HttpRequest, made: Nomination, reader: User) -> HttpResponse:
    if nominating.is_for(made, reader):
        return SeeOther(reverse("evangelist_nomination", args=[nominating.token_of(made)]))
    messages.success(
        request,
        _("We wrote to %(email)s. You see here what comes of it.") % {"email": made.email},
    )
    return SeeOther(reverse("evangelist_nominate"))


@login_required
@require_POST
def withdraw(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take one's own nomination back while nobody answered it."""
    reader = _reader(request)
    found = get_object_or_404(reader.evangelist_nominations, public_id=public_id)
    try:
        nominating.withdraw(found, by=reader)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The nomination is withdrawn."))
    return SeeOther(reverse("evangelist_nominate"))


# --- The person nominated -------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def nomination(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link of the mail; POST by the person answers it."""
    found = nominating.find(token)
    if found is None:
        return render(request, "account_area/evangelist/bad_link.html", status=404)
    reader = request.user if isinstance(request.user, User) else None
    if reader is not None and found.accepted_by_id == reader.pk:
        return _over(
            request, _("You accepted this nomination. Staff decide next and write to you.")
        )
    try:
        nominating.require_open(found)
    except NominationOver as refusal:
        return _over(request, str(refusal), status=410)
    typed = request.session.get(TYPED, "")
    may_answer = reader is not None and (
        nominating.is_for(found, reader) or found.code_hash in hashes_of(typed)
    )
    version = terms.to_accept(reader) if reader else None
    form = TermsForm(request.POST if request.method == "POST" else None, version=version)
    if request.method == "POST" and reader is not None and may_answer:
        answer = _answer(request, found, reader, form, typed)
        if answer is not None:
            return answer
    return render(
        request,
        "account_area/evangelist/nomination.html",
        {
            "nomination": found,
            "may_answer": may_answer,
            "form": form,
            "version": version,
            "code_form": CodeForm(),
        },
    )


def _answer(
    request: HttpRequest, found: Nomination, reader: User, form: TermsForm, code: str
) -> HttpResponse | None:
    """What the button did; None where the form has something to correct."""
    try:
        if request.POST.get("act") == "refuse":
            nominating.refuse(found, by=reader, code=code)
            messages.success(request, _("You said no. Nobody asks you again for half a year."))
            return SeeOther(reverse("account_area"))
        if not form.is_valid():
            return None
        nominating.accept(found, by=reader, version_id=form.version_id, code=code)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return SeeOther(request.path)
    request.session.pop(TYPED, None)
    messages.success(request, _("You accepted. Staff decide next and write to you."))
    return SeeOther(reverse("account_area"))


def _over(request: HttpRequest, lead: str, *, status: int = 200) -> HttpResponse:
    return render(request, "account_area/evangelist/over.html", {"lead": lead}, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Type the code of a nomination: it opens the page on which one answers."""
    reader = _reader(request)
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="nomination_code", user=reader):
            form.add_error("code", _("Too many codes in an hour. Try again later."))
            status = 429
        else:
            try:
                found = nominating.find_by_code(form.cleaned_data["code"])
            except Refusal as refusal:
                form.add_error("code", str(refusal))
            else:
                request.session[TYPED] = form.cleaned_data["code"]
                token = nominating.token_of(found)
                return SeeOther(reverse("evangelist_nomination", args=[token]))
    return render(request, "account_area/evangelist/code.html", {"form": form}, status=status)
