"""What payments for gifts and instalments achieve (the handlers of `funding.payments.outcomes`)."""

import datetime
from collections.abc import Callable
from typing import ParamSpec

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.money import Money
from core.refusals import Refusal
from funding.ledger.entries import NewEntry
from funding.payments.models import Invoice, Payment
from funding.payments.money_in import entry_of
from funding.payments.outcomes import Settlement
from funding.pools import charging, gifts, instalments, pledges, recurring, refusals, rules
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


def _with_cover(words: str, given: Gift | RecurringGift) -> str:
    """``words``, and what of the sum the donor added for the card's fee."""
    if not given.fee_cover:
        return words
    return _("%(gift)s, with %(cover)s for the card’s fee") % {
        "gift": words,
        "cover": Money(given.fee_cover, given.currency).format(),
    }


class GiftOutcome:
    """A gift given once."""

    def describe(self, payment: Payment) -> str:
        gift = Gift.objects.select_related("pool__profile").get(pk=payment.purpose_id)
        words = _("Gift to the pool “%(pool)s”") % {"pool": gift.pool.profile.title}
        return _with_cover(words, gift)

    def why_not_payable(self, payment: Payment) -> str:
        gift = Gift.objects.select_related("pool__profile__pool").get(pk=payment.purpose_id)
        if gift.declined_at is not None:
            return str(refusals.GiftDeclined())
        return _refused(rules.check_open, gift.pool.profile, timezone.localdate())

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

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        return False

    def own_url(self, payment: Payment) -> str:
        return reverse("open_giving")


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
        return _with_cover(str(words) % {"pool": wish.pool.profile.title}, wish)

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

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        return False

    def own_url(self, payment: Payment) -> str:
        return reverse("open_giving")


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
        if refused := _refused(instalments.check_payable, instalment):
            return refused
        others = pledges.under_way([instalment.pk]).exclude(pk=payment.pk)
        coming = others.aggregate(sum=Sum("amount"))["sum"] or 0
        if payment.pk and payment.amount > instalment.outstanding.amount - coming:
            return _(
                "A part of this instalment was received meanwhile, or is on its way. "
                "Pay the rest from your pledge’s page."
            )
        return ""

    def succeeded(self, payment: Payment) -> None:
        instalments.receive(payment)
        charging.note_paid(payment)

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        """Pays a debt where one stood in the books when it came (a binding pledge), and is a gift
        where none did: for an intent, before a condition was met, after a write-off, twice."""
        instalment = self._instalment(payment)
        pledge = instalment.pledge
        return entry_of(
            payment,
            settlement,
            "instalment" if instalments.paid_debt(payment) else "gift",
            source=f"pledge:{pledge.reference}",
            memo=f"Instalment {instalment.number} of a pledge",
        )

    def failed(self, payment: Payment) -> None:
        """Nothing to take back: the instalment is still due. The donor was not there to see it."""
        charging.note_declined(payment)

    def undone(self, payment: Payment) -> None:
        instalments.take_back(payment, payment.amount)

    def given_back(self, payment: Payment, amount: int) -> None:
        instalments.take_back(payment, amount)

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        instalments.keep_after_all(payment, amount)

    def unearned(self, payment: Payment, amount: int) -> int:
        return 0

    def thanks_url(self, payment: Payment) -> str:
        pledge = self._instalment(payment).pledge
        if payment.user_id is None or payment.user_id != pledge.donor.user_id:
            return pool_page(payment.pool.code)  # another payer, or a donor without an account
        return reverse("giving_pledge", args=[pledge.reference])

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        return False

    def own_url(self, payment: Payment) -> str:
        return reverse("open_giving")

    def _instalment(self, payment: Payment) -> Instalment:
        return Instalment.objects.select_related("pledge__pool__profile", "pledge__donor").get(
            pk=payment.purpose_id
        )
