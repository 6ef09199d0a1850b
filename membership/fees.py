"""What a year of membership costs: the fee table, read."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from core import countries
from core.money import Money
from membership.models import FeeRule, Tier
from membership.models.tiers import IncomeGroup
from membership.refusals import TierNotOffered


def fee_for(tier: Tier, kind: str, country: str, on: datetime.date) -> FeeRule:
    """The rule that sets what an organisation of ``kind`` in ``country`` pays on ``on``.

    ``country`` is ISO 3166-1 alpha-2. A country without an income group of its own (some
    territories) is met by the rules for any country alone. Raises TierNotOffered.
    """
    group = countries.get(country).income_group
    rule = _narrowest(
        list(
            tier.fee_rules.filter(
                Q(kind=kind) | Q(kind=""),
                Q(income_group=group) | Q(income_group=""),
                valid_from__lte=on,
            )
        )
    )
    if rule is None:
        raise TierNotOffered(tier=tier)
    return rule


def _narrowest(rules: Sequence[FeeRule]) -> FeeRule | None:
    """The rule that wins: type before income group, then the newest."""
    return max(
        rules,
        key=lambda rule: (bool(rule.kind), bool(rule.income_group), rule.valid_from),
        default=None,
    )


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


def fee_table(on: datetime.date, tiers: Sequence[Tier] | None = None) -> list[FeeRow]:
    """What each open tier costs on ``on``: a row per tier and set of types that pay the same.
    ``tiers``: `open_tiers`, where they were read already."""
    rows: list[FeeRow] = []
    for tier in open_tiers() if tiers is None else tiers:
        rules = [rule for rule in tier.fee_rules.all() if rule.valid_from <= on]
        rows += _rows_of(tier, rules)
    return rows


def _rows_of(tier: Tier, rules: list[FeeRule]) -> list[FeeRow]:
    by_fees: dict[tuple[Money | None, ...], tuple[list[str], FeeRule]] = {}
    for kind in sorted({rule.kind for rule in rules}):
        cells = [
            _narrowest(
                [
                    rule
                    for rule in rules
                    if rule.kind in (kind, "") and rule.income_group in (group, "")
                ]
            )
            for group in IncomeGroup.values
        ]
        found = [cell for cell in cells if cell is not None]
        if not found:
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
