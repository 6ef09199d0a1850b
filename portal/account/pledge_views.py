"""A donor's pledge: paying a part of an instalment, asking others to pay it, the signed agreement."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import uploads
from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from funding.payments.models import Payment
from funding.payments.views import to_checkout
from funding.pools import agreements as papers
from funding.pools import instalments, pledges, queries
from funding.pools.models import Instalment, Pledge
from funding.pools.views import signed_in
from portal.account.pledge_forms import AgreementForm, InstalmentForm


def _own_pledge(request: HttpRequest, reference: uuid.UUID) -> tuple[User, Pledge]:
    """The reader and their pledge, or 404: loading is authorising."""
    user = signed_in(request)
    if user is None:
        raise Http404
    return user, get_object_or_404(queries.pledges_of(user), reference=reference)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instalment(request: HttpRequest, reference: uuid.UUID, number: int) -> HttpResponse:
    """Pay an instalment or a part of it, by any way, or ask somebody else to."""
    user, found = _own_pledge(request, reference)
    part = get_object_or_404(found.instalments.select_related("pledge"), number=number)
    try:
        instalments.check_payable(part)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("giving_pledge", reference=reference)
    form = InstalmentForm(request.POST or None, outstanding=part.outstanding)
    if request.method == "POST" and form.is_valid():
        try:
            return _pay_or_ask(request, form, part, user)
        except Refusal as refusal:
            form.refuse(refusal)
    seen = queries.given_pledge(found)
    return render(
        request,
        "account_area/giving/instalment.html",
        {
            "form": form,
            "pledge": found,
            "instalment": part,
            "profile": found.pool.profile,
            "seen": next(one for one in seen.instalments if one.instalment.pk == part.pk),
        },
    )


def _pay_or_ask(
    request: HttpRequest, form: InstalmentForm, part: Instalment, user: User
) -> HttpResponse:
    """Write down what the form says, and lead on. Raises refusals."""
    amount, language = form.cleaned_data["amount"], get_language() or "en"
    if form.by_card:
        payment: Payment = instalments.begin_instalment_payment(
            part, user=user, language=language, amount=amount
        )
        return to_checkout(request, payment)
    request_to_pay = instalments.expect_instalment(
        part,
        user=user,
        language=language,
        amount=amount,
        channel=form.channel,
        payer=form.bill_to,
        purchase_order=form.cleaned_data["purchase_order"],
    )
    if form.bill_to is None:
        return SeeOther(request_to_pay.get_absolute_url())
    messages.success(
        request,
        _("The payment request %(number)s is on its way to %(payer)s.")
        % {"number": request_to_pay.number, "payer": request_to_pay.payer_name},
    )
    return SeeOther(reverse("giving_instalment", args=[part.pledge.reference, part.number]))


@login_required
@require_POST
def withdraw_request(
    request: HttpRequest, reference: uuid.UUID, public_id: uuid.UUID
) -> HttpResponse:
    """Take a payment request back."""
    user, found = _own_pledge(request, reference)
    open_ones = pledges.expected_for(part.pk for part in found.instalments.all())
    asked = get_object_or_404(open_ones, public_id=public_id)
    instalments.withdraw_request(asked, by=user)
    messages.success(request, _("The payment request is withdrawn."))
    return SeeOther(reverse("giving_pledge", args=[reference]))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def agreements(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """The signed agreement of a binding pledge: what is here, and adding it."""
    user, found = _own_pledge(request, reference)
    if not found.binding:
        raise Http404
    form = AgreementForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            sent = form.cleaned_data["file"]
            papers.attach_agreement(
                found,
                file_name=sent.name,
                content_type=sent.content_type,
                content=uploads.bytes_of(sent, limit=papers.LIMIT),
                signed_on=form.cleaned_data["signed_on"],
                by=user,
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The signed agreement is kept with your pledge."))
            return SeeOther(request.path)
    return render(
        request,
        "account_area/giving/agreements.html",
        {
            "form": form,
            "pledge": found,
            "profile": found.pool.profile,
            "agreements": found.agreements.defer("content"),
        },
    )


@login_required
@require_safe
def agreement(request: HttpRequest, reference: uuid.UUID, pk: int) -> HttpResponse:
    """One signed agreement, to keep."""
    _user, found = _own_pledge(request, reference)
    paper = get_object_or_404(found.agreements, pk=pk)
    return uploads.download(paper.file_name, paper.content_type, bytes(paper.content))
