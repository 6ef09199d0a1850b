"""Where the browser of the browser tests comes from."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find_chromium() -> str | None:
    """The Chromium to drive: CHROMIUM, else the system's, else Playwright's own; None without."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if Path(MAC).exists():
        return MAC
    for folder in (
        Path.home() / ".cache/ms-playwright",
        Path.home() / "Library/Caches/ms-playwright",
    ):
        for path in sorted(folder.glob("chromium-*/chrome-*/chrome"), reverse=True):
            return str(path)
    return None


@contextlib.contextmanager
def launch(path: str) -> Iterator[Any]:
    """Playwright's Browser. Its sandbox needs privileges that root in a container lacks."""
    from playwright.sync_api import sync_playwright

    arguments = ["--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
