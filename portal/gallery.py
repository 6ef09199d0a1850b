"""Every component with named examples: documentation, page and test at once.

The page stands at /demo/components/ in demo and test; tests/look renders each example alone and
photographs the page.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from funding.transparency.pool_facts import CountryShare
from funding.transparency.series import MonthFlow
from home.models.implementations import CountryDot


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a money figure (see portal.templatetags.figures.Row)."""

    label: str
    amount: int
    kind: str
    href: str = "#"
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Example:
    """One component in one state, rendered with ``context`` and nothing else.

    ``around`` holds the element a component must stand in, e.g. ("<ul class='news'>", "</ul>").
    """

    name: str
    template: str
    context: Mapping[str, Any]
    around: tuple[str, str] = ("", "")

    def html(self, request: HttpRequest | None = None) -> SafeString:
        inner = render_to_string(f"components/{self.template}.html", dict(self.context), request)
        return mark_safe(self.around[0] + inner + self.around[1])  # noqa: S308  both are ours


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    examples: tuple[Example, ...] = field(default=())


class SampleForm(forms.Form):
    """A form with one of each kind of field."""

    amount = forms.CharField(
        label="Amount",
        help_text="Any amount from 1.00 on.",
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    country = forms.ChoiceField(
        label="Country", choices=[("", "Choose a country"), ("MW", "Malawi"), ("MZ", "Mozambique")]
    )
    constituency = forms.ChoiceField(
        label="Constituency",
        choices=[("country", "Country"), ("implementer", "Implementer"), ("donor", "Donor")],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label="Note to the stewards", required=False, widget=forms.Textarea)
    anonymous = forms.BooleanField(
        label="Do not show my name",
        required=False,
        help_text="The ledger never holds names. This keeps yours off the list of donors too.",
    )


def malawi() -> list[Line]:
    return [
        Line("At the start", 18_200_00, "opening"),
        Line("Received", 104_310_50, "in"),
        Line("Refunded", -500_00, "out"),
        Line("Processing fees", -2_214_88, "out"),
        Line("Paid to grantees", -62_400_00, "out"),
        Line("Committed, not yet paid", -30_000_00, "promised"),
        Line("Available", 27_395_62, "total", href=""),
    ]


def groups() -> list[Group]:
    """All examples, built anew for each page so that none keeps a state."""
    empty = SampleForm()
    wrong = SampleForm(
        {"amount": "", "email": "amina@", "country": "", "constituency": "", "anonymous": "on"}
    )
    wrong.add_error("amount", "Enter the amount you want to give, for example 50.00.")
    wrong.errors["amount"].data[:] = wrong.errors["amount"].data[1:]
    short = [
        Line("At the start", 2_000_00, "opening"),
        Line("Received", 500_00, "in"),
        Line("Lost disputes", -4_000_00, "out"),
        Line("Available", -1_500_00, "total", href=""),
    ]
    nothing = [Line("Received", 0, "in"), Line("Available", 0, "total", href="")]
    shillings = [
        Line("Received", 4_500_000, "in", currency="UGX"),
        Line("Available", 4_500_000, "total", currency="UGX"),
    ]
    november = datetime.date(2026, 11, 18)
    flows = [
        MonthFlow(datetime.date(2026, month, 1), came, spent)
        for month, came, spent in ((8, 40_000_00, 0), (9, -2_000_00, 1_500_00), (10, 0, 9_800_50))
    ]
    shares = [
        CountryShare("Malawi", Decimal(60), -13.25, 34.3),
        CountryShare("Guinea", Decimal("39.5"), 9.95, -9.7),
        CountryShare("A country without a place", Decimal("0.5"), None, None),
    ]
    systems = [
        CountryDot("Malawi", -13.25, 34.3, 1, "#"),
        CountryDot("Nowhere", None, None, 2, "#"),
    ]
    news = ('<ul class="news">', "</ul>")
    middle = Paginator(range(50), 10).page(2)
    return [
        Group(
            "Money figure",
            (
                Example(
                    "of a pool",
                    "money_figure",
                    {
                        "rows": malawi(),
                        "caption": "US dollars, from 1 January 2026 to now. "
                        "Every figure opens into its entries.",
                    },
                ),
                Example("of a pool in debt", "money_figure", {"rows": short}),
                Example("of a new pool", "money_figure", {"rows": nothing}),
                Example("without decimals", "money_figure", {"rows": shillings}),
            ),
        ),
        Group(
            "When and where",
            (
                Example("of a pool", "months", {"months": flows, "currency": "USD"}),
                Example(
                    "of a pool", "world", {"countries": shares, "share_label": "Share of the pool"}
                ),
                Example(
                    "of implementations, with a caption",
                    "world",
                    {
                        "countries": systems,
                        "share_label": "Systems",
                        "caption": "Where OpenLMIS runs",
                    },
                ),
                Example(
                    "beside a fuller table",
                    "world",
                    {"countries": systems, "share_label": "Systems", "bare": True},
                ),
            ),
        ),
        Group(
            "Shelf and progress",
            (
                Example(
                    "with pledges",
                    "shelf",
                    {
                        "value": 104_310_50,
                        "promised": 40_000_00,
                        "goal": 180_000_00,
                        "currency": "USD",
                        "href": "#",
                    },
                    ('<div class="narrow">', "</div>"),
                ),
                Example(
                    "first gift",
                    "shelf",
                    {"value": 50_00, "goal": 180_000_00, "currency": "USD"},
                    ('<div class="narrow">', "</div>"),
                ),
                Example(
                    "progress",
                    "progress",
                    {
                        "value": 80_112_00,
                        "promised": 30_000_00,
                        "goal": 210_300_00,
                        "currency": "USD",
                    },
                ),
                Example(
                    "of what is not money",
                    "progress",
                    {"value": 6, "goal": 15, "text": "6 of 15 on 1 November 2026"},
                ),
                Example(
                    "beyond its goal",
                    "progress",
                    {"value": 300_00, "goal": 100_00, "currency": "USD"},
                ),
            ),
        ),
        Group(
            "Big figures",
            (
                Example(
                    "with link",
                    "stat",
                    {
                        "value": "$412,806",
                        "label": "received this year, from 183 donors",
                        "href": "#",
                    },
                ),
                Example(
                    "plain",
                    "stat",
                    {"value": "61 %", "label": "of members are ministries or in-country teams"},
                ),
            ),
        ),
        Group(
            "Buttons",
            (
                Example("primary link", "button", {"label": "Give to this pool", "href": "#"}),
                Example(
                    "secondary link",
                    "button",
                    {"label": "Pledge", "href": "#", "kind": "secondary"},
                ),
                Example("submit", "button", {"label": "Send the application"}),
                Example("plain", "button", {"label": "Cancel", "href": "#", "kind": "plain"}),
            ),
        ),
        Group(
            "Forms",
            (
                Example("empty", "form", {"form": empty, "submit": "Continue to payment"}),
                Example(
                    "with errors",
                    "form",
                    {
                        "form": wrong,
                        "submit": "Continue to payment",
                        "cancel_href": "#",
                    },
                ),
                Example("with a prefix", "field", {"field": empty["amount"], "prefix": "USD"}),
                Example("steps", "steps", {"steps": ["Organisation", "Agreement"], "current": 2}),
            ),
        ),
        Group(
            "Cards and lists",
            (
                Example(
                    "card",
                    "card",
                    {
                        "title": "Cold chain for Malawi",
                        "href": "#",
                        "text": "Stock visibility for 650 facilities.",
                        "value": 104_310_50,
                        "promised": 40_000_00,
                        "goal": 180_000_00,
                        "currency": "USD",
                    },
                ),
                Example(
                    "card with a tag",
                    "card",
                    {
                        "title": "Country voices",
                        "href": "#",
                        "text": "Travel and interpretation for ministries.",
                        "note": "3,940.00 available",
                        "tag": "Low",
                        "tag_kind": "warning",
                    },
                ),
                Example(
                    "news",
                    "news_item",
                    {
                        "title": "Mozambique moves its stock cards to release 3.17",
                        "href": "#",
                        "date": november,
                        "text": "Two provinces count on the new release since Monday.",
                    },
                    news,
                ),
                Example(
                    "news without summary",
                    "news_item",
                    {
                        "title": "Decision 14: who may approve a patch to core",
                        "href": "#",
                        "date": november,
                    },
                    news,
                ),
                Example(
                    "person",
                    "person",
                    {
                        "name": "Chikondi Banda",
                        "role": "Explains stock visibility to ministries",
                        "place": "Lilongwe, Malawi",
                        "tag": "Country",
                        "href": "#",
                    },
                ),
                Example("person, name alone", "person", {"name": "Maria do Céu"}),
                Example("large avatar", "avatar", {"name": "Chikondi Banda", "large": True}),
                Example(
                    "facts",
                    "definition_list",
                    {
                        "items": [
                            ("Country", "Malawi"),
                            ("Homepage", "openlmis.org", "https://openlmis.org"),
                        ]
                    },
                ),
                Example(
                    "source",
                    "source",
                    {"name": "openlmis.org, page on Malawi", "href": "https://openlmis.org"},
                ),
            ),
        ),
        Group(
            "States",
            (
                *(
                    Example(f"tag {kind}", "tag", {"label": label, "kind": kind})
                    for label, kind in [
                        ("On time", "good"),
                        ("Draft", "quiet"),
                        ("9 days late", "warning"),
                        ("Lapsed", "loss"),
                    ]
                ),
                Example(
                    "info",
                    "notice",
                    {
                        "title": "Check it yourself",
                        "text": "The sum of these figures is tested after every entry.",
                        "href": "#",
                        "label": "How",
                    },
                ),
                Example(
                    "warning",
                    "notice",
                    {"kind": "warning", "text": "This pool is below its reserve."},
                ),
                Example(
                    "error",
                    "notice",
                    {"kind": "error", "text": "The card was declined. Nothing was paid."},
                ),
                Example(
                    "empty",
                    "empty",
                    {
                        "title": "No gifts yet",
                        "text": "Each gift you make will stand here with its receipt.",
                        "href": "#",
                        "label": "Choose a pool",
                    },
                ),
            ),
        ),
        Group(
            "Finding the way",
            (
                Example(
                    "breadcrumbs",
                    "breadcrumbs",
                    {"parent_label": "Pools", "parent_href": "#"},
                ),
                Example(
                    "between entries",
                    "pagination",
                    {
                        "previous_href": "#",
                        "next_href": "#",
                        "previous_label": "Newer entries",
                        "next_label": "Older entries",
                    },
                ),
                Example("of numbered pages", "pagination", {"page_obj": middle}),
                Example(
                    "page head",
                    "page_head",
                    {
                        "eyebrow": "Restricted to immunisation supply in Malawi",
                        "title": "Cold chain for Malawi",
                        "lead": "Stock visibility for 650 health facilities, so that a vaccine "
                        "that leaves the national store is seen again at the clinic door.",
                        "href": "#",
                        "label": "Give to this pool",
                        "href2": "#",
                        "label2": "Pledge",
                    },
                ),
            ),
        ),
    ]


def components(request: HttpRequest) -> HttpResponse:
    """The gallery page."""
    shown = [
        (group.title, [(example, example.html(request)) for example in group.examples])
        for group in groups()
    ]
    sample = {"rows": malawi(), "goal": 180_000_00, "received": 104_310_50, "pledged": 40_000_00}
    return render(request, "gallery.html", {"groups": shown, "sample": sample})
