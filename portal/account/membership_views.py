"""What people of member organisations see and do: what they owe and when, and paying it. How they
apply stands in application_views.py.

Loading is authorising: an organisation and its invoices are loaded through the reader's seat.
Everything else is a 404, whether it exists or not.
"""

import datetime
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.responses import SeeOther
from funding.dues import billing, changing, crediting, renewal
from funding.dues.refusals import DuesRefusal, InvoiceVoid
from funding.payments.models import Invoice, Payment, Status
from funding.payments.views import to_checkout
from membership import accepting, queries, sharing
from membership.models import Organisation, Seat, Term, TierChange
from membership.refusals import TierNotOffered


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _own_invoice(request: HttpRequest, public_id: uuid.UUID) -> Invoice:
    """An invoice of an organisation in which the reader has a seat, or 404."""
    own_terms = Term.objects.filter(organisation__seats__person=_reader(request))
    own_changes = TierChange.objects.filter(term__in=own_terms)
    return get_object_or_404(
        Invoice,
        Q(purpose=billing.PURPOSE, purpose_id__in=own_terms.values("pk"))
        | Q(purpose=billing.CHANGE, purpose_id__in=own_changes.values("pk")),
        public_id=public_id,
    )


# --- The overview ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice as its organisation sees it."""

    invoice: Invoice
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
    def makes_member(self) -> bool:
        return self.status in (Term.Status.CURRENT, Term.Status.GRACE)

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
    can_rejoin: bool
    change: TierChange | None  # of tier, while it waits
    back: Money | None  # what of a lower tier still goes back
    can_change_tier: bool

    @property
    def again_url(self) -> str:
        """Where one that lapsed becomes a member again: by joining, or by a new application."""
        if self.can_rejoin:
            return reverse("membership_rejoin", args=[self.organisation.slug])
        return f"{reverse('membership_apply')}?{urlencode({'again': self.organisation.slug})}"

    @property
    def latest(self) -> Standing | None:
        """The term that makes it a member; else the newest, past renewals that nobody took up."""
        for standing in self.standings:
            if standing.makes_member:
                return standing
        begun = [each for each in self.standings if each.term.last_day >= each.term.starts_on]
        return next(iter(begun or self.standings), None)

    @property
    def renewal(self) -> Standing | None:
        """The next term, while it waits for its payment beside one that still counts."""
        for standing in self.standings:
            awaiting = standing.status == Term.Status.AWAITING_PAYMENT
            if awaiting and standing.term.renews_id is not None and standing != self.latest:
                return standing
        return None


def _bill(invoice: Invoice, why_not_payable: str, *, may_give_purchase_order: bool) -> Bill:
    return Bill(
        invoice=invoice,
        paid_by=invoice.how_paid().by,
        under_way=invoice.payments.filter(status=Status.PROCESSING).first(),
        why_not_payable=why_not_payable,
        may_give_purchase_order=may_give_purchase_order,
    )


def _why_not_payable(invoice: Invoice) -> str:
    if invoice.purpose == billing.CHANGE:
        return changing.why_not_payable(TierChange.objects.get(pk=invoice.purpose_id), invoice)
    return billing.why_not_payable(Term.objects.get(pk=invoice.purpose_id), invoice)


def _membership(organisation: Organisation, reader: User, on: datetime.date) -> Membership:
    terms = {term.pk: term for term in organisation.terms.all()}
    changes = {
        change.pk: change
        for change in TierChange.objects.filter(term__organisation=organisation).select_related(
            "old_tier", "new_tier"
        )
    }
    seats = list(organisation.seats.select_related("person"))
    # The same for each of its terms.
    may_order = any(
        crediting.may_give_purchase_order(reader, term) for term in list(terms.values())[:1]
    )
    return Membership(
        organisation=organisation,
        standings=[Standing(term, term.status(on)) for term in terms.values()],
        bills=[
            *(
                _bill(
                    invoice,
                    changing.why_not_payable(changes[invoice.purpose_id], invoice),
                    may_give_purchase_order=may_order,
                )
                for invoice in billing.change_invoices_of(organisation).select_related(
                    "credit_note"
                )
            ),
            *(
                _bill(
                    invoice,
                    billing.why_not_payable(terms[invoice.purpose_id], invoice),
                    may_give_purchase_order=may_order,
                )
                for invoice in billing.invoices_of(organisation).select_related("credit_note")
            ),
        ],
        change=next((change for change in changes.values() if change.is_open), None),
        back=next(
            (change.owed_back for change in changes.values() if change.owed_back.amount), None
        ),
        can_change_tier=any(
            term.status(on) in (Term.Status.CURRENT, Term.Status.AWAITING_PAYMENT)
            for term in terms.values()
        ),
        seats=seats,
        own_seat=next((seat for seat in seats if seat.person_id == reader.pk), None),
        can_rejoin=renewal.why_no_rejoin(organisation, by=reader, on=on) == "",
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
            "applications": sharing.editable_by(reader).select_related("tier").order_by("-pk"),
            "to_accept": accepting.waits_for(reader, today),
            "offered": sharing.offered_to(reader).filter(person__isnull=True),
        },
    )


# --- Joining again --------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rejoin(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what joining again after a lapse means and costs, then do it by POST."""
    reader = _reader(request)
    organisation = get_object_or_404(
        Organisation.objects.filter(seats__person=reader).distinct(), slug=slug
    )
    if request.method == "POST":
        try:
            term = renewal.rejoin(organisation, by=reader)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            done = _("The membership is current.") if term.waived_on else _("A new term is open.")
            messages.success(request, done)
        return SeeOther(reverse("membership_area"))
    try:
        plan = renewal.rejoin_plan(organisation, by=reader, on=timezone.localdate())
    except (TierNotOffered, DuesRefusal) as refusal:
        messages.error(request, str(refusal))
        return redirect("membership_area")
    return render(
        request,
        "account_area/membership/rejoin.html",
        {"organisation": organisation, "plan": plan},
    )


# --- Paying ---------------------------------------------------------------------------------------


@login_required
@require_POST
def pay(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Go and pay an invoice by card. Pressed twice, it is one payment."""
    invoice = _own_invoice(request, public_id)
    try:
        start = (
            changing.start_payment
            if invoice.purpose == billing.CHANGE
            else billing.start_dues_payment
        )
        payment = start(invoice, by=_reader(request))
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
    if not crediting.may_give_purchase_order(reader, crediting.term_of(invoice)):
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
            "why_not": _why_not_payable(invoice),
        },
    )
