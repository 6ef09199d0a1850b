"""The file of the organisation: what it is, and what it spent in each year."""

import datetime
from typing import IO

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from funding.transparency.iati import reading
from funding.transparency.iati.activities import VERSION, reporting_org, web_page
from funding.transparency.iati.writing import Writer

# What the foundation pays out, by figure: its sign in what was spent, and words. Transfers between
# its own pools are none of it.
SPENT: dict[str, tuple[int, str]] = {
    "disbursed": (1, "Paid to grantees"),
    "returned": (-1, "Returned by grantees"),
    "expenses": (1, "Own spending"),
    "fees": (1, "Fees of banks and payment processors"),
}


def write(out: IO[bytes], *, now: datetime.datetime) -> None:
    """Write the whole file, as the books stand at ``now``.

    There is no budget in it: the foundation publishes none yet.
    """
    xml = Writer(out)
    stamp = now.astimezone(datetime.UTC).isoformat(timespec="seconds")
    today = timezone.localdate(now)
    with (
        xml.inside("iati-organisations", {"version": VERSION, "generated-datetime": stamp}),
        xml.inside("iati-organisation", {"xml:lang": "en"}),
    ):
        xml.element("organisation-identifier", settings.IATI_ORGANISATION)
        xml.narrative("name", settings.SITE_NAME)
        reporting_org(xml)
        for year, currency, figures in reading.spent_by_year():
            _year(xml, year, currency, figures, today)
        web_page(xml, "/", settings.SITE_NAME, "B16")
        web_page(xml, reverse("ledger"), "The ledger: every entry in the books", "B16")
    xml.end()


def _year(
    xml: Writer, year: int, currency: str, figures: dict[str, int], today: datetime.date
) -> None:
    """A calendar year, which is the fiscal year; the present one up to today."""
    end = max(datetime.date(year, 1, 1), min(datetime.date(year, 12, 31), today)).isoformat()
    spent = {name: SPENT[name][0] * amount for name, amount in figures.items()}
    with xml.inside("total-expenditure"):
        xml.element("period-start", attributes={"iso-date": f"{year}-01-01"})
        xml.element("period-end", attributes={"iso-date": end})
        xml.value(sum(spent.values()), currency, end)
        for name, (_sign, words) in SPENT.items():
            if name in spent:
                with xml.inside("expense-line", {"ref": name}):
                    xml.value(spent[name], currency, end)
                    xml.element("narrative", words)
