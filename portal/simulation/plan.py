"""What happens in simulated years, as plain data. The same seed and scale make the same plan."""

import datetime

from portal.simulation.giving_plan import plan_giving
from portal.simulation.member_plan import plan_members
from portal.simulation.planned import Event, Plan, Scale, month_after


def make_plan(seed: int, years: int, scale: Scale, *, until: datetime.date) -> Plan:
    """The plan of ``years`` years whose last month is the one that ``until`` lies in."""
    end = month_after(until)
    start = end.replace(year=end.year - years)
    pools, donors, events = plan_giving(seed, years, scale, start, end)
    members, theirs = plan_members(seed, scale, start, end, len(events))
    events += theirs
    events += _days(start, end, len(events))
    events += _months(start, end, len(events))
    return Plan(start, end, pools, donors, members, sorted(events))


def _days(start: datetime.date, end: datetime.date, order: int) -> list[Event]:
    """The jobs of each morning."""
    first = datetime.datetime.combine(start, datetime.time(5, 20), datetime.UTC)
    days = range((end - start).days)
    return [Event(first + datetime.timedelta(days=day), order + day, "morning", {}) for day in days]


def _months(start: datetime.date, end: datetime.date, order: int) -> list[Event]:
    """Dues are earned on the first of a month, matching is settled on the second, and the month
    before is closed on the fifth."""
    events: list[Event] = []
    month = start
    while month < end:
        following = month_after(month)
        for kind, day, hour, about in (
            ("earn_dues", 1, 12, {}),
            ("settle_matching", 2, 7, {"month": month}),
            ("close_month", 5, 7, {"month": month}),
        ):
            at = datetime.datetime(following.year, following.month, day, hour, tzinfo=datetime.UTC)
            if at.date() < end:
                events.append(Event(at, order + len(events), kind, about))
        month = following
    return events
