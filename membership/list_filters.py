"""How organisations and terms are filtered in the back office."""

import datetime
from typing import Any, ClassVar

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.widgets import AdminDateInput

from core import countries
from membership.lists import within_choices
from membership.models import Constituency, Organisation, Seat, SeatRole, Term, Tier

STANDINGS = [
    ("member", _("member: current or in grace")),
    ("grace", _("in grace")),
    ("awaiting", _("no member, and a payment is awaited")),
    ("former", _("no member any more")),
    ("never", _("never a member")),
]


class OnADay(WagtailFilterSet):
    """Filters that are told for a day: today, or the one that is chosen."""

    on = django_filters.DateFilter(
        label=_("On the day (empty: today)"), method="as_it_is", widget=AdminDateInput
    )

    @property
    def day(self) -> datetime.date:
        chosen: datetime.date | None = self.form.cleaned_data.get("on")
        return chosen or timezone.localdate()

    def as_it_is(self, queryset: Any, name: str, value: Any) -> Any:
        """The day says of other filters when they are told; it leaves out nothing itself."""
        return queryset


def country_filter(**options: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(label=_("Country"), choices=countries.choices, **options)


class OrganisationFilterSet(OnADay):
    country = country_filter()
    standing = django_filters.ChoiceFilter(
        label=_("Standing"), choices=STANDINGS, method="by_standing"
    )
    tier = django_filters.ModelChoiceFilter(
        label=_("Tier of its membership"), queryset=Tier.objects.all(), method="by_tier"
    )
    ends_within = django_filters.TypedChoiceFilter(
        label=_("Its membership ends within"),
        choices=within_choices,
        coerce=int,
        method="by_end",
    )
    no_contact = django_filters.BooleanFilter(
        label=_("Without a primary contact whose account is open"), method="by_contact"
    )
    is_merged = django_filters.BooleanFilter(
        label=_("Merged into another one"),
        field_name="merged_into",
        lookup_expr="isnull",
        exclude=True,
    )

    class Meta:
        model = Organisation
        fields: ClassVar[list[str]] = [
            "standing",
            "on",
            "ends_within",
            "tier",
            "kind",
            "constituency",
            "country",
            "no_contact",
            "logo_approved",
            "is_merged",
        ]

    def _terms(self) -> Any:
        return Term.objects.filter(organisation=OuterRef("pk"))

    def by_standing(self, queryset: Any, name: str, value: str) -> Any:
        on, own = self.day, self._terms()
        is_member = Exists(own.standing(on))
        counted = Exists(own.filter(starts_on__lte=on).exclude(settled_on=None, waived_on=None))
        if value == "member":
            return queryset.filter(is_member)
        if value == "grace":
            current = Exists(own.having(Term.Status.CURRENT, on))
            return queryset.filter(is_member, ~current)
        awaited = Exists(own.having(Term.Status.AWAITING_PAYMENT, on))
        if value == "awaiting":
            return queryset.filter(~is_member, awaited)
        if value == "former":
            return queryset.filter(~is_member, counted)
        return queryset.filter(~counted)

    def by_tier(self, queryset: Any, name: str, value: Tier) -> Any:
        return queryset.filter(Exists(self._terms().standing(self.day).filter(tier=value)))

    def by_end(self, queryset: Any, name: str, value: int) -> Any:
        """Members whose last paid day lies within so many days, with nothing paid after it."""
        on = self.day
        until = on + datetime.timedelta(days=value)
        running = self._terms().having(Term.Status.CURRENT, on)
        ending = running.filter(ends_on__lte=until)
        paid = self._terms().having(Term.Status.UPCOMING, on)
        return queryset.filter(Exists(ending), ~Exists(paid))

    def by_contact(self, queryset: QuerySet[Organisation], name: str, value: bool) -> Any:
        contact = Exists(
            Seat.objects.filter(
                organisation=OuterRef("pk"),
                roles__contains=[SeatRole.PRIMARY_CONTACT],
                person__is_active=True,
            )
        )
        return queryset.filter(~contact if value else contact)


class TermFilterSet(OnADay):
    status = django_filters.ChoiceFilter(
        label=_("Status"), choices=Term.Status.choices, method="by_status"
    )
    constituency = django_filters.ChoiceFilter(
        label=_("Constituency"),
        choices=Constituency.choices,
        field_name="organisation__constituency",
    )
    country = country_filter(field_name="organisation__country")
    ends_within = django_filters.TypedChoiceFilter(
        label=_("Ends within"), choices=within_choices, coerce=int, method="by_end"
    )

    class Meta:
        model = Term
        fields: ClassVar[list[str]] = [
            "status",
            "on",
            "ends_within",
            "tier",
            "constituency",
            "country",
            "ends_on",
        ]

    def by_status(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.having(value, self.day)

    def by_end(self, queryset: Any, name: str, value: int) -> Any:
        on = self.day
        return queryset.filter(ends_on__gte=on, ends_on__lte=on + datetime.timedelta(days=value))
