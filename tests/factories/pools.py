"""Pools open for giving, donors, gifts and pledges, each made by the real functions."""

import datetime
import itertools
import uuid
from typing import Any

from allauth.account.models import EmailAddress
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.payments import progress
from funding.payments.models import Payment
from funding.pools import gifts, instalments, opening, pledges
from funding.pools.donors import Giver
from funding.pools.models import Gift, Instalment, Pledge, PoolProfile
from funding.pools.schedules import Part, even_parts, months_later
from tests.factories.payments import settlement, state

_numbers = itertools.count(1)


def make_person(email: str = "", *, verified: bool = True, **changes: Any) -> User:
    """A person with an account; their address is confirmed unless told otherwise."""
    user = User.objects.create_user(email or f"giver{next(_numbers)}@example.org", **changes)
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
    return user


def open_pool(code: str = "", **changes: Any) -> PoolProfile:
    """A pool in dollars that takes gifts from 5.00 on and offers 25, 50 and 100."""
    values: dict[str, Any] = {
        "code": code or f"giving-{next(_numbers)}",
        "currency": "USD",
        "title": "Core software",
        "purpose": "Releases and security fixes.",
        "opens_on": timezone.localdate() - datetime.timedelta(days=30),
        "suggested_amounts": [2_500, 5_000, 10_000],
    }
    return opening.open_pool(**{**values, **changes})


def a_giver(user: User | None = None, **changes: Any) -> Giver:
    values: dict[str, Any] = {"name": "Grace Giver", "email": "grace@example.org", "user": user}
    if user is not None:
        values["email"] = user.email
    return Giver(**{**values, **changes})


def begun_gift(
    profile: PoolProfile | None = None, giver: Giver | None = None, amount: int = 5_000
) -> tuple[Gift, Payment]:
    """A gift whose donor was sent to the checkout page."""
    profile = profile or open_pool()
    payment = gifts.begin_gift(
        giver or a_giver(),
        profile=profile,
        amount=Money(amount, profile.currency),
        language="en",
        form_token=uuid.uuid4(),
    )
    return Gift.objects.get(pk=payment.purpose_id), payment


def pay(payment: Payment, fee: int = 175, **changes: Any) -> Payment:
    """The card payment succeeds and settles."""
    payment.refresh_from_db()
    with use_case():
        progress.apply(payment.pk, state(payment, "paid", **changes))
    with use_case():
        progress.settle(payment.pk, settlement(payment, fee=fee))
    payment.refresh_from_db()
    return payment


def received_gift(
    profile: PoolProfile | None = None, giver: Giver | None = None, amount: int = 5_000
) -> Gift:
    gift, payment = begun_gift(profile, giver, amount)
    pay(payment)
    gift.refresh_from_db()
    return gift


def in_months(*months: int) -> list[datetime.date]:
    return [months_later(timezone.localdate(), count) for count in months]


def draft_pledge(
    user: User | None = None,
    profile: PoolProfile | None = None,
    *,
    amount: int = 100_000,
    parts: list[Part] | None = None,
    binding: bool = True,
    condition: str = "",
    **giver: Any,
) -> Pledge:
    """A draft of 1,000.00 in two instalments, today and in six months."""
    profile = profile or open_pool()
    return pledges.draft_pledge(
        a_giver(user or make_person(), **giver),
        profile=profile,
        amount=Money(amount, profile.currency),
        parts=parts or even_parts(Money(amount, profile.currency), in_months(0, 6)),
        binding=binding,
        condition=condition,
        language="en",
        form_token=uuid.uuid4(),
    )


def confirmed_pledge(user: User | None = None, **changes: Any) -> Pledge:
    drafted = draft_pledge(user, **changes)
    assert drafted.donor.user is not None
    return pledges.confirm_pledge(drafted, by=drafted.donor.user)


def begun_instalment(pledge: Pledge, number: int = 1) -> tuple[Instalment, Payment]:
    instalment = pledge.instalments.get(number=number)
    assert pledge.donor.user is not None
    payment = instalments.begin_instalment_payment(
        instalment, user=pledge.donor.user, language="en"
    )
    return instalment, payment


def received_instalment(pledge: Pledge, number: int = 1) -> Instalment:
    instalment, payment = begun_instalment(pledge, number)
    pay(payment)
    instalment.refresh_from_db()
    return instalment
