"""What a year of membership costs: the fee table, read."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from core.money import Money, currency_name
from membership import income
from membership.models import FeeRule, Tier
from membership.models.tiers import MAIN_CURRENCY, IncomeGroup
from membership.refusals import TierNotOffered


def fee_for(
    tier: Tier, kind: str, country: str, on: datetime.date, *, currency: str = ""
) -> FeeRule:
    """The rule that sets what an organisation of ``kind`` in ``country`` pays on ``on``.

    ``country`` is ISO 3166-1 alpha-2. A country without an income group of its own (some
    territories) is met by the rules for any country alone. ``currency``: what the organisation pays
    in, the main one by default; where the table has no line in it, or a narrower one in the main
    currency, that one holds. Raises TierNotOffered.
    """
    group = income.group_of(country, on)
    rules = tier.fee_rules.filter(
        Q(kind=kind) | Q(kind=""),
        Q(income_group=group) | Q(income_group=""),
        valid_from__lte=on,
    )
    rule = fee_among(list(rules), kind=kind, group=group, on=on, currency=currency)
    if rule is None:
        raise TierNotOffered(tier=tier)
    return rule


def fee_among(
    rules: Sequence[FeeRule], *, kind: str, group: str, on: datetime.date, currency: str
) -> FeeRule | None:
    """The same among the rules of a tier, where they and the country's income group were read
    already; None where none fits."""
    fitting = [
        rule
        for rule in rules
        if rule.kind in (kind, "") and rule.income_group in (group, "") and rule.valid_from <= on
    ]
    return _chosen(fitting, currency)


def currencies(on: datetime.date) -> list[str]:
    """The currencies in which an open tier has a fee on ``on``, the main one first."""
    found = (
        FeeRule.objects.filter(tier__open_to_new=True, valid_from__lte=on)
        .order_by("currency")
        .values_list("currency", flat=True)
        .distinct()
    )
    return sorted({*found, MAIN_CURRENCY}, key=lambda code: (code != MAIN_CURRENCY, code))


def currency_choices(on: datetime.date, kept: str = "") -> list[tuple[str, str]]:
    """The currencies for a form, the main one as ""; ``kept`` stays a choice whatever the table."""
    codes = currencies(on)
    if kept and kept not in codes:
        codes.append(kept)
    return [
        ("" if code == MAIN_CURRENCY else code, f"{code} – {currency_name(code)}") for code in codes
    ]


def _chosen(rules: Sequence[FeeRule], currency: str) -> FeeRule | None:
    """The rule in ``currency`` that wins, unless one in the main currency is narrower: a ministry
    that pays nothing still does when a general fee in its currency is added."""
    main = _narrowest([rule for rule in rules if rule.currency == MAIN_CURRENCY])
    main = main or _narrowest(rules)
    own = _narrowest([rule for rule in rules if rule.currency == currency])
    if own is None or (main is not None and _narrowness(main) > _narrowness(own)):
        return main
    return own


def _narrowest(rules: Sequence[FeeRule]) -> FeeRule | None:
    """The rule that wins: type before income group, then the newest."""
    return max(rules, key=lambda rule: (*_narrowness(rule), rule.valid_from), default=None)


def _narrowness(rule: FeeRule) -> tuple[bool, bool]:
    return bool(rule.kind), bool(rule.income_group)


@dataclass(frozen=True, slots=True)
class FeeRow:
    """One line of the public fee table; ``fees`` are in the order of the income groups."""

    tier: Tier
    kinds: tuple[str, ...]  # labels; empty: every type of organisation
    fees: tuple[Money | None, ...]
    source: str
    source_year: int
    valid_from: datetime.date

    @property
    def cells(self) -> list[tuple[str, Money | None]]:
        """Each fee with the name of its income group."""
        return list(zip((str(label) for label in IncomeGroup.labels), self.fees, strict=True))


def open_tiers() -> list[Tier]:
    """The tiers that can be joined, in order, with their fee rules."""
    return list(Tier.objects.filter(open_to_new=True).prefetch_related("fee_rules"))


def fee_table(
    on: datetime.date, tiers: Sequence[Tier] | None = None, *, currency: str = MAIN_CURRENCY
) -> list[FeeRow]:
    """What each open tier costs on ``on``: a row per tier and set of types that pay the same.

    ``tiers``: `open_tiers`, where they were read already. In another ``currency`` than the main one
    the rows are those in which it occurs."""
    rows: list[FeeRow] = []
    for tier in open_tiers() if tiers is None else tiers:
        rules = [rule for rule in tier.fee_rules.all() if rule.valid_from <= on]
        rows += _rows_of(tier, rules, currency)
    return rows


def _rows_of(tier: Tier, rules: list[FeeRule], currency: str) -> list[FeeRow]:
    by_fees: dict[tuple[Money | None, ...], tuple[list[str], FeeRule]] = {}
    for kind in sorted({rule.kind for rule in rules}):
        cells = [
            _chosen(
                [
                    rule
                    for rule in rules
                    if rule.kind in (kind, "") and rule.income_group in (group, "")
                ],
                currency,
            )
            for group in IncomeGroup.values
        ]
        found = [cell for cell in cells if cell is not None]
        if not any(cell.currency == currency for cell in found):
            continue
        newest = max(found, key=lambda rule: rule.valid_from)
        fees = tuple(cell.money if cell else None for cell in cells)
        kinds, __ = by_fees.setdefault(fees, ([], newest))
        if kind:
            kinds.append(str(FeeRule(kind=kind).get_kind_display()))
    return [
        FeeRow(tier, tuple(kinds), fees, newest.source, newest.source_year, newest.valid_from)
        for fees, (kinds, newest) in by_fees.items()
    ]
