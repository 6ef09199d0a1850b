"""What people of member organisations see and do: apply, follow an application, pay.

Loading is authorising: an application is loaded through its applicant, an organisation and its
invoices through the reader's seat. Everything else is a 404, whether it exists or not.
"""

import datetime
import uuid
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.models import User
from core.refusals import Refusal
from core.responses import SeeOther
from funding.dues import billing, crediting
from funding.dues.refusals import InvoiceVoid
from funding.payments.models import Invoice, Payment, Status
from funding.payments.views import to_checkout
from membership import applications, queries
from membership.forms import ApplicationForm, WordsForm
from membership.models import Application, Organisation, Seat, Term
from membership.refusals import AgreementNotAccepted, TierNotOffered, WrongStep


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


def _own_invoice(request: HttpRequest, public_id: uuid.UUID) -> Invoice:
    """An invoice of an organisation in which the reader has a seat, or 404."""
    own_terms = Term.objects.filter(organisation__seats__person=_reader(request))
    return get_object_or_404(
        Invoice,
        public_id=public_id,
        purpose=billing.PURPOSE,
        purpose_id__in=own_terms.values("pk"),
    )


# --- The overview ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice as its organisation sees it."""

    invoice: Invoice
    term: Term
    paid_by: Payment | None
    under_way: Payment | None
    why_not_payable: str
    may_give_purchase_order: bool

    @property
    def is_void(self) -> bool:
        return self.invoice.voided_by is not None

    @property
    def can_be_paid(self) -> bool:
        return not self.paid_by and not self.why_not_payable and not self.under_way

    @property
    def is_part_paid(self) -> bool:
        return self.can_be_paid and self.invoice.received.amount > 0

    @property
    def can_take_purchase_order(self) -> bool:
        return self.can_be_paid and not self.is_part_paid and self.may_give_purchase_order

    @property
    def is_overdue(self) -> bool:
        return self.can_be_paid and self.invoice.due_on < timezone.localdate()


@dataclass(frozen=True, slots=True)
class Standing:
    """A term with its status on the day of reading."""

    term: Term
    status: Term.Status

    @property
    def tag(self) -> str:
        """How the status is coloured (templates/components/tag.html)."""
        return {
            Term.Status.CURRENT: "good",
            Term.Status.UPCOMING: "good",
            Term.Status.AWAITING_PAYMENT: "warning",
            Term.Status.GRACE: "warning",
            Term.Status.LAPSED: "loss",
            Term.Status.CANCELLED: "quiet",
        }[self.status]


@dataclass(frozen=True, slots=True)
class Membership:
    """An organisation of the reader's: its terms, what it owes, who sits in it."""

    organisation: Organisation
    standings: list[Standing]
    bills: list[Bill]
    seats: list[Seat]
    own_seat: Seat | None

    @property
    def latest(self) -> Standing | None:
        return self.standings[0] if self.standings else None


def _membership(organisation: Organisation, reader: User, on: datetime.date) -> Membership:
    terms = {term.pk: term for term in organisation.terms.all()}
    seats = list(organisation.seats.select_related("person"))
    return Membership(
        organisation=organisation,
        standings=[Standing(term, term.status(on)) for term in terms.values()],
        bills=[
            Bill(
                invoice=invoice,
                term=terms[invoice.purpose_id],
                paid_by=invoice.how_paid().by,
                under_way=invoice.payments.filter(status=Status.PROCESSING).first(),
                why_not_payable=billing.why_not_payable(terms[invoice.purpose_id], invoice),
                may_give_purchase_order=crediting.may_give_purchase_order(
                    reader, terms[invoice.purpose_id]
                ),
            )
            for invoice in billing.invoices_of(organisation).select_related("credit_note")
        ],
        seats=seats,
        own_seat=next((seat for seat in seats if seat.person_id == reader.pk), None),
    )


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """My organisations, what they owe, and my applications."""
    reader = _reader(request)
    today = timezone.localdate()
    return render(
        request,
        "account_area/membership/overview.html",
        {
            "memberships": [
                _membership(organisation, reader, today)
                for organisation in queries.organisations_of(reader)
            ],
            "applications": reader.applications.select_related("tier").order_by("-pk"),
        },
    )


# --- Applying -------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """The form of a new application. Sent twice it makes one draft."""
    if request.method == "POST":
        form = ApplicationForm(request.POST)
        if form.is_valid():
            application = applications.start(
                form.answers(),
                by=_reader(request),
                form_token=form.cleaned_data["form_token"],
            )
            return SeeOther(_page_of(application))
    else:
        form = ApplicationForm()
    drafts = _reader(request).applications.filter(state=Application.State.DRAFT)
    return render(
        request,
        "account_area/membership/form.html",
        {"form": form, "draft": None, "drafts": drafts},
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Change a draft. What is submitted stays as it is."""
    draft = _own_application(request, public_id)
    if not draft.is_draft:
        return redirect(_page_of(draft))
    if request.method == "POST":
        form = ApplicationForm(request.POST, draft=draft)
        if form.is_valid():
            try:
                draft = applications.save_draft(draft, form.answers(), by=_reader(request))
            except WrongStep as refusal:
                messages.error(request, str(refusal))
            return SeeOther(_page_of(draft))
    else:
        form = ApplicationForm(draft=draft)
    return render(
        request,
        "account_area/membership/form.html",
        {"form": form, "draft": draft},
    )


def _page_of(application: Application) -> str:
    """Where an application goes on: a draft to its check page, the rest to its own page."""
    name = "membership_application_check" if application.is_draft else "membership_application"
    return reverse(name, args=[application.public_id])


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The answers once more, the fee, and the button that submits."""
    draft = _own_application(request, public_id)
    if not draft.is_draft:
        return redirect(_page_of(draft))
    if request.method == "POST":
        try:
            submitted = applications.submit(draft, by=_reader(request))
        except WrongStep:
            # The second press of the button: the first one did it.
            return SeeOther(reverse("membership_application", args=[draft.public_id]))
        except (AgreementNotAccepted, TierNotOffered) as refusal:
            messages.error(request, str(refusal))
            return SeeOther(reverse("membership_application_change", args=[draft.public_id]))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The application is submitted."))
            return SeeOther(_page_of(submitted))
    try:
        fee = applications.promised_fee(draft)
    except TierNotOffered as refusal:
        messages.error(request, str(refusal))
        return redirect("membership_application_change", public_id=draft.public_id)
    return render(
        request,
        "account_area/membership/check.html",
        {
            "application": draft,
            "fee": fee,
            "versions": draft.ticked_versions.select_related("agreement"),
        },
    )


# --- Following an application ---------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def application(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Where an application stands, what happens next and when; POST answers a question."""
    found = _own_application(request, public_id)
    if found.is_draft:
        return redirect(_page_of(found))
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
    return render(
        request,
        "account_area/membership/application.html",
        {
            "application": found,
            "form": form if found.open_question else None,
            "question": found.open_question,
            "answered": found.information_requests.filter(answered_at__isnull=False),
            "acceptances": found.acceptances.select_related("version__agreement"),
            "fee": _fee_or_none(found),
        },
    )


def _fee_or_none(found: Application) -> object:
    try:
        return applications.promised_fee(found)
    except TierNotOffered:
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


# --- Paying ---------------------------------------------------------------------------------------


@login_required
@require_POST
def pay(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Go and pay an invoice by card. Pressed twice, it is one payment."""
    invoice = _own_invoice(request, public_id)
    try:
        payment = billing.start_dues_payment(invoice, by=_reader(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return SeeOther(reverse("membership_area"))
    return to_checkout(request, payment)


class PurchaseOrderForm(forms.Form):
    purchase_order = forms.CharField(
        label=gettext_lazy("Purchase order"),
        max_length=100,
        help_text=gettext_lazy("As it should stand on the invoice."),
        error_messages={"required": gettext_lazy("Write the number of the purchase order.")},
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def purchase_order(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Have an unpaid invoice issued anew with a purchase order; the old one becomes void."""
    invoice = _own_invoice(request, public_id)
    reader = _reader(request)
    term = Term.objects.select_related("organisation").get(pk=invoice.purpose_id)
    if not crediting.may_give_purchase_order(reader, term):
        raise Http404
    form = PurchaseOrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            new = crediting.reissue_with_purchase_order(
                invoice, form.cleaned_data["purchase_order"], by=reader
            )
        except InvoiceVoid as refusal:
            # The second press of the button finds what the first one did.
            messages.info(request, str(refusal))
            return SeeOther(invoice.get_absolute_url())
        except Refusal as refusal:
            form.add_error("purchase_order", str(refusal))
        else:
            messages.success(
                request, _("Invoice %(number)s carries the purchase order.") % {"number": new}
            )
            return SeeOther(reverse("membership_area"))
    return render(
        request,
        "account_area/membership/purchase_order.html",
        {
            "form": form,
            "invoice": invoice,
            "why_not": billing.why_not_payable(term, invoice),
        },
    )
