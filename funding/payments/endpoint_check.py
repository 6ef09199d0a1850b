"""Is the webhook endpoint at Stripe set up as the portal needs it? Asked in live mode alone."""

from collections.abc import Iterator

import stripe
from django.conf import settings
from django.urls import reverse

from funding.payments import inbox
from funding.payments.stripe_client import client, is_live


def problems() -> list[str]:
    """A sentence for each thing that is wrong with the endpoint; nothing with a test key.

    Where Stripe cannot be asked, that is the sentence: nothing is raised, and nothing is stopped.
    """
    if not is_live():
        return []
    try:
        listed = client().v1.webhook_endpoints.list({"limit": 100})
        return list(_of(list(listed.auto_paging_iter())))
    except stripe.PermissionError:
        return ["The key may not read webhook endpoints, so they are not checked."]
    except stripe.StripeError as error:
        return [f"Stripe’s webhook endpoints could not be read: {error}"]


def _of(endpoints: list[stripe.WebhookEndpoint]) -> Iterator[str]:
    address = f"{settings.SITE_URL}{reverse('stripe_webhook')}"
    ours = [each for each in endpoints if each.url == address and each.status == "enabled"]
    if not ours:
        yield f"Stripe has no enabled webhook endpoint for {address}: no event arrives."
    for endpoint in ours:
        if endpoint.api_version != stripe.api_version:
            version = endpoint.api_version or "the account’s default"
            yield (
                f"The endpoint {endpoint.id} sends API version {version}; the portal’s library "
                f"works with {stripe.api_version}."
            )
        missing = sorted(set(inbox.HANDLERS) - set(endpoint.enabled_events))
        if missing and "*" not in endpoint.enabled_events:
            yield f"The endpoint {endpoint.id} does not send: {', '.join(missing)}."
