"""The record of who did what, when and why: Wagtail's log, for people and for jobs alike."""

from typing import Any

from django.db import models
from wagtail.log_actions import log

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
