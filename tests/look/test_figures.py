"""Geometry of the figures, checked by sums of another road than the code's."""

from dataclasses import dataclass

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import translation

from portal.templatetags.figures import BOXES, amount_text, meter, shelf, waterfall
from portal.templatetags.frame import initials


@dataclass
class Line:
    label: str
    amount: int
    kind: str
    href: str = ""
    currency: str = "USD"


def number(percentage: str) -> float:
    assert percentage.endswith("%")
    return float(percentage[:-1])


POOL = [
    Line("Opening", 20_000, "opening"),
    Line("Received", 80_000, "in", "/entries/"),
    Line("Fees", -10_000, "out"),
    Line("Committed", -40_000, "promised"),
    Line("Available", 50_000, "total"),
]


def test_each_bar_begins_where_the_running_sum_stands() -> None:
    bars = waterfall(POOL)

    assert [(number(bar.x), number(bar.width)) for bar in bars] == [
        (0, 20),
        (20, 80),
        (90, 10),
        (50, 40),
        (0, 50),
    ]


def test_threads_join_the_end_of_a_bar_to_the_start_of_the_next() -> None:
    bars = waterfall(POOL)

    assert [bar.end for bar in bars[:-2]] == [bar.start for bar in bars[1:-1]]


def test_money_gone_is_told_from_money_in_by_its_sign_and_promises_by_their_kind() -> None:
    bars = waterfall(POOL)

    assert [bar.tone for bar in bars] == ["in", "in", "out", "out", "in"]
    assert [bar.promised for bar in bars] == [False, False, False, True, False]


def test_a_sum_below_zero_moves_the_axis_and_is_marked_short() -> None:
    bars = waterfall(
        [Line("In", 1_000, "in"), Line("Lost", -4_000, "out"), Line("Sum", -3_000, "total")]
    )

    assert {number(bar.axis) for bar in bars} == {75}
    assert (number(bars[-1].x), number(bars[-1].width)) == (0, 75)
    assert bars[-1].short
    assert not waterfall(POOL)[-1].short


def test_the_least_amount_is_seen_and_none_leaves_the_figure() -> None:
    bars = waterfall(
        [Line("In", 10**15, "in"), Line("Fee", -1, "out"), Line("Sum", 10**15 - 1, "total")]
    )

    for bar in bars:
        assert number(bar.width) > 0
        assert number(bar.x) >= 0
        assert number(bar.right) <= 100


def test_a_pool_without_any_money_has_bars_of_no_width() -> None:
    bars = waterfall([Line("Received", 0, "in"), Line("Available", 0, "total")])

    assert [bar.width for bar in bars] == ["0.00%", "0.00%"]


def test_no_rows_are_no_bars() -> None:
    assert waterfall([]) == []


@pytest.mark.parametrize(
    "language, amount, currency, text",
    [
        ("en", -2_214_88, "USD", "−\u00a02,214.88"),
        ("en", 104_310_50, "USD", "104,310.50"),
        ("en", 4_500_000, "UGX", "4,500,000"),
        ("en", -1, "KWD", "−\u00a00.001"),
        ("pt", 1_234_56, "USD", "1.234,56"),
    ],
)
def test_amounts_follow_the_language_and_the_currency(
    language: str, amount: int, currency: str, text: str
) -> None:
    with translation.override(language):
        assert amount_text(amount, currency) == text


@pytest.mark.parametrize(
    "value, goal, promised, held, end, percent",
    [
        (50, 200, 0, 25, 25, 25),
        (50, 200, 50, 25, 50, 25),
        (150, 200, 500, 75, 100, 75),
        (500, 200, 0, 100, 100, 250),
        (-10, 200, 0, 0, 0, 0),
        (0, 0, 10, 0, 0, 0),
        (199, 200, 0, 99.5, 99.5, 99),
    ],
)
def test_a_meter_shows_what_is_held_then_what_is_promised(
    value: int, goal: int, promised: int, held: float, end: float, percent: int
) -> None:
    bar = meter(value, goal, promised)

    assert number(bar.width) == held
    assert number(bar.promised_end) == end
    assert bar.percent == percent


def boxes(path: str) -> int:
    return path.count("z")


def test_a_shelf_has_a_hundred_boxes_of_one_per_cent() -> None:
    store = shelf(57_00, 100_00, 20_00)

    assert boxes(store.held) == 57
    assert boxes(store.free) == 100 - 57 - 20
    assert BOXES == 100
    assert store.wanted == 23_00


def test_the_first_gift_fills_a_box_and_a_missing_cent_leaves_one_free() -> None:
    assert boxes(shelf(1, 10**9).held) == 1
    assert boxes(shelf(10**9 - 1, 10**9).free) == 1


def test_a_shelf_beyond_its_goal_is_full_and_wants_nothing() -> None:
    store = shelf(300, 100, 50)

    assert boxes(store.held) == BOXES
    assert (store.promised, store.free, store.wanted) == ("", "", 0)


def test_a_small_pledge_is_seen_beside_what_is_held() -> None:
    assert shelf(50_00, 100_00, 1).promised


@pytest.mark.parametrize(
    "name, letters",
    [
        ("Chikondi Banda", "CB"),
        ("Maria do Céu", "MC"),
        ("Óscar", "Ó"),
        ("Jean-Pierre Ouédraogo", "JO"),
        ("", ""),
        ("  ", ""),
        ("7 Anna", "A"),
    ],
)
def test_initials_of_names(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_a_component_without_its_inputs_says_so(settings: object) -> None:
    template = Template('{% include "components/tag.html" only %}')

    with pytest.raises(TemplateSyntaxError, match="label"):
        template.render(Context())


def test_in_production_a_page_is_shown_all_the_same(settings: object) -> None:
    settings.PORTAL_MODE = "production"  # type: ignore[attr-defined]

    assert "tag" in Template('{% include "components/tag.html" only %}').render(Context())
