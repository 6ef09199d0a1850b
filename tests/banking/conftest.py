"""What every test of the bank stands on."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    from tests.factories.payments import outcome

    outcome.forget()
    yield
    outcome.forget()
