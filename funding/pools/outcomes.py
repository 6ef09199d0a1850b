"""What payments for gifts and instalments achieve (the handlers of `funding.payments.outcomes`)."""

from collections.abc import Callable
from typing import ParamSpec

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.refusals import Refusal
from funding.ledger.entries import NewEntry
from funding.payments.models import Payment
from funding.payments.money_in import entry_of
from funding.payments.outcomes import Settlement
from funding.pools import charging, gifts, pledges, recurring, rules
from funding.pools.addresses import pool_page
from funding.pools.models import Gift, Instalment, PoolProfile, RecurringGift

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
        return entry_of(payment, settlement, "gift", source=f"gift:{gift.reference}")

    def failed(self, payment: Payment) -> None:
        """Nothing to take back: a gift counts from the moment it is received."""

    def undone(self, payment: Payment) -> None:
        gifts.unreceive(payment)

    def given_back(self, payment: Payment, amount: int) -> None:
        """The gift stays a fact; what went back of it is a fact beside it (`Payment.refunds`)."""

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        """As for `given_back`."""

    def unearned(self, payment: Payment, amount: int) -> int:
        return 0

    def thanks_url(self, payment: Payment) -> str:
        return pool_page(payment.pool.code)


_RECURRING = {
    RecurringGift.Interval.MONTH: gettext_lazy("Monthly gift to the pool “%(pool)s”"),
    RecurringGift.Interval.QUARTER: gettext_lazy("Quarterly gift to the pool “%(pool)s”"),
    RecurringGift.Interval.YEAR: gettext_lazy("Yearly gift to the pool “%(pool)s”"),
}


class RecurringOutcome:
    """One time's money of a recurring gift: each payment makes one gift."""

    def describe(self, payment: Payment) -> str:
        wish = RecurringGift.objects.select_related("pool__profile").get(pk=payment.purpose_id)
        words = _RECURRING[RecurringGift.Interval(wish.interval)]
        return str(words) % {"pool": wish.pool.profile.title}

    def why_not_payable(self, payment: Payment) -> str:
        """Asked when a donor wants to begin; money of what goes on is never refused."""
        profile = PoolProfile.objects.select_related("pool").get(pk=payment.pool_id)
        return _refused(rules.check_open, profile, timezone.localdate())

    def succeeded(self, payment: Payment) -> None:
        recurring.receive(payment)

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        gift = Gift.objects.get(recurring_payment=payment)
        return entry_of(payment, settlement, "gift", source=f"gift:{gift.reference}")

    def failed(self, payment: Payment) -> None:
        """Nothing to take back: there is no gift before the money."""

    def undone(self, payment: Payment) -> None:
        recurring.unreceive(payment)

    def given_back(self, payment: Payment, amount: int) -> None:
        """The gift stays a fact; what went back of it is a fact beside it."""

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        """As for `given_back`."""

    def unearned(self, payment: Payment, amount: int) -> int:
        return 0

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
        instalment = self._instalment(payment)
        if refused := _refused(pledges.check_payable, instalment):
            return refused
        if payment.pk and payment.amount > instalment.outstanding.amount:
            return _(
                "A part of this instalment was received meanwhile. "
                "Pay the rest from your pledge’s page."
            )
        return ""

    def succeeded(self, payment: Payment) -> None:
        pledges.receive(payment)
        charging.note_paid(payment)

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        """Pays a debt where one is booked (a binding pledge), and is a gift where none is: for an
        intent, and for money that came twice."""
        instalment = self._instalment(payment)
        pledge = instalment.pledge
        pays_a_debt = pledge.binding and pledges.pays(payment)
        return entry_of(
            payment,
            settlement,
            "instalment" if pays_a_debt else "gift",
            source=f"pledge:{pledge.reference}",
            memo=f"Instalment {instalment.number} of a pledge",
        )

    def failed(self, payment: Payment) -> None:
        """Nothing to take back: the instalment is still due. The donor was not there to see it."""
        charging.note_declined(payment)

    def undone(self, payment: Payment) -> None:
        pledges.take_back(payment, payment.amount)

    def given_back(self, payment: Payment, amount: int) -> None:
        pledges.take_back(payment, amount)

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        pledges.keep_after_all(payment, amount)

    def unearned(self, payment: Payment, amount: int) -> int:
        return 0

    def thanks_url(self, payment: Payment) -> str:
        return reverse("giving_pledge", args=[self._instalment(payment).pledge.reference])

    def _instalment(self, payment: Payment) -> Instalment:
        return Instalment.objects.select_related("pledge__pool__profile").get(pk=payment.purpose_id)
