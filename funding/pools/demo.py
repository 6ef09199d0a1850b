"""What the demo shows of giving: three pools, and invented donors whose money went through the
portal's own functions. Loading twice makes nothing double."""

import datetime
import uuid
from dataclasses import dataclass, field

from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.models import FigureTotal, Pool
from funding.ledger.posting import post
from funding.payments.demo_cards import pay_by_card
from funding.pools import gifts, instalments, pledges, stewards
from funding.pools.donors import Giver
from funding.pools.limits import Limits, set_limits
from funding.pools.merging import merge_donors
from funding.pools.models import Donor, Gift, GivingPolicy, Instalment, Pledge, PoolProfile
from funding.pools.opening import open_pool
from funding.pools.schedules import even_parts, rhythmic_days

CURRENCY = "USD"
# Every row of the demo is named from here, so that a second load finds the first one's rows.
NAMESPACE = uuid.UUID("6f2f1a52-3a5e-4d0b-9a0e-7d1a6a3f5b11")
OPEN_FOR_DAYS = 270


@dataclass(frozen=True, slots=True)
class DemoPool:
    """A pool of the demo; amounts in minor units."""

    code: str
    title: str
    purpose: str
    goal: int
    restricted: bool = False
    closes_after_days: int | None = None
    sdg: list[int] = field(default_factory=lambda: [3])
    sectors: dict[str, float] = field(default_factory=dict)
    countries: dict[str, float] = field(default_factory=dict)
    remainder: str = PoolProfile.Remainder.GENERAL
    goal_missed: str = PoolProfile.GoalMissed.SPENT
    overhead_rate: int = 0  # hundredths of a per cent
    stewards: tuple[tuple[str, str], ...] = ()
    suggested: list[int] = field(default_factory=lambda: [2_500, 5_000, 10_000, 25_000])


POOLS = (
    DemoPool(
        code="core-software",
        title="Core software",
        purpose=(
            "Releases, security fixes and upkeep of the code that every implementation shares."
        ),
        goal=12_000_000,
        sdg=[3, 9, 17],
        sectors={"12110": 70.0, "22040": 30.0},
        stewards=(("Ama Boateng (example)", "Technical committee"),),
    ),
    DemoPool(
        code="country-voices",
        title="Country voices",
        purpose=(
            "Travel and interpretation, so that ministries sit in the calls where decisions are made."
        ),
        goal=6_000_000,
        sdg=[3, 10, 17],
        sectors={"12110": 100.0},
        countries={"MW": 25.0, "MZ": 25.0, "TZ": 25.0, "ZM": 25.0},
        remainder=PoolProfile.Remainder.SIMILAR,
        stewards=(
            ("Joana Machel (example)", "Country committee"),
            ("Peter Phiri (example)", "Country committee"),
        ),
    ),
    DemoPool(
        code="cold-chain-malawi",
        title="Cold chain for Malawi",
        purpose=(
            "Stock of vaccines made visible in 650 health facilities in Malawi, from the national "
            "store to the clinic."
        ),
        goal=25_000_000,
        restricted=True,
        closes_after_days=730,
        sectors={"12250": 80.0, "12220": 20.0},
        countries={"MW": 100.0},
        remainder=PoolProfile.Remainder.RETURNED,
        goal_missed=PoolProfile.GoalMissed.SPENT,
        overhead_rate=500,
        stewards=(("Grace Banda (example)", "Ministry of Health, Malawi (example)"),),
    ),
)

# What the demo's foundation allows in its currency, and what a card costs it.
LIMITS = Limits(
    anonymous_limit=1_000_000, check_limit=1_000_000, card_fee_rate=290, card_fee_fixed=30
)

# What each pool is said to have held when its books were opened, in minor units.
OPENINGS = {"core-software": 1_840_000, "country-voices": 925_000}


@dataclass(frozen=True, slots=True)
class DemoGift:
    """A gift received ``days_ago``; without ``public_name`` its donor is anonymous."""

    pool: str
    name: str
    amount: int
    days_ago: int
    public_name: str = ""


TRUST = "Northern Light Trust (example)"
CLUB = "Lakeside Friends Club (example)"
GIFTS = (
    DemoGift("core-software", "Ingrid Solberg (example)", 25_000, 171, "Ingrid Solberg (example)"),
    DemoGift("core-software", TRUST, 1_500_000, 148, TRUST),
    DemoGift("core-software", "Anonymous example donor", 500_000, 96),
    DemoGift("core-software", "Kwame Mensah (example)", 5_000, 41, "Kwame Mensah (example)"),
    DemoGift("core-software", "Anonymous example donor", 10_000, 12),
    DemoGift("country-voices", CLUB, 120_000, 133, CLUB),
    DemoGift("country-voices", "Anonymous example donor", 40_000, 74),
    DemoGift("country-voices", "Fatou Ndiaye (example)", 7_500, 27, "Fatou Ndiaye (example)"),
    DemoGift("cold-chain-malawi", TRUST, 4_000_000, 120, TRUST),
    DemoGift("cold-chain-malawi", "Anonymous example donor", 250_000, 66),
    DemoGift("cold-chain-malawi", CLUB, 180_000, 35, CLUB),
    DemoGift("cold-chain-malawi", "Chikondi Tembo (example)", 2_500, 9, "Chikondi Tembo (example)"),
)


@dataclass(frozen=True, slots=True)
class DemoPledge:
    """A pledge in even instalments that begin today; the first ``paid`` of them are received."""

    pool: str
    name: str
    amount: int
    count: int
    rhythm: str
    binding: bool
    paid: int = 1


PLEDGES = (
    DemoPledge("cold-chain-malawi", TRUST, 8_000_000, 4, "quarterly", binding=True),
    DemoPledge("country-voices", CLUB, 480_000, 12, "monthly", binding=False),
)
DONORS_PLEDGES = (
    DemoPledge("core-software", "", 120_000, 4, "quarterly", binding=True),
    DemoPledge("cold-chain-malawi", "", 500_000, 5, "quarterly", binding=False, paid=0),
)


def open_demo_pools() -> None:
    """Open the three pools that take gifts, and say what each began with."""
    today = timezone.localdate()
    for pool in POOLS:
        if not Pool.objects.filter(code=pool.code).exists():
            _open(pool, today)
    if not GivingPolicy.objects.filter(currency=CURRENCY).exists():
        set_limits(CURRENCY, LIMITS, by=None, reason="An example of limits")
    opened = today - datetime.timedelta(days=OPEN_FOR_DAYS)
    for code, amount in OPENINGS.items():
        if not FigureTotal.objects.filter(pool__code=code, name="opening").exists():
            _post_opening(code, amount, opened)


def _open(pool: DemoPool, today: datetime.date) -> None:
    closes_on = None
    if pool.closes_after_days is not None:
        closes_on = today + datetime.timedelta(days=pool.closes_after_days)
    profile = open_pool(
        code=pool.code,
        currency=CURRENCY,
        title=pool.title,
        purpose=pool.purpose,
        opens_on=today - datetime.timedelta(days=OPEN_FOR_DAYS),
        closes_on=closes_on,
        restricted=pool.restricted,
        goal=pool.goal,
        suggested_amounts=pool.suggested,
        sdg_goals=pool.sdg,
        sectors=pool.sectors,
        countries=pool.countries,
        remainder=pool.remainder,
        goal_missed=pool.goal_missed,
        overhead_rate=pool.overhead_rate,
    )
    for name, organisation in pool.stewards:
        stewards.appoint(
            profile, name=name, organisation=organisation, since=profile.opens_on, by=None
        )


def _post_opening(code: str, amount: int, day: datetime.date) -> None:
    with use_case():
        post(
            templates.opening_balance(
                key=f"demo:opening:{code}",
                pool=code,
                currency=CURRENCY,
                amount=amount,
                date=day,
                memo="An example: no money stands behind it",
            )
        )


def load(donor: User, *, staff: User) -> None:
    """Gifts and pledges of invented donors, and some of the demo's donor account."""
    for number, gift in enumerate(GIFTS):
        giver = Giver(gift.name, _address(gift.name), gift.public_name)
        _give(gift, giver, f"gift:{number}")
    own = Giver(donor.get_full_name() or donor.email, donor.email, user=donor)
    _give(DemoGift("country-voices", own.name, 10_000, 20), own, "gift:donor")
    for number, pledge in enumerate(PLEDGES):
        giver = Giver(pledge.name, _address(pledge.name), public_name=pledge.name)
        _pledge(pledge, giver, f"pledge:{number}")
    for number, pledge in enumerate(DONORS_PLEDGES):
        _pledge(pledge, own, f"pledge:donor:{number}")
    for name in (TRUST, CLUB):
        _merge(name, by=staff)


def _merge(name: str, *, by: User) -> None:
    """Each gift made without an account has a donor's row of its own, until staff merge them."""
    first, *others = Donor.objects.filter(name=name, merged_into=None).order_by("pk")
    for other in others:
        merge_donors(first, other, by=by, reason="The same address, and its gifts say so")


def _address(name: str) -> str:
    words = name.replace("(example)", "").split()
    return f"{'.'.join(words).lower()}@example.org"


def _give(gift: DemoGift, giver: Giver, key: str) -> None:
    payment = gifts.begin_gift(
        giver,
        profile=PoolProfile.objects.get(pool__code=gift.pool),
        amount=Money(gift.amount, CURRENCY),
        language="en",
        form_token=uuid.uuid5(NAMESPACE, key),
    )
    paid_at = timezone.now() - datetime.timedelta(days=gift.days_ago)
    if pay_by_card(payment, paid_at):
        Gift.objects.filter(pk=payment.purpose_id).update(created_at=paid_at)


def _pledge(wanted: DemoPledge, giver: Giver, key: str) -> None:
    profile = PoolProfile.objects.get(pool__code=wanted.pool)
    amount = Money(wanted.amount, CURRENCY)
    token = uuid.uuid5(NAMESPACE, key)
    found = Pledge.objects.filter(form_token=token).first()
    if found is None:
        days = rhythmic_days(timezone.localdate(), wanted.count, wanted.rhythm)
        found = pledges.draft_pledge(
            giver,
            profile=profile,
            amount=amount,
            parts=even_parts(amount, days),
            binding=wanted.binding,
            language="en",
            form_token=token,
        )
        # Its dates begin today, so tomorrow's load would not find it by its content.
        Pledge.objects.filter(pk=found.pk).update(form_token=token)
    if found.confirmed_at is None:
        pledges.confirm_pledge(found, by=giver.user)
    for part in Instalment.objects.filter(pledge=found, number__lte=wanted.paid):
        if part.received_at is None:
            payment = instalments.begin_instalment_payment(part, user=giver.user, language="en")
            pay_by_card(payment, timezone.now())
