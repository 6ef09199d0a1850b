"""What donors are told of their pledges by e-mail, in the language they promised in."""

import datetime
from typing import Any

from django.urls import reverse
from django.utils import translation

from core.mail import enqueue_mail
from core.transactions import inside_transaction
from funding.pools.models import Instalment, Pledge
from funding.pools.rules import written


@inside_transaction
def send_confirmation(pledge: Pledge) -> None:
    """What they promised."""
    _send("pools_pledge_confirmed", pledge, about=about_pledge(pledge, "confirmed"))


@inside_transaction
def send_change(pledge: Pledge, *, what: str, milestone: str = "") -> None:
    """What is now asked for. ``what`` happened: "changed", "condition" or "milestone" (was met)."""
    about = about_pledge(pledge, "changed")
    _send("pools_pledge_changed", pledge, about=about, what=what, milestone=milestone)


@inside_transaction
def send_reminder(instalment: Instalment, days: int, on: datetime.date) -> None:
    """That an instalment falls due, or was due: on ``on``, the reminder of ``days`` from its day."""
    pledge = instalment.pledge
    with translation.override(pledge.language):
        words = {
            "part": instalment.outstanding.format(),
            "due_on": written(instalment.due_on),
            "overdue": instalment.due_on < on,
            "part_paid": bool(instalment.received_amount),
            "number": instalment.number,
        }
    about = about_reminder(instalment, days)
    _send("pools_instalment_reminder", pledge, about=about, **words)


def about_pledge(pledge: Pledge, word: str) -> str:
    """What a message about a pledge is about, for the delivery log."""
    return f"pledge:{pledge.reference}/{word}"


def about_reminder(instalment: Instalment, days: int) -> str:
    return about_pledge(instalment.pledge, f"{instalment.number}/{instalment.due_on}/{days}")


def _send(template: str, pledge: Pledge, *, about: str, **more: Any) -> None:
    with translation.override(pledge.language):
        enqueue_mail(
            template,
            pledge.donor.email,
            pledge.language,
            {
                "name": pledge.donor.name,
                "pool": pledge.pool.profile.title,
                "amount": pledge.money.format(),
                "binding": pledge.binding,
                "condition": pledge.condition if pledge.awaits_condition else "",
                "instalments": [_part(part) for part in pledge.parts],
                "path": reverse("giving_pledge", args=[pledge.reference])
                if pledge.donor.user_id
                else "",
                **more,
            },
            about=about,
            # What is bound is a debt, an intent is a wish.
            owed=pledge.binding,
        )


def _part(part: Instalment) -> dict[str, Any]:
    return {
        "due_on": written(part.due_on),
        "amount": part.money.format(),
        "milestone": part.milestone if part.awaits_milestone else "",
        "received": not part.outstanding.amount,
    }
