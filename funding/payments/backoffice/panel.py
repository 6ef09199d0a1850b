"""The panel "What needs you" on the first page of the back office."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.admin.ui.components import Component

from core.models import User
from funding.payments import signoff
from funding.payments.backoffice import waiting
from funding.payments.permissions import APPROVE_PAYOUT, CONFIRM_MATCH, SIGN_RECONCILIATION

SEE = "payments.view_payment"


@dataclass(frozen=True, slots=True)
class Need:
    """One sentence with its number, and where it is dealt with."""

    words: str
    url: str


class NeedsYouPanel(Component):
    """Counts with links, for those who may act on them; nothing at all for everyone else."""

    name = "money-needs-you"
    template_name = "payments/backoffice/needs_you.html"
    order = 50

    def __init__(self, request: HttpRequest) -> None:
        self.person = request.user

    def get_context_data(self, parent_context: Mapping[str, Any] | None) -> dict[str, Any]:
        if not isinstance(self.person, User):
            return {"shown": False, "needs": []}
        needs = needs_of(self.person)
        return {"shown": bool(needs) or self.person.has_perm(SEE), "needs": needs}


# What waits in packages that this one does not know: they register when the hooks are loaded.
_others: list[Callable[[User], list[Need | None]]] = []


def register(needs: Callable[[User], list[Need | None]]) -> None:
    """Have the panel show what ``needs`` finds for a person; it asks for their rights itself."""
    if needs not in _others:
        _others.append(needs)


def needs_of(person: Any) -> list[Need]:
    """What waits for ``person``, most urgent first."""
    found = [_disputes(), _failing(), _problems(), _lines()] if person.has_perm(SEE) else []
    if person.has_perm(APPROVE_PAYOUT):
        found += [_to_decide(person), _not_sent()]
    if person.has_perm(CONFIRM_MATCH):
        found += [_to_order(), _unmatched(), _parked()]
    if person.has_perm(SIGN_RECONCILIATION):
        found.append(_months())
    for needs in _others:
        found += needs(person)
    return [need for need in found if need is not None]


def _disputes() -> Need | None:
    open_ones = waiting.disputes()
    count = open_ones.count()
    if not count:
        return None
    words = ngettext(
        "%(count)s dispute waits for an answer", "%(count)s disputes wait for an answer", count
    ) % {"count": count}
    first = open_ones.exclude(evidence_due_at=None).order_by("evidence_due_at").first()
    if first is not None and first.evidence_due_at is not None:
        day = formats.date_format(timezone.localtime(first.evidence_due_at), "DATETIME_FORMAT")
        words = _("%(words)s, the first before %(day)s") % {"words": words, "day": day}
    return Need(words, reverse("payments_disputes:index") + "?outcome=open")


def _failing() -> Need | None:
    return counted(
        waiting.failing_events().count(),
        lambda count: ngettext(
            "%(count)s event of Stripe could not be processed",
            "%(count)s events of Stripe could not be processed",
            count,
        ),
        reverse("payments_events:index") + "?state=failing",
    )


def _problems() -> Need | None:
    return counted(
        waiting.payments_with_a_problem().count(),
        lambda count: ngettext(
            "%(count)s payment has a problem", "%(count)s payments have a problem", count
        ),
        reverse("payments_payments:index") + "?has_problem=true",
    )


def _lines() -> Need | None:
    return counted(
        waiting.processor_lines_with_a_problem().count(),
        lambda count: ngettext(
            "%(count)s line of the processor is not in the books",
            "%(count)s lines of the processor are not in the books",
            count,
        ),
        reverse("payments_processor_lines:index") + "?has_problem=true",
    )


def _to_decide(person: User) -> Need | None:
    return counted(
        waiting.payouts_for(person).count(),
        lambda count: ngettext(
            "%(count)s payout waits for your decision",
            "%(count)s payouts wait for your decision",
            count,
        ),
        reverse("payments_payouts:index") + "?waiting=me",
    )


def _not_sent() -> Need | None:
    return counted(
        waiting.payouts_not_sent().count(),
        lambda count: ngettext(
            "%(count)s approved refund has not reached the card processor",
            "%(count)s approved refunds have not reached the card processor",
            count,
        ),
        reverse("payments_payouts:index") + "?waiting=processor",
    )


def _to_order() -> Need | None:
    return counted(
        waiting.payouts_to_order().count(),
        lambda count: ngettext(
            "%(count)s payout is approved and to be ordered at the bank",
            "%(count)s payouts are approved and to be ordered at the bank",
            count,
        ),
        reverse("payments_payouts:index") + "?waiting=bank",
    )


def _unmatched() -> Need | None:
    return counted(
        waiting.unmatched_lines().count(),
        lambda count: ngettext(
            "%(count)s bank line is not matched yet",
            "%(count)s bank lines are not matched yet",
            count,
        ),
        reverse("bank_lines:index") + "?state=open",
    )


def _parked() -> Need | None:
    return counted(
        waiting.parked_lines().count(),
        lambda count: ngettext(
            "%(count)s bank line is parked: nobody knows yet what it is for",
            "%(count)s bank lines are parked: nobody knows yet what they are for",
            count,
        ),
        reverse("bank_lines:index") + "?state=parked",
    )


def _months() -> Need | None:
    return counted(
        signoff.unsigned_count(),
        lambda count: ngettext(
            "%(count)s month of an account is not signed off",
            "%(count)s months of accounts are not signed off",
            count,
        ),
        reverse("payments_month_ends:index"),
    )


def counted(count: int, words: Any, url: str) -> Need | None:
    """The need that ``words`` (of a count) tells, where there is one."""
    return Need(words(count) % {"count": count}, url) if count else None
