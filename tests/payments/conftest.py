"""The sandbox as the tests' Stripe. Django is not set up yet where this file is imported."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

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


@pytest.fixture
def own_sandbox(tmp_path: Path, settings: Any) -> Iterator["Sandbox"]:
    """A sandbox of this test alone, whose whole balance is compared; it takes no step by itself."""
    from tests.payments.stripe_sandbox import running_sandbox

    flags = ("--settle-after", "0", "--step-after", "3600", "--debit-after", "3600")
    with running_sandbox(tmp_path / "sandbox.sqlite3", *flags) as sandbox:
        settings.STRIPE_API_BASE = sandbox.url
        yield sandbox


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    from tests.factories.payments import outcome

    outcome.forget()
    yield
    outcome.forget()


@pytest.fixture(autouse=True)
def every_post_has_a_key_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that changes something at Stripe, made by the portal without an idempotency key.

    The library would make up a random one: a job that runs again would do it again.
    """
    from stripe._api_requestor import _APIRequestor

    real = _APIRequestor.request_headers

    def checked(self: Any, method: str, api_mode: Any, options: Any) -> Any:
        if method == "post" and not options.get("idempotency_key"):
            assert not _called_by_the_portal(), "A POST to Stripe without an idempotency key."
        return real(self, method, api_mode, options)

    monkeypatch.setattr(_APIRequestor, "request_headers", checked)


def _called_by_the_portal() -> bool:
    """Whether the nearest caller that is not the library is the portal (and not a test)."""
    for frame in inspect.stack()[2:]:
        caller = Path(frame.filename)
        if ROOT in caller.parents and ".venv" not in caller.parts:
            folder = caller.relative_to(ROOT).parts[0]
            return folder in ("funding", "portal", "membership", "home", "core")
    return False
