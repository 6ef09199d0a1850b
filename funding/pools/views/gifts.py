"""Giving in the browser: read the form, call the transition, say what it said."""

from http import HTTPStatus
from typing import Any

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.refusals import Refusal
from core.responses import SeeOther
from funding.payments import subscription_views
from funding.payments.views import to_checkout
from funding.pools import gifts, recurring
from funding.pools.addresses import pool_page
from funding.pools.donors import Giver
from funding.pools.forms import CARD, GiftForm
from funding.pools.models import PoolProfile
from funding.pools.refusals import TooManyGifts
from funding.pools.views.common import closed_because, profile_of, signed_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest, code: str) -> HttpResponse:
    """Give to a pool: one form, then the checkout page, or how to send the money."""
    profile = profile_of(code)
    user = signed_in(request)
    form = GiftForm(request.POST or None, profile=profile, user=user)
    status = HTTPStatus.OK
    if request.method == "POST" and form.is_valid():
        try:
            _keep_pace(request, form.giver)
            return _go_and_pay(request, profile, form)
        except TooManyGifts as refusal:
            form.refuse(refusal)
            status = HTTPStatus.TOO_MANY_REQUESTS
        except Refusal as refusal:
            form.refuse(refusal)
    response = render(
        request,
        "pools/give.html",
        {
            "profile": profile,
            "form": form,
            "closed": closed_because(profile),
            "pool_href": pool_page(profile.code),
        },
        status=status,
    )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = "3600"
    return response


def _keep_pace(request: HttpRequest, giver: Giver) -> None:
    """Against those who try stolen cards: so many gifts an hour from one place and one address.

    The numbers are the setting ACCOUNT_RATE_LIMITS. Raises TooManyGifts.
    """
    if not ratelimit.consume(request, action="begin_gift", key=giver.email.lower()):
        raise TooManyGifts


def _go_and_pay(request: HttpRequest, profile: PoolProfile, form: GiftForm) -> HttpResponse:
    """Write down what the form says and send the donor where it is paid. Raises refusals."""
    act: dict[str, Any] = {
        "profile": profile,
        "amount": form.cleaned_data["money"],
        "language": get_language() or "en",
        "form_token": form.cleaned_data["form_token"],
    }
    if form.interval:
        act["interval"] = form.interval
        if form.way == CARD:
            begun = recurring.begin_recurring_gift(form.giver, cover_fee=form.covers_fee, **act)
            return subscription_views.to_checkout(request, begun)
        return SeeOther(recurring.begin_standing_order(form.giver, **act).get_absolute_url())
    if form.way == CARD:
        payment = gifts.begin_gift(form.giver, cover_fee=form.covers_fee, **act)
        return to_checkout(request, payment)
    promised = gifts.promise_gift(form.giver, channel=form.channel, **act)
    return SeeOther(promised.get_absolute_url())
