"""What the back office knows of payments."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail import hooks


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    actions.register_action(
        "payments.replay_event", _("Replay a Stripe event"), _("Replayed a Stripe event")
    )
