"""The sandbox as the tests' Stripe. Django is not set up yet where this file is imported."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.payments.stripe_sandbox import Sandbox


@pytest.fixture(scope="session")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Sandbox"]:
    from tests.payments.stripe_sandbox import running_sandbox

    state = tmp_path_factory.mktemp("sandbox") / "state.sqlite3"
    with running_sandbox(state, "--settle-after", "0") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: "Sandbox", settings: Any) -> "Sandbox":
    """The sandbox, in the place of Stripe; it settles at once and sends no webhooks by itself."""
    settings.STRIPE_API_BASE = _sandbox.url
    return _sandbox


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    from tests.factories.payments import outcome

    outcome.forget()
    yield
    outcome.forget()
