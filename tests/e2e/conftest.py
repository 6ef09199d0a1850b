"""One demo and one browser for all of the paths, and the people who sit before it."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo import START_SECONDS, Demo, running_demo
from tests.e2e.people import People

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def start_demo() -> Iterator[Callable[[], Demo]]:
    """Starts the whole portal at the first call; it is stopped at the end of the run."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda: stack.enter_context(running_demo()))


@pytest.fixture(scope="module")
def demo(chromium: Any, start_demo: Callable[[], Demo]) -> Demo:
    """The one demo of the run. After the browser: without one nothing is started."""
    return start_demo()


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Who has signed in already: the cookies by account, so that each signs in once a run."""
    return {}


@pytest.fixture
def people(
    chromium: Any, demo: Demo, sessions: dict[str, Any], request: pytest.FixtureRequest
) -> Iterator[People]:
    people = People(chromium, demo, sessions)
    yield people
    report = getattr(request.node, "report_of_call", None)
    if report is not None and report.failed:
        for page in people.pages:
            print(f"\n--- {page.url}\n{page.locator('main, body').last.inner_text()[:2000]}")
    people.leave()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The auditor comes last, when the others have moved money."""
    items.sort(key=lambda item: item.path.name == "test_auditor.py")
    for item in items:
        if item.path.parent == HERE:
            # The demo's first start is a part of whichever test comes first.
            item.add_marker(pytest.mark.timeout(START_SECONDS + 120))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """Keep how the test itself ended, so that a fixture can say what the pages showed."""
    report = yield
    if report.when == "call":
        item.report_of_call = report  # type: ignore[attr-defined]
    return report
