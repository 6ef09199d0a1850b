"""What the pages of giving share."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from core.models import User
from core.refusals import Refusal
from funding.pools import rules
from funding.pools.models import PoolProfile


def signed_in(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def profile_of(code: str) -> PoolProfile:
    """The pool of that code; 404 also for one whose terms nobody has approved yet."""
    approved = PoolProfile.objects.select_related("pool").filter(live=True)
    return get_object_or_404(approved, pool__code=code)


def closed_because(profile: PoolProfile) -> str:
    """Why the pool takes nothing today; empty when it does."""
    try:
        rules.check_open(profile, timezone.localdate())
    except Refusal as refusal:
        return str(refusal)
    return ""
