from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.running import Receiver, Running


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One sandbox for the tests that look only at what they made themselves."""
    running = Running(tmp_path_factory.mktemp("sandbox") / "state.sqlite3", "", "--settle-after=0")
    yield running
    running.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Running]:
    """A sandbox of the test's own, empty, with charges that settle after a while."""
    running = Running(tmp_path / "state.sqlite3", "", "--settle-after=0.3")
    yield running
    running.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
