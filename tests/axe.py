"""axe-core, which finds barriers in a page that a real browser shows."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

# WCAG 2.2, levels A and AA, as axe names its rules.
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def script() -> str:
    """The text of axe.min.js. Skips the test, loudly, where there is none; PORTAL_REQUIRE_BROWSER=1
    turns that into a failure."""
    named = os.environ.get("AXE_CORE")
    brought = importlib.util.find_spec("axe_playwright_python")
    if named:
        path = Path(named)
    elif brought is not None and brought.origin:
        path = Path(brought.origin).with_name("axe.min.js")
    else:
        reason = "There is no axe-core: run `make dev`, or name axe.min.js by AXE_CORE=/path."
        if os.environ.get("PORTAL_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return path.read_text(encoding="utf-8")


def barriers(page: Any, axe: str) -> list[str]:
    """What axe finds on the page as it stands in the browser, one line a fault."""
    page.evaluate(axe)
    found = page.evaluate(
        "(standard) => axe.run(document, {runOnly: {type: 'tag', values: standard},"
        " resultTypes: ['violations']})",
        STANDARD,
    )
    return [
        f"{violation['id']}: {node['html'][:160]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
