"""What a pool works for, in the field's own codes: the United Nations' goals, the purpose codes of
the OECD's DAC, and countries; the last two with the share of the whole that goes to each.

A share is per cent with two decimals at most; together they are exactly 100. Stored as JSON:
``{"12250": 60.0, "12261": 40.0}``. Names of sectors: data/dac_sectors.csv (see data/README.md).
"""

import csv
import functools
import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import countries
from core.refusals import Refusal

# Per cent, by code, in the order in which they were typed.
Shares = dict[str, float]

WHOLE = Decimal(100)
HUNDREDTH = Decimal("0.01")

# The short names of the goals of the 2030 Agenda (United Nations, A/RES/70/1).
SDG_GOALS: dict[int, Promise] = {
    1: _("No poverty"),
    2: _("Zero hunger"),
    3: _("Good health and well-being"),
    4: _("Quality education"),
    5: _("Gender equality"),
    6: _("Clean water and sanitation"),
    7: _("Affordable and clean energy"),
    8: _("Decent work and economic growth"),
    9: _("Industry, innovation and infrastructure"),
    10: _("Reduced inequalities"),
    11: _("Sustainable cities and communities"),
    12: _("Responsible consumption and production"),
    13: _("Climate action"),
    14: _("Life below water"),
    15: _("Life on land"),
    16: _("Peace, justice and strong institutions"),
    17: _("Partnerships for the goals"),
}


class ShareRefusal(Refusal):
    """Base of what is wrong with typed shares; each names the line."""


class NotAShare(ShareRefusal):
    message = _("Line %(line)s: “%(text)s”. Write a code and its share, like “%(example)s 60”.")


class UnknownSector(ShareRefusal):
    message = _(
        "Line %(line)s: %(code)s is no purpose code of the DAC that is known here. "
        "Use five digits, like 12250."
    )


class UnknownCountry(ShareRefusal):
    message = _("Line %(line)s: %(code)s is no country. Use two letters of ISO 3166, like MW.")


class CodeTwice(ShareRefusal):
    message = _("Line %(line)s: %(code)s is there already. Write each code once.")


class ShareOutOfRange(ShareRefusal):
    message = _("Line %(line)s: a share is more than 0 and 100 at most.")


class TooFineAShare(ShareRefusal):
    message = _("Line %(line)s: a share has two decimals at most.")


class SomeWithoutShare(ShareRefusal):
    message = _(
        "Line %(line)s has no share, and others have one. Give every line a share, or none."
    )


class SharesDoNotAddUp(ShareRefusal):
    message = _("The shares add up to %(sum)s, not to 100. Change one of them.")


@functools.cache
def sectors() -> dict[str, str]:
    """The DAC's purpose codes that the portal knows, with their English names."""
    with (settings.BASE_DIR / "data" / "dac_sectors.csv").open(encoding="utf-8") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(file)}


def sector_name(code: str) -> str:
    """The DAC's English name of a purpose code; the code itself where it is not known."""
    return sectors().get(code, code)


def country_name(code: str) -> str:
    """The country's name in the language in force; the code itself where it is not known."""
    known = countries.all_countries().get(code)
    return known.name() if known else code


def percentages(shares: Mapping[str, float]) -> list[tuple[str, Decimal]]:
    """Stored shares as exact numbers, the largest first."""
    exact = [(code, Decimal(str(share)).quantize(HUNDREDTH)) for code, share in shares.items()]
    return sorted(exact, key=lambda pair: (-pair[1], pair[0]))


def parse_sectors(text: str) -> Shares:
    """Read lines like ``12250 60``. Raises a ShareRefusal that names the line."""
    return _parse(text, sectors(), UnknownSector, "12250")


def parse_countries(text: str) -> Shares:
    """Read lines like ``MW 60``. Raises a ShareRefusal that names the line."""
    return _parse(text.upper(), countries.all_countries(), UnknownCountry, "MW")


def as_text(shares: Mapping[str, float]) -> str:
    """Stored shares as a person would type them; one that is all of it needs no number."""
    pairs = percentages(shares)
    if len(pairs) == 1:
        return pairs[0][0]
    return "\n".join(f"{code} {_plain(share)}" for code, share in pairs)


def _plain(share: Decimal) -> str:
    return format(share.normalize(), "f")


def _parse(text: str, known: Collection[str], unknown: type[ShareRefusal], example: str) -> Shares:
    typed: dict[str, Decimal | None] = {}
    without_share = 0
    for line, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        code, share = _parse_line(words, line, example)
        if code not in known:
            raise unknown(line=line, code=code)
        if code in typed:
            raise CodeTwice(line=line, code=code)
        if share is None:
            without_share = without_share or line
        typed[code] = share
    shares = {code: share for code, share in typed.items() if share is not None}
    if not shares:
        return _evenly(list(typed))
    if without_share:
        raise SomeWithoutShare(line=without_share)
    if (total := sum(shares.values())) != WHOLE:
        raise SharesDoNotAddUp(sum=_plain(Decimal(total)))
    return {code: float(share) for code, share in shares.items()}


def _parse_line(words: str, line: int, example: str) -> tuple[str, Decimal | None]:
    match = re.fullmatch(r"\s*([0-9A-Za-z]+)(?:[\s:;=]+([0-9.,]+)\s*%?)?\s*", words)
    if match is None:
        raise NotAShare(line=line, text=words.strip()[:40], example=example)
    if match[2] is None:
        return match[1], None
    try:
        share = Decimal(match[2].replace(",", "."))
    except InvalidOperation as mistake:
        raise NotAShare(line=line, text=words.strip()[:40], example=example) from mistake
    if not 0 < share <= WHOLE:
        raise ShareOutOfRange(line=line)
    if share != share.quantize(HUNDREDTH):
        raise TooFineAShare(line=line)
    return match[1], share


def _evenly(codes: list[str]) -> Shares:
    """100 shared equally; what two decimals leave over goes to the first."""
    if not codes:
        return {}
    part = (WHOLE / len(codes)).quantize(HUNDREDTH, rounding="ROUND_DOWN")
    shares = dict.fromkeys(codes, part)
    shares[codes[0]] = WHOLE - part * (len(codes) - 1)
    return {code: float(share) for code, share in shares.items()}
