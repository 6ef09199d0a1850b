"""What the official schemas and codelists say to a file, and what its transactions add up to."""

import csv
import functools
from collections import Counter
from decimal import Decimal

from lxml import etree

from core.money import exponent
from tests.database import ROOT

IATI = ROOT / "data" / "iati"

# Where a code stands in a file: (element, attribute) and its codelist.
CODES = {
    ("reporting-org", "type"): "OrganisationType",
    ("participating-org", "type"): "OrganisationType",
    ("participating-org", "role"): "OrganisationRole",
    ("provider-org", "type"): "OrganisationType",
    ("receiver-org", "type"): "OrganisationType",
    ("activity-status", "code"): "ActivityStatus",
    ("activity-date", "type"): "ActivityDateType",
    ("recipient-country", "code"): "Country",
    ("transaction-type", "code"): "TransactionType",
    ("value", "currency"): "Currency",
    ("iati-activity", "default-currency"): "Currency",
    ("sector", "code"): "Sector",
    ("default-finance-type", "code"): "FinanceType",
    ("default-aid-type", "code"): "AidType",
    ("category", "code"): "DocumentCategory",
    ("description", "type"): "DescriptionType",
}


@functools.cache
def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(IATI / f"iati-{name}-schema.xsd")))


@functools.cache
def codelists() -> dict[str, set[str]]:
    lists: dict[str, set[str]] = {}
    with (IATI / "codelists.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            lists.setdefault(row["codelist"], set()).add(row["code"])
    return lists


def accepted(content: bytes, name: str) -> etree._Element:
    """The document, once the schema and the codelists have nothing against it."""
    document = etree.fromstring(content)
    schema(name).assertValid(document)
    wrong = [
        (element.tag, attribute, element.get(attribute))
        for (tag, attribute), codelist in CODES.items()
        for element in document.iter(tag)
        if element.get(attribute) is not None
        and element.get(attribute) not in codelists()[codelist]
    ]
    assert wrong == []
    for element in document.iter("reporting-org", "participating-org"):
        agency = (element.get("ref") or "XI-IATI").split("-")
        assert "-".join(agency[:2]) in codelists()["OrganisationRegistrationAgency"]
    for activity in document.iter("iati-activity"):
        for shares in (
            activity.xpath("recipient-country/@percentage | recipient-region/@percentage"),
            activity.xpath("sector[@vocabulary='1']/@percentage"),
        ):
            assert sum(Decimal(share) for share in shares) == 100
    return document


def of_pool(document: etree._Element, code: str) -> etree._Element:
    (found,) = [
        activity
        for activity in document.iter("iati-activity")
        if (activity.findtext("iati-identifier") or "").endswith(f"-{code}")
    ]
    return found


def minor(value: etree._Element) -> int:
    currency = value.get("currency") or ""
    amount = Decimal(value.text or "").scaleb(exponent(currency))
    assert amount == amount.to_integral_value()
    return int(amount)


def sums(activity: etree._Element, currency: str = "USD") -> Counter[str]:
    """Minor units by type of transaction."""
    found: Counter[str] = Counter()
    for transaction in activity.iter("transaction"):
        value = transaction.find("value")
        if value.get("currency") == currency:
            found[transaction.find("transaction-type").get("code")] += minor(value)
    return found
