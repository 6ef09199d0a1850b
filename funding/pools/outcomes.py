"""What payments for gifts and instalments achieve (the handlers of `funding.payments.outcomes`)."""

from collections.abc import Callable
from typing import ParamSpec

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.refusals import Refusal
from funding.ledger import templates
from funding.ledger.entries import NewEntry
from funding.payments.models import Payment
from funding.payments.outcomes import Settlement
from funding.pools import gifts, pledges, rules
from funding.pools.addresses import pool_page
from funding.pools.models import Gift, Instalment, PoolProfile

P = ParamSpec("P")


def _refused(check: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> str:
    """What ``check`` says no with; "" where it has nothing against it."""
    try:
        check(*args, **kwargs)
    except Refusal as refusal:
        return str(refusal)
    return ""


class GiftOutcome:
    """A gift given once."""

    def describe(self, payment: Payment) -> str:
        profile = PoolProfile.objects.get(pk=payment.pool_id)
        return _("Gift to the pool “%(pool)s”") % {"pool": profile.title}

    def why_not_payable(self, payment: Payment) -> str:
        profile = PoolProfile.objects.select_related("pool").get(pk=payment.pool_id)
        return _refused(rules.check_open, profile, timezone.localdate())

    def succeeded(self, payment: Payment) -> None:
        gifts.receive(payment)

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        gift = Gift.objects.get(pk=payment.purpose_id)
        return templates.card_gift(
            key=settlement.key,
            pool=payment.pool.code,
            currency=settlement.currency,
            gross=settlement.gross,
            fee=settlement.fee,
            date=settlement.date,
            source=f"gift:{gift.reference}",
        )

    def failed(self, payment: Payment) -> None:
        """Nothing to take back: a gift counts from the moment it is received."""

    def thanks_url(self, payment: Payment) -> str:
        return pool_page(payment.pool.code)


class InstalmentOutcome:
    """One instalment of a pledge."""

    def describe(self, payment: Payment) -> str:
        instalment = self._instalment(payment)
        return _("Instalment %(number)s of a pledge to the pool “%(pool)s”") % {
            "number": instalment.number,
            "pool": instalment.pledge.pool.profile.title,
        }

    def why_not_payable(self, payment: Payment) -> str:
        return _refused(pledges.check_payable, self._instalment(payment))

    def succeeded(self, payment: Payment) -> None:
        pledges.receive(payment)

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        """Pays a debt where one is booked (a binding pledge), and is a gift where none is: for an
        intent, and for money that came twice."""
        instalment = self._instalment(payment)
        pledge = instalment.pledge
        pays_a_debt = pledge.binding and pledges.settles(payment, instalment)
        template = templates.instalment_paid_by_card if pays_a_debt else templates.card_gift
        return template(
            key=settlement.key,
            pool=payment.pool.code,
            currency=settlement.currency,
            gross=settlement.gross,
            fee=settlement.fee,
            date=settlement.date,
            source=f"pledge:{pledge.reference}",
            memo=f"Instalment {instalment.number} of a pledge, by card",
        )

    def failed(self, payment: Payment) -> None:
        """Nothing to take back: the instalment is still due."""

    def thanks_url(self, payment: Payment) -> str:
        return reverse("giving_pledge", args=[self._instalment(payment).pledge.reference])

    def _instalment(self, payment: Payment) -> Instalment:
        return Instalment.objects.select_related("pledge__pool__profile").get(pk=payment.purpose_id)
