"""The record of who did what, when and why: Wagtail's log, for people and for jobs alike."""

import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import inside_transaction


@inside_transaction
def record(
    action: str, obj: models.Model, *, by: User | None, reason: str = "", **data: Any
) -> None:
    """Write one line of the audit log in the transaction of the act itself.

    ``action`` is a name registered with Wagtail (``register_log_actions``), such as
    ``membership.approve``; ``by`` is None where a job or an outside fact acted; ``data`` must be
    JSON and is shown to staff, so it holds no secret.
    """
    details = {**data, "reason": reason} if reason else data
    log(instance=obj, action=action, user=by, data=details or None)


def acts(
    model: type[models.Model], first: datetime.date, last: datetime.date, *actions: str
) -> models.QuerySet[ModelLogEntry]:
    """What was done to rows of ``model`` from ``first`` to ``last``, both included, the earliest
    first: where no row of its own keeps an act, its line here is the fact."""
    return (
        ModelLogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(model),
            action__in=actions,
            timestamp__date__range=(first, last),
        )
        .select_related("user")
        .order_by("timestamp", "pk")
    )
