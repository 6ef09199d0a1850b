"""Giving, each act by the function that a person's click or a job would call."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import checkpoints, periods, templates
from funding.ledger import queries as books
from funding.ledger.posting import post
from funding.payments import payouts
from funding.payments.models import ManualChannel, Payment, Payout
from funding.payments.payout_purposes import REFUND
from funding.pools import gifts, instalments, matching, pledge_changes, pledges, transfers
from funding.pools.donors import Giver, donor_for
from funding.pools.models import Donor, Instalment, Pledge, PoolProfile, PoolTransfer
from funding.pools.schedules import even_parts, rhythmic_days
from portal.simulation.planned import PlannedDonor
from portal.simulation.stage import LANGUAGE, Stage

NAMESPACE = uuid.UUID("0b8f6a0e-2f3c-4c57-9b53-1de3f6a2a7c4")


class Giving:
    """Donors, their gifts and pledges, by the numbers that the plan gives them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.users: dict[int, User] = {}
        self.payments: dict[int, Payment] = {}
        self.pledges: dict[int, Pledge] = {}

    def _giver(self, number: int, *, anonymous: bool = False) -> Giver:
        donor: PlannedDonor = self.stage.plan.donors[number]
        if number not in self.users:
            self.users[number] = self.stage.person(f"donor{number}", donor.name)
        user = self.users[number]
        public = "" if anonymous or not donor.named else donor.name
        return Giver(donor.name, user.email, public_name=public, user=user)

    def give(
        self, *, gift: int, donor: int, pool: int, amount: int, channel: str, anonymous: bool
    ) -> None:
        profile = self.stage.profiles[pool]
        act: dict[str, Any] = {
            "profile": profile,
            "amount": Money(amount, profile.currency),
            "language": LANGUAGE,
            "form_token": uuid.uuid5(NAMESPACE, f"gift:{gift}"),
        }
        giver = self._giver(donor, anonymous=anonymous)
        if channel == "card":
            self.payments[gift] = gifts.begin_gift(giver, **act)
            self.stage.processor.pay(self.payments[gift])
            return
        way = None
        if channel == "mobile":
            way = ManualChannel.objects.get(currency=profile.currency)
        self.stage.bring(gifts.promise_gift(giver, channel=way, **act))

    def refund(self, *, gift: int, share: int) -> None:
        payment = Payment.objects.select_related("pool").get(pk=self.payments[gift].pk)
        amount = Money(max(1, payment.refundable.amount * share // 100), payment.currency)
        if payment.currency == "KWD":
            amount = Money(max(10, amount.amount // 10 * 10), payment.currency)
        asked = payouts.request_payout(
            REFUND,
            payment.pk,
            payment.pool,
            amount,
            Payout.Place.CLEARING,
            payment.payer_name,
            "",
            "The donor asked for it (simulated).",
            self.stage.treasurers[0],
            payment=payment,
        )
        for person in self.stage.treasurers[1:]:
            asked = payouts.decide(asked, by=person, approved=True)
        self.stage.processor.refund(Payout.objects.select_related("payment").get(pk=asked.pk))

    def dispute(self, *, gift: int, ending: str = "") -> None:
        payment = Payment.objects.select_related("pool", "entry").get(pk=self.payments[gift].pk)
        self.stage.processor.dispute(payment, ending)

    def pledge(
        self,
        *,
        pledge: int,
        donor: int,
        pool: int,
        amount: int,
        count: int,
        rhythm: str,
        binding: bool,
    ) -> None:
        profile = self.stage.profiles[pool]
        whole = Money(amount, profile.currency)
        days = rhythmic_days(timezone.localdate(), count, rhythm)
        giver = self._giver(donor)
        drafted = pledges.draft_pledge(
            giver,
            profile=profile,
            amount=whole,
            parts=even_parts(whole, days),
            binding=binding,
            language=LANGUAGE,
            form_token=uuid.uuid5(NAMESPACE, f"pledge:{pledge}"),
        )
        self.pledges[pledge] = pledges.confirm_pledge(drafted, by=giver.user)

    def pay_instalment(self, *, pledge: int, number: int, channel: str) -> None:
        if pledge not in self.pledges:
            return
        part = Instalment.objects.get(pledge=self.pledges[pledge], number=number)
        user = self.pledges[pledge].donor.user
        if channel == "card":
            payment = instalments.begin_instalment_payment(part, user=user, language=LANGUAGE)
            self.stage.processor.pay(payment)
            return
        self.stage.bring(instalments.expect_instalment(part, user=user, language=LANGUAGE))

    def write_off(self, *, pledge: int) -> None:
        if pledge in self.pledges:
            pledge_changes.write_off_pledge(
                self.pledges[pledge],
                by=self.stage.treasurers[0],
                reason="It will not come (simulated).",
            )

    def transfer(self, *, transfer: int, source: int, target: int, share: int) -> None:
        profile = self.stage.profiles[source]
        amount = self._share_of_available(profile, share)
        if amount is None:
            return
        restricted = profile.restricted
        self._decide(
            transfers.request_transfer(
                from_pool=profile.pool,
                to_pool=self.stage.profiles[target].pool,
                amount=amount,
                kind=PoolTransfer.Kind.TRANSFER,
                basis=PoolTransfer.Basis.CONSENT if restricted else PoolTransfer.Basis.UNRESTRICTED,
                basis_note="The donors consented (simulated)." if restricted else "",
                reason="Work that both pools pay for (simulated).",
                by=self.stage.treasurers[0],
                form_token=uuid.uuid5(NAMESPACE, f"transfer:{transfer}"),
            )
        )

    def overhead(self, *, pool: int) -> None:
        profile = self.stage.profiles[pool]
        due = transfers.overhead_due(profile)
        general = self.stage.profiles[0]
        if due.amount <= 0 or general.currency != profile.currency:
            return
        month = timezone.localdate().replace(day=1)
        self._decide(
            transfers.request_transfer(
                from_pool=profile.pool,
                to_pool=general.pool,
                amount=due,
                kind=PoolTransfer.Kind.OVERHEAD,
                basis=PoolTransfer.Basis.RATE,
                basis_note="",
                reason="Overhead at the published rate (simulated).",
                by=self.stage.treasurers[0],
                form_token=uuid.uuid5(NAMESPACE, f"overhead:{profile.code}:{month}"),
            )
        )

    def _decide(self, asked: PoolTransfer) -> None:
        transfers.decide_transfer(asked, by=self.stage.treasurers[1], approved=True)

    def offer(self, *, offer: int, donor: int, pool: int, most: int, rate: int, days: int) -> None:
        profile = self.stage.profiles[pool]
        giver = self._giver(donor)
        today = timezone.localdate()
        matching.offer_matching(
            donor=self._donor(giver),
            pool=profile.pool,
            most=Money(most, profile.currency),
            rate=rate,
            starts_on=today,
            ends_on=today + datetime.timedelta(days=days),
            public_name=giver.public_name,
            by=self.stage.treasurers[0],
        )

    def _donor(self, giver: Giver) -> Donor:
        with use_case():
            return donor_for(giver)

    def settle_matching(self, *, month: datetime.date) -> None:
        matching.settle_month(month)

    def spend(self, *, pool: int, number: int, share: int) -> None:
        self._post(pool, "own_spending_paid", f"spend:{pool}:{number}", share)

    def commit(self, *, pool: int, number: int, share: int) -> None:
        self._post(pool, "grant_committed", f"commit:{pool}:{number}", share)

    def disburse(self, *, pool: int, number: int, share: int) -> None:
        profile = self.stage.profiles[pool]
        standing = books.figures(profile.pool, profile.currency)["committed"]
        self._write(
            "disbursement_paid", profile, f"disburse:{pool}:{number}", standing * share // 100
        )

    def _post(self, pool: int, event: str, key: str, share: int) -> None:
        profile = self.stage.profiles[pool]
        amount = self._share_of_available(profile, share)
        if amount is not None:
            self._write(event, profile, key, amount.amount)

    def _write(self, event: str, profile: PoolProfile, key: str, amount: int) -> None:
        if amount <= 0:
            return
        entry = getattr(templates, event)(
            key=f"simulated:{key}",
            pool=profile.code,
            currency=profile.currency,
            amount=amount,
            date=timezone.localdate(),
            memo="Simulated",
        )
        with use_case():
            post(entry)

    def _share_of_available(self, profile: PoolProfile, share: int) -> Money | None:
        amount = books.balance(profile.pool) * share // 100
        return Money(amount, profile.currency) if amount > 0 else None

    def close_month(self, *, month: datetime.date) -> None:
        by, reason = self.stage.treasurers[2], "The month is over (simulated)."
        with use_case():
            if month.month == 12:
                periods.close_year(month.year, by=by, reason=reason)
            else:
                periods.close_month(month, by=by, reason=reason)
        checkpoints.publish()

    acts: ClassVar[dict[str, Callable[..., None]]] = {
        "gift": give,
        "refund": refund,
        "dispute": dispute,
        "dispute_ended": dispute,
        "pledge": pledge,
        "instalment": pay_instalment,
        "write_off": write_off,
        "transfer": transfer,
        "overhead": overhead,
        "offer": offer,
        "settle_matching": settle_matching,
        "spend": spend,
        "commit": commit,
        "disburse": disburse,
        "close_month": close_month,
    }
