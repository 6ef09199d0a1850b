"""The file of activities: one activity for each pool."""

import calendar
import datetime
from collections.abc import Iterable, Iterator
from typing import IO

from django.conf import settings
from django.utils import timezone

from funding.ledger import queries as books
from funding.ledger.models import Pool
from funding.pools.addresses import pool_page
from funding.pools.models import PoolProfile
from funding.transparency.iati import mapping, reading
from funding.transparency.iati.writing import Attributes, Writer
from funding.transparency.models import GiverKind
from funding.transparency.public_pools import public_pools

VERSION = "2.03"
FOUNDATION = "60"  # OrganisationType
# OrganisationRole
FUNDING, ACCOUNTABLE, EXTENDING = "1", "2", "3"
# ActivityDateType
PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END = "1", "2", "3", "4"
# ActivityStatus. A closed pool takes no more gifts; while it holds money it still spends it.
IMPLEMENTATION, FINALISATION = "2", "3"
STATUS = {
    PoolProfile.Status.PLANNED: "1",
    PoolProfile.Status.OPEN: IMPLEMENTATION,
    PoolProfile.Status.PAUSED: "6",
    PoolProfile.Status.CLOSED: "4",
}
SECTORS_OF_DAC = "1"  # SectorVocabulary
GOALS_OF_UN = "2"  # TagVocabulary
NO_SECTOR = "99810"  # Sectors not specified
NO_COUNTRY = "998"  # Region: developing countries, unspecified
STANDARD_GRANT = "110"
POOLED_FUNDING = "B04"
# No name stands here: of these only the sum of a month is told.
GIVERS: dict[str, str] = {
    GiverKind.NAMED: "from the named giver",
    GiverKind.ANONYMOUS: "from donors who are not named, together",
    GiverKind.DUES: "membership dues",
    GiverKind.OTHER: "other receipts",
}


class NoPool(Exception):
    """There is nothing to report yet: a file without an activity would not be valid."""


def identifier(pool_code: str) -> str:
    """The IATI identifier of a pool's activity."""
    return f"{settings.IATI_ORGANISATION}-{pool_code}"


def write(out: IO[bytes], *, now: datetime.datetime) -> None:
    """Write the whole file, as the books stand at ``now``. Raises NoPool."""
    pools = public_pools()
    if not pools:
        raise NoPool
    xml = Writer(out)
    stamp = now.astimezone(datetime.UTC).isoformat(timespec="seconds")
    with xml.inside("iati-activities", {"version": VERSION, "generated-datetime": stamp}):
        for pool, profile, figures in pools:
            _Activity(xml, pool, profile, timezone.localdate(now)).write(figures)
    xml.end()


def reporting_org(xml: Writer) -> None:
    attributes = {"ref": settings.IATI_ORGANISATION, "type": FOUNDATION}
    xml.narrative("reporting-org", settings.SITE_NAME, attributes)


def web_page(xml: Writer, path: str, title: str, category: str) -> None:
    """A link to one of our pages."""
    with xml.inside("document-link", {"url": settings.SITE_URL + path, "format": "text/html"}):
        xml.narrative("title", title)
        xml.element("category", attributes={"code": category})
        xml.element("language", attributes={"code": "en"})


def last_day(month: datetime.date, on: datetime.date) -> datetime.date:
    """The month's last day, or ``on`` where the month is not over: no day lies in the future."""
    end = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    return max(month, min(end, on))


class _Activity:
    """Writes one pool; its methods stand in the order that the schema asks for."""

    def __init__(
        self, xml: Writer, pool: Pool, profile: PoolProfile | None, on: datetime.date
    ) -> None:
        self.xml, self.pool, self.profile, self.on = xml, pool, profile, on
        self.identifier = identifier(pool.code)

    def write(self, figures: dict[str, int]) -> None:
        attributes = {"xml:lang": "en", "default-currency": self.pool.currency, "hierarchy": "1"}
        with self.xml.inside("iati-activity", attributes):
            self.xml.element("iati-identifier", self.identifier)
            reporting_org(self.xml)
            self._what_it_is()
            self._who_takes_part()
            self._when(books.available_from_figures(figures))
            self._where_and_what_for()
            self._transactions()
            web_page(self.xml, pool_page(self.pool.code), f"{self.pool.name}: the pool", "A12")

    def _what_it_is(self) -> None:
        self.xml.narrative("title", self.pool.name)
        about = self.profile.purpose if self.profile else f"The foundation’s pool {self.pool.name}"
        self.xml.narrative("description", about, {"type": "1"})

    def _who_takes_part(self) -> None:
        us = {"ref": settings.IATI_ORGANISATION, "type": FOUNDATION}
        for role in (ACCOUNTABLE, EXTENDING):
            self.xml.narrative("participating-org", settings.SITE_NAME, {**us, "role": role})
        for name in reading.funders(self.pool):
            self.xml.narrative("participating-org", name, {"role": FUNDING})

    def _when(self, available: int) -> None:
        profile = self.profile
        status = STATUS[profile.status(self.on)] if profile else IMPLEMENTATION
        if status == STATUS[PoolProfile.Status.CLOSED] and available:
            status = FINALISATION
        self.xml.element("activity-status", attributes={"code": status})
        opens = profile.opens_on if profile else self.pool.opened_at.date()
        self._day(PLANNED_START if opens > self.on else ACTUAL_START, opens)
        if profile and profile.closes_on:
            over = profile.closes_on < self.on
            self._day(ACTUAL_END if over else PLANNED_END, profile.closes_on)

    def _day(self, type: str, day: datetime.date) -> None:
        attributes = {"type": type, "iso-date": day.isoformat()}
        self.xml.element("activity-date", attributes=attributes)

    def _where_and_what_for(self) -> None:
        countries = self.profile.countries if self.profile else {}
        for code, share in sorted(countries.items()):
            attributes = {"code": code, "percentage": _per_cent(share)}
            self.xml.element("recipient-country", attributes=attributes)
        if not countries:
            nowhere = {"code": NO_COUNTRY, "vocabulary": "1", "percentage": "100"}
            self.xml.element("recipient-region", attributes=nowhere)
        sectors = self.profile.sectors if self.profile else {}
        for code, share in sorted((sectors or {NO_SECTOR: 100}).items()):
            attributes = {"vocabulary": SECTORS_OF_DAC, "code": code}
            attributes["percentage"] = _per_cent(share)
            self.xml.element("sector", attributes=attributes)
        for goal in sorted(self.profile.sdg_goals) if self.profile else ():
            tag = {"vocabulary": GOALS_OF_UN, "code": str(goal)}
            self.xml.element("tag", attributes=tag)
        self.xml.element("default-finance-type", attributes={"code": STANDARD_GRANT})
        self.xml.element("default-aid-type", attributes={"code": POOLED_FUNDING})

    # --- Transactions -----------------------------------------------------------------------------

    def _transactions(self) -> None:
        self._from_givers(reading.pledged(self.pool, self.on))
        self._from_givers(reading.commitments(self.pool))
        self._from_givers(reading.by_giver(self.pool))
        for figure, currency, month, amount in reading.by_month(self.pool):
            mapped = mapping.TRANSACTIONS[figure]
            for part in mapped.parts:
                day = last_day(month, self.on)
                self._transaction(part.type, day, part.sign * amount, currency, mapped.words)
        for line in reading.by_entry(self.pool):
            ref = f"entry-{line.entry}"
            self._transaction(line.type, line.day, line.amount, line.currency, line.words, ref=ref)
        for transfer in reading.moved(self.pool):
            self._transfer(transfer)

    def _from_givers(self, lines: Iterable[reading.OfGiver]) -> None:
        for line in lines:
            day = last_day(line.month, self.on)
            for type, amount, words in _incoming(line):
                self._transaction(
                    type,
                    day,
                    amount,
                    line.currency,
                    f"{words}, {GIVERS[line.giver]}",
                    provider=({}, line.name) if line.name else None,
                    receiver=self._here("receiver-activity-id"),
                )

    def _transfer(self, line: reading.Moved) -> None:
        """Into the pool: incoming funds. Out of it: a disbursement, of what went."""
        mapped = mapping.TRANSACTIONS["transfers"]
        words = line.words or mapped.words
        other = {"ref": settings.IATI_ORGANISATION, "type": FOUNDATION}
        into, out = mapped.parts
        if line.amount > 0:
            there = {**other, "provider-activity-id": identifier(line.other)}
            sides = {
                "provider": (there, settings.SITE_NAME),
                "receiver": self._here("receiver-activity-id"),
            }
            part = into
        else:
            there = {**other, "receiver-activity-id": identifier(line.other)}
            sides = {
                "provider": self._here("provider-activity-id"),
                "receiver": (there, settings.SITE_NAME),
            }
            part = out
        amount, ref = part.sign * line.amount, f"entry-{line.entry}"
        self._transaction(part.type, line.day, amount, line.currency, words, ref=ref, **sides)

    def _here(self, attribute: str) -> tuple[Attributes, str]:
        ours = {"ref": settings.IATI_ORGANISATION, "type": FOUNDATION, attribute: self.identifier}
        return ours, settings.SITE_NAME

    def _transaction(
        self,
        type: str,
        day: datetime.date,
        amount: int,
        currency: str,
        words: str,
        *,
        ref: str = "",
        provider: tuple[Attributes, str] | None = None,
        receiver: tuple[Attributes, str] | None = None,
    ) -> None:
        with self.xml.inside("transaction", {"ref": ref} if ref else None):
            self.xml.element("transaction-type", attributes={"code": type})
            self.xml.element("transaction-date", attributes={"iso-date": day.isoformat()})
            self.xml.value(amount, currency, day.isoformat())
            self.xml.narrative("description", words)
            if provider:
                self.xml.narrative("provider-org", provider[1], provider[0])
            if receiver:
                self.xml.narrative("receiver-org", receiver[1], receiver[0])


def _incoming(line: reading.OfGiver) -> Iterator[tuple[str, int, str]]:
    """(type, minor units, words) of what a giver promised, brought or got back."""
    if line.what == "committed":
        yield mapping.INCOMING_COMMITMENT, line.amount, "Binding pledges"
    elif line.what == "pledged":
        yield mapping.INCOMING_PLEDGE, line.amount, "Pledges that are not binding yet"
    else:
        mapped = mapping.TRANSACTIONS[line.what]
        for part in mapped.parts:
            yield part.type, part.sign * line.amount, mapped.words


def _per_cent(share: float | int | str) -> str:
    """A share as it was entered: per cent, with two decimals at most."""
    return f"{float(share):.2f}".rstrip("0").rstrip(".")
