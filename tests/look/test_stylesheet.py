import gzip
import re

import pytest

from tests.look import stylesheet

TEXT = 4.5  # WCAG AA for text
PARTS = 3.0  # WCAG AA for edges of controls and parts of figures

PAIRS = [
    ("ink", "paper", TEXT),
    ("ink", "card", TEXT),
    ("ink", "wash", TEXT),
    ("ink", "warn-wash", TEXT),
    ("ink", "loss-wash", TEXT),
    ("ink", "line", TEXT),
    ("soft", "paper", TEXT),
    ("soft", "card", TEXT),
    ("accent", "paper", TEXT),
    ("accent", "card", TEXT),
    ("accent", "wash", TEXT),
    ("accent-strong", "paper", TEXT),
    ("accent-strong", "wash", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("warn", "warn-wash", TEXT),
    ("warn", "paper", TEXT),
    ("loss", "paper", TEXT),
    ("loss", "card", TEXT),
    ("loss", "loss-wash", TEXT),
    ("edge", "paper", PARTS),
    ("edge", "card", PARTS),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("front, ground, least", PAIRS)
def test_colours_that_meet_have_the_contrast_of_aa(
    scheme: str, front: str, ground: str, least: float
) -> None:
    colours = stylesheet.tokens(scheme)

    assert stylesheet.contrast(colours[front], colours[ground]) >= least


def test_contrast_is_reckoned_as_the_standard_does() -> None:
    assert stylesheet.contrast("#000", "#ffffff") == pytest.approx(21)
    assert stylesheet.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_schemes_set_the_same_colours() -> None:
    light, dark = re.findall(r":root\s*{([^}]*)}", stylesheet.text())[:2]
    colour = re.compile(r"--([\w-]+):\s*#")

    assert set(colour.findall(light)) == set(colour.findall(dark))


def test_every_colour_is_a_token() -> None:
    rules = re.sub(r":root\s*{[^}]*}", "", stylesheet.text())
    colours = re.findall(r"#[0-9a-f]{3,8}\b", rules)

    assert colours == ["#0006"], "only the veil behind the menu stands outside the tokens"


def test_every_token_that_is_used_exists() -> None:
    css = stylesheet.text()

    assert set(re.findall(r"var\(--([\w-]+)", css)) <= set(re.findall(r"--([\w-]+):", css))


def test_the_stylesheet_weighs_nine_kilobytes_at_most() -> None:
    assert len(gzip.compress(stylesheet.PATH.read_bytes(), 9)) <= 9 * 1024


def test_it_loads_nothing_from_anywhere() -> None:
    assert "url(" not in stylesheet.text()
    assert "@import" not in stylesheet.text()


def test_directions_are_logical() -> None:
    physical = re.compile(
        r"(?:^|[\s;{])((?:margin|padding|border)-(?:left|right)|left|right|text-align:\s*(?:left|right))\s*:?"
    )
    found = [m for m in physical.findall(stylesheet.text()) if m not in ("left", "right")]

    assert found == []
    assert not re.search(r"(float|clear|text-align):\s*(left|right)\b", stylesheet.text())
    assert not re.search(r"[\s;{](left|right|width|height|top|bottom):", stylesheet.text())


def test_animation_waits_for_the_reader_to_want_it() -> None:
    css = stylesheet.text()
    without = re.sub(
        r"@media \(prefers-reduced-motion: no-preference\)\s*{(?:[^{}]*{[^{}]*})*\s*}", "", css
    )

    assert not re.search(r"\b(animation|transition|scroll-behavior)\s*:", without)
