"""Applying: the steps of a draft, sharing it with a colleague, handing it in and following it.

Loading is authorising: an application is loaded through its applicant, a draft also through a share
that stands. Everything else is a 404, whether it exists or not.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import uploads
from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from membership import accepting, applications, attachments, drafts, named_people, queries, sharing
from membership.forms import (
    STEP_FORMS,
    CodeForm,
    FileForm,
    OrganisationForm,
    ShareForm,
    StepForm,
    WordsForm,
)
from membership.models import Application, Attachment, Share
from membership.refusals import ApplicationIncomplete, SavedMeanwhile, TierNotOffered, WrongStep

Step = drafts.Step


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _own_application(request: HttpRequest, public_id: uuid.UUID) -> Application:
    """The reader's own application, or 404."""
    return get_object_or_404(
        Application.objects.select_related("tier", "organisation", "applicant"),
        public_id=public_id,
        applicant=_reader(request),
    )


def _editable_application(request: HttpRequest, public_id: uuid.UUID) -> Application:
    """One that the reader made, or a draft that is shared with them; or 404."""
    found = sharing.editable_by(_reader(request)).select_related(
        "tier", "organisation", "applicant"
    )
    return get_object_or_404(found, public_id=public_id)


def _page_of(application: Application) -> str:
    """Where an application goes on: a draft to its check page, the rest to its own page."""
    name = "membership_application_check" if application.is_draft else "membership_application"
    return reverse(name, args=[application.public_id])


def _step_url(application: Application, step: str) -> str:
    return reverse("membership_application_step", args=[application.public_id, step])


# --- Writing --------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """The first step of a new application. Sent twice it makes one draft.

    ``?again=`` names an organisation of the reader's that is no member any more and applies anew:
    it stays the same organisation.
    """
    reader = _reader(request)
    again = (
        queries.former_members_of(reader, timezone.localdate())
        .filter(slug=request.GET.get("again", ""))
        .first()
    )
    initial = {name: getattr(again, name) for name in OrganisationForm.names()} if again else {}
    form = OrganisationForm(request.POST or None, initial=initial)
    if request.method == "POST":
        whole = form.is_valid()
        token = form.cleaned_data.get("form_token")
        if token is None:
            form.add_error(None, _("The form is incomplete. Open the page again and fill it in."))
        elif any(form.answers().given().values()):
            draft = applications.start(
                form.answers(), by=reader, form_token=token, organisation=again
            )
            if whole or _saves_for_later(request, form):
                return _go_on(request, draft, Step.ORGANISATION)
    return _step_page(
        request,
        form,
        drafts_too=sharing.editable_by(reader).filter(state=Application.State.DRAFT),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, public_id: uuid.UUID, step: str) -> HttpResponse:
    """One step of a draft: saved by either button, also half-filled. ``?problems`` says what lacks."""
    draft = _editable_application(request, public_id)
    form_class = STEP_FORMS.get(step)
    if form_class is None:
        raise Http404
    if not draft.is_draft:
        return redirect(_page_of(draft))
    if request.method != "POST":
        shown = form_class.of_saved(draft) if "problems" in request.GET else form_class(draft=draft)
        return _step_page(request, shown)
    form = form_class(request.POST, draft=draft)
    whole = form.is_valid()
    saved_now: list[tuple[str, str]] = []
    try:
        draft = applications.save_draft(
            draft, form.answers(), by=_reader(request), version=form.cleaned_data.get("version")
        )
    except SavedMeanwhile as refusal:
        draft.refresh_from_db()
        form.add_error(None, str(refusal))
        saved_now = _saved_now(form, draft)
    except WrongStep as refusal:
        messages.error(request, str(refusal))
        return SeeOther(_page_of(draft))
    else:
        if whole or _saves_for_later(request, form):
            return _go_on(request, draft, step)
    # What is typed stays; sent again it is measured against what is saved now.
    form.data = {**request.POST.dict(), "version": str(draft.version)}
    return _step_page(request, form, saved_now=saved_now)


def _saves_for_later(request: HttpRequest, form: StepForm) -> bool:
    """Whether the reader leaves, and all that they typed is kept in the draft."""
    return request.POST.get("then") == "later" and not form.lost()


def _go_on(request: HttpRequest, draft: Application, step: str) -> HttpResponse:
    if request.POST.get("then") == "later":
        messages.success(request, _("Saved. Go on with it whenever you like."))
        return SeeOther(reverse("membership_area"))
    steps: list[str] = list(Step.values)
    following = steps[steps.index(step) + 1 :]
    return SeeOther(_step_url(draft, following[0]) if following else _page_of(draft))


def _saved_now(form: StepForm, draft: Application) -> list[tuple[str, str]]:
    """(label, saved value) of each field in which the saved answer differs from the typed one."""
    differing = []
    typed = form.answers().given()
    for name in form.names():
        saved = getattr(draft, name)
        if saved != typed.get(name):
            shown = getattr(draft, f"get_{name}_display", lambda value=saved: value)()
            differing.append((str(form.fields[name].label), str(shown or "–")))
    return differing


def _step_page(
    request: HttpRequest, form: StepForm, *, drafts_too: Any = (), saved_now: Any = ()
) -> HttpResponse:
    draft, steps = form.draft, list(Step.values)
    number = steps.index(form.step)
    return render(
        request,
        "account_area/membership/step.html",
        {
            "form": form,
            "draft": draft,
            "drafts": drafts_too,
            "saved_now": saved_now,
            "step_name": Step(form.step).label,
            "steps": [*Step.labels, _("Check")],
            "number": number + 1,
            "previous": _step_url(draft, steps[number - 1]) if draft and number else "",
        },
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The answers once more, what still lacks, the fee, and the button that submits."""
    draft = _editable_application(request, public_id)
    reader = _reader(request)
    if not draft.is_draft:
        return redirect(_page_of(draft))
    if request.method == "POST":
        if draft.applicant_id != reader.pk:
            raise Http404
        try:
            submitted = applications.submit(draft, by=reader)
        except WrongStep:
            # The second press of the button: the first one did it.
            return SeeOther(reverse("membership_application", args=[draft.public_id]))
        except Refusal as refusal:
            # The page says it again, with all else that lacks.
            messages.error(request, str(refusal))
            return SeeOther(_page_of(draft))
        messages.success(request, _("The application is submitted."))
        return SeeOther(_page_of(submitted))
    return render(
        request,
        "account_area/membership/check.html",
        {
            "application": draft,
            "problems": [(one, _problem_url(draft, one)) for one in drafts.problems(draft)],
            "steps": [*Step.labels, _("Check")],
            "number": len(Step.values) + 1,
            "step_links": [(_step_url(draft, value), label) for value, label in Step.choices],
            "is_applicant": draft.applicant_id == reader.pk,
            "fee": _fee_or_none(draft),
            "files": draft.attachments.defer("content"),
            "versions": draft.ticked_versions.select_related("agreement"),
        },
    )


def _problem_url(draft: Application, problem: drafts.Problem) -> str:
    place = f"#id_{problem.field}" if problem.field else ""
    return f"{_step_url(draft, problem.step)}?problems=1{place}"


# --- Files ----------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def files(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The files of an application; POST adds one, while it is written or an answer is waited for."""
    found = _editable_application(request, public_id)
    if found.state not in attachments.TAKES_FILES:
        return redirect(_page_of(found))
    form = FileForm()
    if request.method == "POST":
        form = FileForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                added = attachments.add(found, form.cleaned_data["file"], by=_reader(request))
            except Refusal as refusal:
                form.add_error("file", str(refusal))
            else:
                messages.success(request, _("%(file)s is added.") % {"file": added})
                return SeeOther(reverse("membership_application_files", args=[found.public_id]))
    return render(
        request,
        "account_area/membership/files.html",
        {
            "application": found,
            "form": form,
            "files": found.attachments.defer("content"),
            "back": _page_of(found),
        },
    )


def _own_file(request: HttpRequest, public_id: uuid.UUID, file_id: uuid.UUID) -> Attachment:
    application = _editable_application(request, public_id)
    found = application.attachments.select_related("application")
    return get_object_or_404(found, public_id=file_id)


@login_required
@require_safe
def file(request: HttpRequest, public_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponse:
    """One file, for those who write the application."""
    found = _own_file(request, public_id, file_id)
    return uploads.download(found.file_name, found.content_type, bytes(found.content))


@login_required
@require_POST
def remove_file(request: HttpRequest, public_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponse:
    """Take a file out of a draft."""
    found = _own_file(request, public_id, file_id)
    try:
        attachments.remove(found, by=_reader(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(file)s is removed.") % {"file": found})
    return SeeOther(reverse("membership_application_files", args=[public_id]))


# --- Sharing --------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """With whom a draft is shared; POST names one more address."""
    draft = _own_application(request, public_id)
    if not draft.is_draft:
        return redirect(_page_of(draft))
    form = ShareForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = sharing.share(draft, form.cleaned_data["email"], by=_reader(request))
        except Refusal as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(
                request, _("Shared. %(email)s gets a message.") % {"email": made.email}
            )
            return SeeOther(reverse("membership_application_share", args=[draft.public_id]))
    return render(
        request,
        "account_area/membership/share.html",
        {
            "application": draft,
            "form": form,
            "shares": draft.shares.filter(revoked_at__isnull=True).select_related("person"),
        },
    )


@login_required
@require_POST
def revoke_share(request: HttpRequest, public_id: uuid.UUID, share_id: uuid.UUID) -> HttpResponse:
    """Stop sharing a draft with somebody."""
    draft = _own_application(request, public_id)
    found = get_object_or_404(draft.shares.select_related("application"), public_id=share_id)
    sharing.revoke(found, by=_reader(request))
    messages.success(request, _("No longer shared with %(email)s.") % {"email": found.email})
    return SeeOther(reverse("membership_application_share", args=[draft.public_id]))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def shares(request: HttpRequest, public_id: uuid.UUID | None = None) -> HttpResponse:
    """The drafts that colleagues share with the reader: by the message's link, or by its code.

    Nothing happens on GET: mail scanners open links. POST takes the draft up.
    """
    reader = _reader(request)
    form = CodeForm(request.POST if request.method == "POST" and public_id is None else None)
    refused = ""
    if request.method == "POST" and (public_id is not None or form.is_valid()):
        try:
            if public_id is not None:
                opened = sharing.open_share(
                    get_object_or_404(Share, public_id=public_id), by=reader
                )
            else:
                opened = sharing.open_by_code(form.cleaned_data["code"], by=reader)
        except Refusal as refusal:
            refused = str(refusal)
        else:
            return SeeOther(_page_of(opened) if opened.is_draft else reverse("membership_area"))
    return render(
        request,
        "account_area/membership/shares.html",
        {"offered": sharing.offered_to(reader), "form": form, "refused": refused},
    )


# --- Following an application ---------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def application(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Where an application stands, what happens next and when; POST answers a question."""
    found = _editable_application(request, public_id)
    if found.is_draft:
        return redirect(_page_of(found))
    if request.POST.get("act") == "appeal":
        return _appeal(request, found)
    if request.POST.get("act") == "invite":
        return _invite_named(request, found)
    form = WordsForm(request.POST or None, label=_("Your answer"))
    if request.method == "POST" and form.is_valid():
        try:
            applications.answer(found, form.cleaned_data["words"], by=_reader(request))
        except WrongStep:
            messages.info(request, _("There is no open question. The answer was not needed."))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Your answer is sent. The review goes on."))
        return SeeOther(_page_of(found))
    return _standing_page(request, found, form=form if found.open_question else None)


def _invite_named(request: HttpRequest, found: Application) -> HttpResponse:
    """Invite whom it names. Pressed twice, everybody gets one mail."""
    try:
        invited = named_people.invite_named(found, by=_reader(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return SeeOther(_page_of(found))
    if invited:
        addresses = ", ".join(each.email for each in invited)
        messages.success(
            request, _("The invitations go to %(addresses)s.") % {"addresses": addresses}
        )
    else:
        messages.info(request, _("They are invited already."))
    return SeeOther(_page_of(found))


def _appeal(request: HttpRequest, found: Application) -> HttpResponse:
    form = _appeal_form(request.POST)
    if not form.is_valid():
        return _standing_page(request, found, appeal_form=form)
    try:
        applications.appeal(found, form.cleaned_data["words"], by=_reader(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Your appeal is sent. Somebody who had no part decides."))
    return SeeOther(_page_of(found))


def _appeal_form(data: Any = None) -> WordsForm:
    form = WordsForm(data, label=_("Why the decision should be looked at again"))
    form.fields["words"].error_messages["required"] = _("Write why.")
    return form


def _standing_page(
    request: HttpRequest,
    found: Application,
    *,
    form: WordsForm | None = None,
    appeal_form: WordsForm | None = None,
) -> HttpResponse:
    until = found.appeal_until
    may_appeal = until is not None and timezone.localdate() <= until
    return render(
        request,
        "account_area/membership/application.html",
        {
            "application": found,
            "form": form,
            "question": found.open_question,
            "answered": found.information_requests.filter(answered_at__isnull=False),
            "acceptances": found.acceptances.select_related("version__agreement"),
            "fee": _fee_or_none(found),
            "named": named_people.to_invite(found),
            "may_invite": found.organisation is not None
            and accepting.may_accept(found.organisation, _reader(request)),
            "appeal": found.appeal if found.has_appeal else None,
            "appeal_until": until,
            "appeal_form": (appeal_form or _appeal_form()) if may_appeal else None,
            "files": found.attachments.defer("content"),
            "takes_files": found.state in attachments.TAKES_FILES,
        },
    )


def _fee_or_none(found: Application) -> object:
    try:
        return applications.promised_fee(found)
    except (ApplicationIncomplete, TierNotOffered):
        return None


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Say what withdrawing means, then do it by POST."""
    found = _own_application(request, public_id)
    if request.method == "POST":
        try:
            applications.withdraw(found, by=_reader(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The application is withdrawn."))
        return SeeOther(reverse("membership_area"))
    if not found.is_open:
        return redirect(_page_of(found))
    return render(request, "account_area/membership/withdraw.html", {"application": found})
