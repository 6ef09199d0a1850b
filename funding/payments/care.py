"""What is looked at every day: payments to try again, and cards about to expire."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format

from core.mail import enqueue_mail
from core.transactions import inside_transaction, use_case
from funding.payments import jobs, outcomes
from funding.payments.models import Card, Mandate, Payment, Subscription


def retry_what_is_due() -> int:
    """Enqueue the tries whose day has come; how many those are."""
    due = Subscription.objects.filter(
        status=Subscription.Status.FAILING, retry_on__lte=timezone.localdate()
    )
    with use_case():
        ids = list(due.values_list("pk", flat=True))
        for subscription_id in ids:
            jobs.retry_subscription.enqueue(subscription_id=subscription_id)
    return len(ids)


def warn_of_expiring_cards() -> int:
    """Write once to each payer whose card is good until next month and no longer; how many.

    Bank accounts do not expire. Who pauses or has revoked is left alone.
    """
    ids = list(_expiring().values_list("pk", flat=True))
    return sum(_warn(card_id) for card_id in ids)


def _expiring() -> QuerySet[Card]:
    today = timezone.localdate()
    this_month = today.replace(day=1)
    year, month = divmod(this_month.year * 12 + this_month.month, 12)
    next_month = this_month.replace(year=year, month=month + 1)
    # A day on which the job did not run is made up for.
    not_warned = Q(warned_for=None) | ~Q(warned_for__gte=this_month)
    return in_use().filter(not_warned, expires__range=(this_month, next_month))


def in_use() -> QuerySet[Card]:
    """Cards by which somebody is charged again."""
    charged = Mandate.objects.filter(
        Exists(Payment.objects.filter(mandate=OuterRef("pk"))),
        card=OuterRef("pk"),
        revoked_at=None,
    )
    return Card.objects.filter(
        Exists(_subscriptions_on(OuterRef("pk"))) | Exists(charged), revoked_at=None
    )


def _subscriptions_on(card: Any) -> QuerySet[Subscription]:
    standing = [Subscription.Status.ACTIVE, Subscription.Status.FAILING]
    return Subscription.objects.filter(card=card, status__in=standing)


def _warn(card_id: int) -> bool:
    with use_case():
        card = Card.objects.select_for_update().get(pk=card_id)
        if card.expires is None or card.warned_for == card.expires:
            return False
        warn(card)
    return True


@inside_transaction
def warn(card: Card) -> None:
    """Write to everybody whom it pays for that it expires."""
    assert card.expires is not None
    for to, language, what, path in _charged_to(card):
        with translation.override(language):
            enqueue_mail(
                "payments_card_expires",
                to,
                language,
                {
                    "card": str(card),
                    "month": date_format(card.expires, "YEAR_MONTH_FORMAT"),
                    "description": what,
                    "path": path,
                },
                about=about_expiry(card),
            )
    card.warned_for = card.expires
    card.save(update_fields=["warned_for"])


def about_expiry(card: Card) -> str:
    return f"card:{card.pk}/{card.expires:%Y-%m}"


def _charged_to(card: Card) -> list[tuple[str, str, str, str]]:
    """Whom to write to about each thing that the card pays: address, language, what, where."""
    found = [
        (each.payer_email, each.language, each.description, each.get_absolute_url())
        for each in _subscriptions_on(card)
    ]
    for mandate in card.mandates.filter(revoked_at=None):
        payment = mandate.payments.order_by("-pk").first()
        if payment is None:
            continue
        with translation.override(payment.language):
            path = outcomes.outcome_of(payment.purpose).thanks_url(payment)
        found.append((payment.payer_email, payment.language, payment.description, path))
    return found
