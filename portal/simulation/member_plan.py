"""Which organisations ask to join, and what becomes of each: chosen from the seed, as data.

A plan does not know what the functions will answer. So an act such as "pay" means what is open on
that day, and one that finds nothing to do does nothing.
"""

import datetime
import random

from core import countries
from membership.terms import last_day_of_year_from
from portal.simulation.planned import Event, PlannedMember, Scale

# (type, constituency, tier), and how many of a hundred are such.
SORTS = (
    (("ministry", "country", "country"), 25),
    (("ngo", "community", "community"), 30),
    (("academic", "technical", "community"), 12),
    (("implementer", "implementer", "implementer"), 18),
    (("company", "technical", "implementer"), 10),
    (("donor", "donor", "sustaining"), 5),
)
WORDS = ("Lake", "River", "Hill", "Plateau", "Valley", "Harbour", "Island", "Delta", "Savanna")
WORKS = ("Logistics", "Health Stores", "Systems", "Institute", "Supplies", "Networks", "Fund")

# How an application goes, and how a year's dues come: of a hundred.
FATES = {"admitted": 76, "asked": 9, "declined": 5, "appealed": 3, "set aside": 3} | {
    "withdrawn": 2, "draft": 2,
}  # fmt: skip
FIRST = {"card": 52, "transfer": 24, "order": 7, "late": 7, "waived": 3, "credited": 4, "never": 3}
RENEWAL = {"card": 62, "transfer": 15, "order": 5, "grace": 7, "never": 11}
AFTER_A_LAPSE = {"rejoin": 45, "apply again": 12, "gone": 43}
OFFERED = datetime.timedelta(days=60)
DAY = datetime.timedelta(days=1)


def plan_members(
    seed: int, scale: Scale, start: datetime.date, end: datetime.date, order: int
) -> tuple[list[PlannedMember], list[Event]]:
    """The organisations of all the years, and what happens with each; events numbered on."""
    chance = random.Random(f"{seed}:members")  # noqa: S311 (nothing secret comes of it)
    places = sorted(code for code, each in countries.all_countries().items() if each.income_group)
    members = [_member(chance, number, places) for number in range(scale.organisations)]
    events: list[Event] = []
    for member in members:
        life = _Life(chance, member.number, end, events, order)
        life.begin(start + datetime.timedelta(days=chance.randrange((end - start).days)))
    return members, events


def _member(chance: random.Random, number: int, places: list[str]) -> PlannedMember:
    kind, constituency, tier = chance.choices(*zip(*SORTS, strict=True))[0]
    name = f"{chance.choice(WORDS)} {chance.choice(WORKS)} {number}"
    return PlannedMember(number, name, kind, chance.choice(places), constituency, tier)


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


class _Life:
    """Writes down what happens with one organisation, day after day."""

    def __init__(
        self,
        chance: random.Random,
        member: int,
        end: datetime.date,
        events: list[Event],
        order: int,
    ) -> None:
        self.chance = chance
        self.member = member
        self.end = end
        self.events = events
        self.order = order

    def add(self, day: datetime.date, kind: str, **about: object) -> datetime.date:
        """Note an act of office hours; the day it is on."""
        moment = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        moment += datetime.timedelta(seconds=self.chance.randrange(8 * 3600, 20 * 3600))
        if day < self.end:
            number = self.order + len(self.events)
            self.events.append(Event(moment, number, kind, {"member": self.member, **about}))
        return day

    def after(self, day: datetime.date, least: int, most: int) -> datetime.date:
        return day + datetime.timedelta(days=self.chance.randint(least, most))

    # --- Applying ---------------------------------------------------------------------------------

    def begin(self, day: datetime.date) -> None:
        fate = _pick(self.chance, FATES)
        self.add(day, "begin_application")
        day = self.add(self.after(day, 1, 6), "write_application")
        if fate == "draft":
            return
        day = self.add(self.after(day, 1, 3), "submit")
        if fate == "withdrawn":
            self.add(self.after(day, 1, 5), "withdraw")
            return
        day = self.add(self.after(day, 1, 4), "review")
        if fate == "asked":
            day = self.add(self.after(day, 1, 3), "ask")
            day = self.add(self.after(day, 1, 9), "answer")
        if fate in ("declined", "appealed", "set aside"):
            day = self.add(self.after(day, 1, 5), "decline")
            if fate == "declined":
                return
            day = self.add(self.after(day, 2, 25), "appeal")
            aside = fate == "set aside"
            day = self.add(self.after(day, 1, 10), "decide_appeal", set_aside=aside)
            if not aside:
                return
        self.member_from(self.admit(day))

    def admit(self, day: datetime.date) -> datetime.date:
        day = self.add(self.after(day, 1, 5), "approve")
        # Where the tier asks for two officers that was the first of them.
        return self.add(self.after(day, 1, 1), "approve_second")

    # --- The years of a member --------------------------------------------------------------------

    def member_from(self, day: datetime.date) -> None:
        how = _pick(self.chance, FIRST)
        self.pay_first(day, how)
        if how in ("never", "credited"):
            return
        self.people(day)
        self.years(day)

    def pay_first(self, day: datetime.date, how: str) -> None:
        match how:
            case "late":
                self.add(self.after(day, 31, 120), "pay", by="transfer")
            case "waived":
                self.add(self.after(day, 2, 20), "waive")
            case "credited":
                self.add(self.after(day, 90, 150), "give_up")
            case "never":
                # A year later somebody finds the old invoice, and is told that it is too late.
                self.add(self.after(day, 370, 500), "pay", by="card")
            case _:
                self.pay(self.after(day, 1, 25), how)

    def pay(self, day: datetime.date, how: str) -> None:
        if how == "order":
            self.add(day, "order")
            self.add(self.after(day, 3, 20), "pay", by="transfer")
        else:
            self.add(day, "pay", by=how)

    def people(self, day: datetime.date) -> None:
        """Colleagues are invited, and some take over."""
        if self.chance.random() > 0.35:
            return
        day = self.add(self.after(day, 10, 200), "invite")
        day = self.add(self.after(day, 1, 13), "accept")
        if self.chance.random() < 0.4:
            day = self.add(self.after(day, 20, 200), "hand_over")
            if self.chance.random() < 0.5:
                self.add(self.after(day, 1, 30), "leave")
        if self.chance.random() < 0.06:
            self.add(self.after(day, 5, 100), "twin")

    def years(self, starts: datetime.date) -> None:
        """Renewals until the plan ends, or the membership does."""
        while (ends := last_day_of_year_from(starts)) - OFFERED < self.end:
            if self.chance.random() < 0.03:
                day = self.add(self.after(starts, 130, 300), "cancel")
                if self.chance.random() < 0.3:
                    self.again(self.after(day, 40, 300))
                return
            how = _pick(self.chance, RENEWAL)
            if how == "grace":
                self.pay(self.after(ends, 1, 29), "card")
            elif how == "never":
                self.lapsed(ends)
                return
            else:
                self.pay(self.after(ends - OFFERED, 1, 35), how)
            starts = ends + DAY

    def lapsed(self, ends: datetime.date) -> None:
        match _pick(self.chance, AFTER_A_LAPSE):
            case "rejoin":
                day = self.add(self.after(ends, 32, 360), "rejoin")
                self.add(self.after(day, 1, 20), "pay", by="card")
                self.years(day)
            case "apply again":
                self.again(self.after(ends, 370, 500))
            case _:
                # Somebody pays what is void by now, or tries to.
                self.add(self.after(ends, 32, 200), "pay", by="card")

    def again(self, day: datetime.date) -> None:
        """A new application of an organisation that is known."""
        self.add(day, "apply_again")
        day = self.admit(self.add(self.after(day, 2, 5), "review"))
        self.pay(self.after(day, 1, 20), "card")
        self.years(day)
