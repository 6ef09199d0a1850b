"""An evangelist edits their own profile; staff approve it in the back office."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.models import User
from core.refusals import Refusal
from home.evangelists import public
from home.forms import ProfileForm
from home.models import EvangelistPage
from home.profiles import OWN_FIELDS, as_edited, profile_of, propose, standing


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """The form with the person's last words, approved or not, and where they stand with staff.

    The address names nobody: whose profile it is follows from who is signed in.
    """
    assert isinstance(request.user, User)
    page = profile_of(request.user)
    if page is None:
        if request.method == "POST":
            raise Http404
        return render(request, "account_area/evangelist/none.html")

    form = ProfileForm(request.POST or None, instance=as_edited(page))
    is_preview = request.POST.get("act") == "preview"
    is_sent = request.method == "POST" and not is_preview
    if is_sent and form.is_valid() and _propose(request, page, form):
        return redirect("account_evangelist")
    context = {"form": form, "profile": page, "standing": standing(page)}
    if is_preview and form.is_valid():
        # The page as it would be, from the form's own object, which is saved nowhere.
        draft = form.instance
        context |= {"preview": draft, **public.of_page(draft)}
    return render(request, "account_area/evangelist/profile.html", context)


def _propose(request: HttpRequest, page: EvangelistPage, form: ProfileForm) -> bool:
    """Whether the change was taken; if not, the form says why and keeps what was typed."""
    assert isinstance(request.user, User)
    if not form.has_changed():
        messages.info(request, _("Nothing was changed."))
        return True
    values = {name: form.cleaned_data[name] for name in OWN_FIELDS}
    try:
        propose(page, by=request.user, values=values)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
    except ValidationError as error:
        form.add_error(None, error.messages)
    else:
        messages.success(request, _("Sent to staff. The public page changes when they approve it."))
        return True
    return False
