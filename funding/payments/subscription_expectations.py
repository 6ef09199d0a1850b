"""What payers of a subscription are owed by e-mail: that it began, failed or pauses."""

import datetime
from collections.abc import Iterator
from functools import partial

from core import audit
from core.mailing.expectations import Expected, day_of
from funding.payments import subscriptions
from funding.payments.models import Subscription
from funding.payments.subscriptions import RETRY_DAYS

Standing = Subscription.Status


def subscribed(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """How agreements came to stand as they do; one that went on since needs no older word."""
    began = Subscription.objects.filter(started_at__date__range=(first, last))
    for each in began.exclude(status=Standing.ENDED):
        assert each.started_at is not None
        yield _expected(each, "payments_subscription_began", day_of(each.started_at))
    for each in Subscription.objects.filter(status=Standing.FAILING, retry_on__isnull=False):
        failed_on = _failed_on(each)
        if failed_on is not None and first <= failed_on <= last:
            yield _expected(each, "payments_subscription_failed", failed_on)
    acts = audit.acts(Subscription, first, last, "payments.subscription_paused")
    days = {int(act.object_id): day_of(act.timestamp) for act in acts}
    for each in Subscription.objects.filter(pk__in=days, status=Standing.PAUSED):
        yield _expected(each, "payments_subscription_paused", days[each.pk])


def _failed_on(subscription: Subscription) -> datetime.date | None:
    """The day of the last failure, from the day of the next try that follows it."""
    failures, retry_on = subscription.failures, subscription.retry_on
    if retry_on is None or not 1 <= failures <= len(RETRY_DAYS):
        return None
    return retry_on - datetime.timedelta(days=RETRY_DAYS[failures - 1])


def _expected(subscription: Subscription, template: str, on: datetime.date) -> Expected:
    return Expected(
        about=subscriptions.about_subscription(subscription, template),
        template=template,
        to=subscription.payer_email,
        language=subscription.language,
        due_on=on,
        send=partial(subscriptions.tell, subscription, template),
    )
