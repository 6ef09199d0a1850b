"""Payers whom Stripe knows, and their cards: only those who agreed to be charged again."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

import stripe
from django.utils import timezone

from core.models import User
from core.transactions import inside_transaction, use_case
from funding.payments.models import Card, Customer
from funding.payments.present_state import mapping
from funding.payments.refusals import ProcessorUnavailable
from funding.payments.stripe_client import client

# After Stripe failed with a saved answer, another key is needed; so many are tried at once.
KEYS = 3


def key_of(user: User | None, otherwise: str) -> str:
    """Who a payer is to us: their account, else the very agreement that they enter into."""
    return f"user:{user.pk}" if user is not None else otherwise


@inside_transaction
def customer_for(key: str, *, email: str, name: str) -> Customer:
    """The row of a payer. What Stripe was told first of a payer stays as it is."""
    customer, _made = Customer.objects.get_or_create(
        key=key, defaults={"email": email, "name": name}
    )
    return customer


def at_stripe(customer: Customer) -> str:
    """Stripe's id of the payer; makes the customer there where there is none yet.

    Runs outside any transaction. However often it is broken off, Stripe has one customer of the
    row: the call is made from the row alone, under a key of the row. Raises stripe.StripeError.
    """
    if customer.stripe_customer:
        return customer.stripe_customer
    made = _make(customer)
    with use_case():
        locked = Customer.objects.select_for_update().get(pk=customer.pk)
        locked.stripe_customer = locked.stripe_customer or made.id
        locked.save(update_fields=["stripe_customer"])
    customer.stripe_customer = locked.stripe_customer
    return locked.stripe_customer


def _make(customer: Customer) -> stripe.Customer:
    """A saved 500 would come again for a day; it may have made the customer all the same."""
    key = f"customer-{customer.pk}-{customer.created_at.timestamp()}"
    for number in range(1, KEYS + 1):
        try:
            return client().v1.customers.create(
                {
                    "email": customer.email,
                    "name": customer.name,
                    "metadata": {"customer": customer.key},
                },
                {"idempotency_key": key if number == 1 else f"{key}-{number}"},
            )
        except (stripe.IdempotencyError, stripe.APIError) as error:
            if error.http_status == 409:
                raise
            found = _find(customer)
            if found is not None:
                return found
            if error.http_status != 500 or number == KEYS:
                raise
    raise AssertionError


def _find(customer: Customer) -> stripe.Customer | None:
    listed = client().v1.customers.list({"email": customer.email, "limit": 100})
    for each in listed.auto_paging_iter():
        if mapping(each.metadata).get("customer") == customer.key:
            return each
    return None


def portal_address(customer: Customer, *, return_url: str, language: str) -> str:
    """The address of Stripe's own page where the payer replaces their card. One visit's worth.

    Runs outside any transaction. Raises ProcessorUnavailable.
    """
    parameters: Any = {
        "customer": at_stripe(customer),
        "return_url": return_url,
        "locale": language,
    }
    try:
        session = client().v1.billing_portal.sessions.create(
            # Each visit has a session of its own; the key only spares the library's own retries.
            parameters,
            {"idempotency_key": f"portal-{uuid.uuid4()}"},
        )
    except stripe.StripeError as error:
        raise ProcessorUnavailable from error
    return session.url


@dataclass(frozen=True, slots=True)
class CardSeen:
    """A payment method as Stripe shows it: never its number."""

    stripe_id: str
    brand: str
    last4: str
    expires: datetime.date | None


def read_card(method: object) -> CardSeen | None:
    """The card (or bank account) of an expanded payment method; None for anything else."""
    if not isinstance(method, stripe.PaymentMethod):
        return None
    details = getattr(method, method.type, None)
    last4 = str(getattr(details, "last4", "") or "")
    if method.type != "card":
        return CardSeen(method.id, method.type, last4, None)
    expires = datetime.date(int(details.exp_year), int(details.exp_month), 1)  # type: ignore[union-attr]
    return CardSeen(method.id, str(getattr(details, "brand", "card")), last4, expires)


@inside_transaction
def keep_card(customer: Customer, seen: CardSeen) -> Card:
    """The row of a card that the payer agreed to be charged by."""
    card, made = Card.objects.get_or_create(
        stripe_payment_method=seen.stripe_id,
        defaults={
            "customer": customer,
            "brand": seen.brand[:50],
            "last4": seen.last4[:4],
            "expires": seen.expires,
            "agreed_at": timezone.now(),
        },
    )
    if not made and card.expires != seen.expires:
        # Banks renew a card under its old name; Stripe then tells its new last month.
        card.expires = seen.expires
        card.save(update_fields=["expires"])
    return card
