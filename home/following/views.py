"""The pages by which people follow without an account. No link changes anything by being opened."""

from http import HTTPStatus
from urllib.parse import urlencode

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.refusals import Refusal
from core.responses import SeeOther
from home.following import follows, subjects
from home.following.forms import CodeForm, FollowForm
from home.following.refusals import FollowLinkIsWrong, TooOften
from home.following.subjects import KINDS, Subject
from home.models.following import Follow


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: HttpRequest) -> HttpResponse:
    """The form; ``?pool=…``, ``?country=…``, ``?topic=…`` or ``?news=…`` chooses what beforehand.

    The answer to a form that is filled in is the same whoever's address it is.
    """
    form = FollowForm(request.POST or None, initial={"what": _chosen(request)})
    if request.method != "POST" or not form.is_valid():
        return render(request, "home/follow.html", {"form": form})
    address, subject = form.cleaned_data["address"], subjects.read(form.cleaned_data["what"])
    if not form.is_trap_sprung:
        if not ratelimit.consume(request, action="follow", key=address.lower()):
            form.refuse(TooOften())
            return _too_often(render(request, "home/follow.html", {"form": form}))
        follows.ask(
            address,
            subject,
            often=form.cleaned_data["often"],
            language=get_language() or "en",
        )
    asked = follows.asked_token(address, subject)
    return SeeOther(f"{reverse('follow_code')}?{urlencode({'asked': asked})}")


def _chosen(request: HttpRequest) -> str:
    for kind in KINDS:
        if key := request.GET.get(kind):
            return Subject(kind, key).value
    return Subject(Follow.Kind.NEWS, get_language() or "en").value


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """After the form: look into the mailbox, open the link there, or type the code here."""
    asked = request.POST.get("asked") or request.GET.get("asked", "")
    try:
        address, subject = follows.read_asked(asked)
    except FollowLinkIsWrong as refusal:
        return _refused(request, refusal)
    form = CodeForm(request.POST or None)
    context = {"form": form, "asked": asked, "address": address, "subject": _name(subject)}
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="follow_code", key=address):
            form.refuse(TooOften())
            return _too_often(render(request, "home/follow_code.html", context))
        try:
            follows.confirm_by_code(asked, form.cleaned_data["code"])
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return SeeOther(f"{follows.all_path(address)}?new=1")
    return render(request, "home/follow_code.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The page with the button that a mail leads to; opening it changes nothing."""
    try:
        if request.method == "POST":
            done = follows.confirm_by_link(token)
            return SeeOther(f"{follows.all_path(done.address)}?new=1")
        found = follows.by_link(token)
    except Refusal as refusal:
        return _refused(request, refusal)
    context = {"follow": found, "subject": _name(follows.of(found))}
    return render(request, "home/follow_confirm.html", context)


# The signature is the right to do it: mail programs post here without a cookie (RFC 8058).
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """A button that ends a follow, or all that are told weekly; a mail program may post as well."""
    try:
        address, kind, key = follows.read_stop(token)
        if request.method == "POST":
            follows.stop(token)
    except Refusal as refusal:
        return _refused(request, refusal)
    mine = Follow.objects.filter(address=address, confirmed_at__isnull=False)
    standing = mine.filter(kind=kind, key=key) if kind else mine.filter(often=Follow.Often.WEEKLY)
    context = {
        "address": address,
        "subject": _name(Subject(kind, key)) if kind else "",
        "stands": standing.exists(),
        "all_href": follows.all_path(address),
    }
    return render(request, "home/follow_stop.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def everything(request: HttpRequest, token: str) -> HttpResponse:
    """All that an address follows, with what can be changed. A fixed number of queries."""
    try:
        address = follows.read_all(token)
    except FollowLinkIsWrong as refusal:
        return _refused(request, refusal)
    if request.method == "POST":
        _act(request, address)
        return SeeOther(request.path)
    found = Follow.objects.filter(address=address, confirmed_at__isnull=False).order_by("pk")
    names = subjects.names()
    context = {
        "address": address,
        "follows": [(each, follows.name_of(each, names)) for each in found],
        "is_new": "new" in request.GET,
    }
    return render(request, "home/follow_all.html", context)


def _act(request: HttpRequest, address: str) -> None:
    """What one of the buttons says. What names nothing of this address changes nothing."""
    act, pk = request.POST.get("act", ""), request.POST.get("pk", "")
    if act == "stop_all":
        follows.stop_all(address)
    elif pk.isascii() and pk.isdecimal() and len(pk) < 19:
        if act == "stop":
            follows.stop_one(address, int(pk))
        elif act in Follow.Often.values:
            follows.change(address, int(pk), act)


def _name(subject: Subject) -> str:
    return subjects.names().get(subject, subject.key)


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    context = {"refusal": refusal}
    return render(request, "home/follow_refused.html", context, status=HTTPStatus.NOT_FOUND)


def _too_often(response: HttpResponse) -> HttpResponse:
    response.status_code = HTTPStatus.TOO_MANY_REQUESTS
    response["Retry-After"] = "3600"
    return response
