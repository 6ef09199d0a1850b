"""Unsubscribing from what is not owed, by a signed link; and what the e-mail service tells us."""

from typing import Any

from anymail.webhooks import brevo, postmark
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.mailing import addresses
from core.mailing.models import Unsubscription
from core.transactions import use_case


# The signature is the right to do it: mail programs post here without a cookie (RFC 8058).
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show how it stands; a POST ends the topic for the address, ``again`` begins it again."""
    try:
        address, topic = addresses.read_token(token)
    except addresses.LinkIsWrong as refusal:
        return render(request, "mail/unsubscribe.html", {"refusal": refusal}, status=404)
    if request.method == "POST":
        with use_case():
            act = addresses.subscribe if "again" in request.POST else addresses.unsubscribe
            act(address, topic)
    standing = Unsubscription.objects.filter(address=address, topic=topic).exists()
    context = {"address": address, "topic": topic.label, "is_unsubscribed": standing}
    return render(request, "mail/unsubscribe.html", context)


TRACKING: dict[str, Any] = {
    "brevo": brevo.BrevoTrackingWebhookView,
    "postmark": postmark.PostmarkTrackingWebhookView,
}


@csrf_exempt
def mail_events(request: HttpRequest) -> HttpResponseBase:
    """Take the word of the e-mail service of a bounce or a complaint (`core.mailing.bounces`).

    Without a service and a secret there is no such page; a wrong secret gets 400.
    """
    if not settings.EMAIL_SERVICE or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise Http404
    answer: HttpResponseBase = TRACKING[settings.EMAIL_SERVICE].as_view()(request)
    return answer
