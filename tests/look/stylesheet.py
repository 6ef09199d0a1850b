"""Reads static/site.css: tokens of both schemes, and the classes it knows."""

import re
from pathlib import Path

from django.conf import settings

PATH = Path(settings.BASE_DIR) / "static" / "site.css"


def text() -> str:
    return re.sub(r"/\*.*?\*/", "", PATH.read_text(), flags=re.S)


def tokens(scheme: str) -> dict[str, str]:
    """The colours of a scheme, ``light`` or ``dark``; dark ones lie over the light ones."""
    light, dark = re.findall(r":root\s*{([^}]*)}", text())[:2]
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]+)", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]+)", dark))
    return found


def classes() -> set[str]:
    selectors = re.sub(r"{[^{}]*}", " ", text())
    return set(re.findall(r"\.([a-z][\w-]*)", selectors))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
