"""A pool's terms in words, for the page that compares two versions of them."""

from typing import Any

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from wagtail.admin.compare import diff_text

from funding.pools import shares
from funding.pools.backoffice.pool_forms import rate_text
from funding.pools.models import PoolProfile


def in_words(profile: PoolProfile) -> list[tuple[str, str]]:
    """Every term with its label, as a person reads it."""
    return [
        (_("Title"), profile.title),
        (_label("purpose"), profile.purpose),
        (_label("restricted"), _("yes") if profile.restricted else _("no")),
        (_label("opens_on"), date_format(profile.opens_on)),
        (_label("closes_on"), date_format(profile.closes_on) if profile.closes_on else ""),
        (_label("goal"), profile.goal_money.format() if profile.goal_money else ""),
        (_label("goal_missed"), profile.get_goal_missed_display()),
        (_label("remainder"), profile.get_remainder_display()),
        (_label("overhead_rate"), f"{rate_text(profile.overhead_rate)} %"),
        (
            _label("suggested_amounts"),
            ", ".join(money.format() for money in profile.suggestions),
        ),
        (_label("minimum_gift"), profile.minimum.format()),
        (_label("maximum_gift"), profile.maximum.format()),
        (
            _label("sdg_goals"),
            ", ".join(f"{number} {shares.SDG_GOALS[number]}" for number in profile.sdg_goals),
        ),
        (_label("sectors"), _shares(profile.sectors, shares.sector_name)),
        (_label("countries"), _shares(profile.countries, shares.country_name)),
    ]


def _label(field: str) -> str:
    described: Any = PoolProfile._meta.get_field(field)
    return capfirst(str(described.verbose_name))


def _shares(stored: dict[str, float], name: Any) -> str:
    return "; ".join(
        f"{code} {name(code)} {share.normalize():f} %" for code, share in shares.percentages(stored)
    )


class TermComparison:
    """One term in two versions, as Wagtail's page of comparison asks for it."""

    is_field = True
    is_child_relation = False

    def __init__(self, label: str, before: str, after: str) -> None:
        self.label, self.before, self.after = label, before, after

    def field_label(self) -> str:
        return self.label

    def htmldiff(self) -> SafeString:
        return SafeString(diff_text(self.before, self.after).to_html())


def differences(before: PoolProfile, after: PoolProfile) -> list[TermComparison]:
    """The terms in which the two versions differ."""
    pairs = zip(in_words(before), in_words(after), strict=True)
    return [TermComparison(label, old, new) for (label, old), (_label, new) in pairs if old != new]
