"""The first page of the signed-in area: the ways in, and what waits for this person."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.models import User
from home.profiles import profile_of, standing


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    person = request.user
    profile = profile_of(person)
    return render(
        request,
        "account_area/overview.html",
        {
            "profile": profile,
            "profile_standing": standing(profile) if profile else None,
        },
    )
