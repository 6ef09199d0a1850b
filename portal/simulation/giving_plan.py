"""Who gives to which pool, and when: the money that no member brings."""

import datetime
import random
from collections.abc import Sequence
from typing import Any, Literal

from core.money import Money
from funding.payments.stripe_units import AmountTooLargeForCard, to_stripe
from portal.simulation.planned import Event, PlannedDonor, PlannedPool, Scale

Channel = Literal["card", "mobile", "transfer"]

# Two digits, none and three: every currency that rounds otherwise has a pool.
CURRENCIES = ("USD", "USD", "USD", "EUR", "USD", "JPY", "USD", "EUR", "USD", "KWD", "USD", "UGX")
# What one unit of USD is in minor units of each, roughly: for amounts of a likely size.
UNIT = {"USD": 100, "EUR": 90, "JPY": 150, "KWD": 300, "UGX": 3_700}
COUNTRIES = ("MW", "ZM", "TZ", "MZ", "GN", "CI", "BJ", "AO", "LS", "UG", "CM", "GW")
THEMES = (
    "Core software",
    "Country voices",
    "Cold chain",
    "Training",
    "Interoperability",
    "Offline clinics",
    "Translation",
    "Security reviews",
    "Community calls",
    "Stock forecasts",
    "Mobile data",
    "Audits and openness",
)
GIVEN_NAMES = (
    "Amina",
    "Baraka",
    "Chipo",
    "Diego",
    "Esi",
    "Fatou",
    "Grace",
    "Henrik",
    "Ines",
    "Joao",
)
FAMILY_NAMES = ("Banda", "Costa", "Diallo", "Eze", "Ferreira", "Garcia", "Hassan", "Ito", "Jensen")
HOUSES = ("Trust", "Fund", "Agency", "Society", "Ministry")


def plan_giving(
    seed: int, years: int, scale: Scale, start: datetime.date, end: datetime.date
) -> tuple[list[PlannedPool], list[PlannedDonor], list[Event]]:
    """The pools, the donors and what they do between two days."""
    chance = random.Random(seed)  # noqa: S311 (nothing secret comes of it)
    pools = [_pool(chance, number) for number in range(scale.pools)]
    donors = [_donor(chance, number) for number in range(scale.donors)]
    days = (end - start).days
    events: list[Event] = []

    def add(day: int, kind: str, **about: Any) -> None:
        moment = datetime.datetime.combine(start, datetime.time(), datetime.UTC)
        moment += datetime.timedelta(days=day, seconds=chance.randrange(8 * 3600, 20 * 3600))
        if moment.date() < end:
            events.append(Event(moment, len(events), kind, about))

    weights = [donor.weight for donor in donors]
    card_gifts: list[tuple[int, int]] = []
    for number in range(scale.gifts * years):
        day = chance.randrange(days)
        pool, donor = chance.randrange(len(pools)), chance.choices(donors, weights)[0]
        channel = chance.choices(("card", "mobile", "transfer"), (80, 8, 12))[0]
        amount = _amount(chance, donor, pools[pool])
        if channel == "card" and not _by_card(amount, pools[pool].currency):
            channel = "transfer"
        if channel == "card":
            card_gifts.append((number, day))
        add(
            day,
            "gift",
            gift=number,
            donor=donor.number,
            pool=pool,
            amount=amount,
            channel=channel,
            anonymous=not donor.named or chance.random() < 0.1,
        )
    _money_back(chance, add, card_gifts, scale, years, days)
    _pledges(chance, add, donors, pools, scale.pledges * years, days)
    _between_pools(chance, add, pools, scale.transfers * years, days)
    for number in range(scale.offers * years):
        donor = donors[number % len(donors)]
        pool = number % len(pools)
        add(
            chance.randrange(max(1, days // 3)),
            "offer",
            offer=number,
            donor=donor.number,
            pool=pool,
            most=UNIT[pools[pool].currency] * chance.choice((1_000, 5_000, 20_000)),
            rate=chance.choice((50, 100)),
            days=chance.randrange(60, 180),
        )
    _spending(chance, add, pools, days)
    return pools, donors, events


def _pool(chance: random.Random, number: int) -> PlannedPool:
    currency = CURRENCIES[number % len(CURRENCIES)]
    first, second = chance.sample(COUNTRIES, 2)
    theme = THEMES[number % len(THEMES)]
    again = f" {number // len(THEMES) + 1}" if number >= len(THEMES) else ""
    return PlannedPool(
        # The first bears what belongs to no pool of its own: the processor's own charges, dues.
        code="general" if number == 0 else (theme + again).lower().replace(" ", "-"),
        title=theme + again,
        currency=currency,
        countries={first: 60, second: 40},
        restricted=number % 3 == 2,
        goal=UNIT[currency] * chance.choice((20_000, 50_000, 200_000)),
        overhead_rate=700 if number % 4 == 1 else 0,
    )


def _donor(chance: random.Random, number: int) -> PlannedDonor:
    organisation = chance.random() < 0.15
    family = chance.choice(FAMILY_NAMES)
    name = (
        f"{family} {chance.choice(HOUSES)} {number}"
        if organisation
        else f"{chance.choice(GIVEN_NAMES)} {family} {number}"
    )
    return PlannedDonor(
        number, name, organisation, chance.random() < 0.6, chance.paretovariate(1.4)
    )


def _amount(chance: random.Random, donor: PlannedDonor, pool: PlannedPool) -> int:
    unit = UNIT[pool.currency]
    least, most = (200, 5_000) if donor.organisation else (5, 200)
    amount = round(unit * chance.uniform(least, most))
    # Stripe takes the Kuwaiti dinar to the last-but-one digit alone, the shilling by hundreds.
    return amount // 10 * 10 if pool.currency == "KWD" else amount


def _by_card(amount: int, currency: str) -> bool:
    try:
        to_stripe(Money(amount, currency))
    except AmountTooLargeForCard:
        return False
    return True


def _money_back(
    chance: random.Random,
    add: Any,
    card_gifts: list[tuple[int, int]],
    scale: Scale,
    years: int,
    days: int,
) -> None:
    """Refunds and disputes of gifts by card, no gift in both."""
    wanted = min(len(card_gifts), (scale.refunds + scale.disputes) * years)
    chosen = chance.sample(card_gifts, wanted)
    refunds = min(scale.refunds * years, max(1, wanted * 2 // 3))
    for gift, day in chosen[:refunds]:
        share = chance.choice((100, 100, 50, 25))
        add(day + chance.randrange(1, 20), "refund", gift=gift, share=share)
    for number, (gift, day) in enumerate(chosen[refunds:]):
        opened = day + chance.randrange(2, 30)
        add(opened, "dispute", gift=gift)
        if number % 4:  # else it stays open
            ending = "won" if number % 2 else "lost"
            add(opened + chance.randrange(10, 60), "dispute_ended", gift=gift, ending=ending)


def _pledges(
    chance: random.Random,
    add: Any,
    donors: Sequence[PlannedDonor],
    pools: Sequence[PlannedPool],
    number: int,
    days: int,
) -> None:
    givers = [donor for donor in donors if donor.organisation] or list(donors)
    for pledge in range(number):
        day = chance.randrange(days)
        pool = chance.randrange(len(pools))
        donor = chance.choice(givers)
        count = chance.choice((1, 2, 4, 4, 12))
        amount = UNIT[pools[pool].currency] * count * chance.randrange(500, 5_000)
        binding = chance.random() < 0.6
        add(
            day,
            "pledge",
            pledge=pledge,
            donor=donor.number,
            pool=pool,
            amount=amount // (10 * count) * 10 * count,
            count=count,
            rhythm="monthly" if count == 12 else "quarterly",
            binding=binding,
        )
        paid = chance.choice((0, 1, 2, count))
        for instalment in range(1, min(count, paid) + 1):
            step = 31 if count == 12 else 92
            # Some pay early, most on the day, some late.
            due = day + (instalment - 1) * step + chance.choice((0, 0, 0, 2, 9, 40))
            add(
                due + 1,
                "instalment",
                pledge=pledge,
                number=instalment,
                channel=chance.choice(("card", "transfer", "transfer")),
            )
        if binding and paid == 0 and chance.random() < 0.2:
            add(day + 200, "write_off", pledge=pledge)


def _between_pools(
    chance: random.Random, add: Any, pools: Sequence[PlannedPool], number: int, days: int
) -> None:
    for transfer in range(number):
        source = chance.randrange(len(pools))
        alike = [
            place
            for place, pool in enumerate(pools)
            if pool.currency == pools[source].currency and place != source
        ]
        if alike:
            add(
                chance.randrange(days // 4, days),
                "transfer",
                transfer=transfer,
                source=source,
                target=chance.choice(alike),
                share=chance.randrange(1, 10),
            )
    for month in range(2, days // 30, 3):
        for place, pool in enumerate(pools):
            if pool.overhead_rate and place:
                add(month * 30, "overhead", pool=place)


def _spending(chance: random.Random, add: Any, pools: Sequence[PlannedPool], days: int) -> None:
    """What pools pay out, by the ledger's own templates: who decides on it is not simulated."""
    for place, _pool in enumerate(pools):
        for number in range(days // 30):
            day = number * 30 + chance.randrange(1, 28)
            add(day, "spend", pool=place, number=number, share=chance.randrange(2, 25))
            if number % 3 == 1:
                add(day, "commit", pool=place, number=number, share=chance.randrange(5, 30))
                add(day + 40, "disburse", pool=place, number=number, share=chance.choice((50, 100)))
