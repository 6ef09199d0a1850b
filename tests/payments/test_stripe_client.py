"""How the portal calls Stripe: within time, with a key of its own, never inside a transaction."""

import pytest

from core.transactions import use_case
from funding.payments import endpoint_check, stripe_client
from funding.payments.stripe_client import CallInsideTransaction, client
from tests.payments import conftest
from tests.payments.stripe_sandbox import Sandbox


def test_waits_before_retries_differ_and_stay_short() -> None:
    http = stripe_client.HTTPClient(timeout=stripe_client.TIMEOUT)
    waits = [[http._sleep_time_seconds(number) for _ in range(50)] for number in (1, 2, 3)]
    for found, longest in zip(waits, (0.5, 2.0, 2.0), strict=True):
        assert len(set(found)) > 40
        assert all(longest / 4 <= wait <= longest for wait in found)


def test_the_client_has_our_time_limits_and_retries() -> None:
    requestor = client()._requestor
    http = requestor._get_http_client()
    assert isinstance(http, stripe_client.HTTPClient)
    assert http._timeout == stripe_client.TIMEOUT
    assert requestor._options.max_network_retries == stripe_client.RETRIES


@pytest.mark.django_db
def test_a_call_inside_a_transaction_is_refused() -> None:
    with use_case(), pytest.raises(CallInsideTransaction):
        client()


def test_a_post_of_the_portal_without_a_key_is_caught(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of conftest.py itself: from a test such a call is allowed, from the portal not."""
    session = {"mode": "payment", "success_url": "https://example.org/"}
    monkeypatch.setattr(conftest, "_called_by_the_portal", lambda: True)
    with pytest.raises(AssertionError, match="idempotency"):
        client().v1.checkout.sessions.create(session)  # type: ignore[arg-type]


# --- The endpoint ---------------------------------------------------------------------------------


class _Listed:
    def __init__(self, *endpoints: object) -> None:
        self.endpoints = endpoints

    def auto_paging_iter(self) -> object:
        return iter(self.endpoints)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, settings: object) -> list[dict[str, object]]:
    """The endpoints that Stripe would list in live mode, to be changed by the test."""
    from types import SimpleNamespace

    import stripe

    endpoints: list[dict[str, object]] = [
        {
            "id": "we_1",
            "url": f"{settings.SITE_URL}/payments/stripe/webhook/",  # type: ignore[attr-defined]
            "api_version": stripe.api_version,
            "enabled_events": ["*"],
            "status": "enabled",
        }
    ]
    listing = SimpleNamespace(
        v1=SimpleNamespace(
            webhook_endpoints=SimpleNamespace(
                list=lambda *_: _Listed(*(SimpleNamespace(**each) for each in endpoints))
            )
        )
    )
    monkeypatch.setattr(endpoint_check, "is_live", lambda: True)
    monkeypatch.setattr(endpoint_check, "client", lambda: listing)
    return endpoints


def test_an_endpoint_that_is_right_is_silent(live: list[dict[str, object]]) -> None:
    assert endpoint_check.problems() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "https://elsewhere.example.org/"}, "no enabled webhook endpoint"),
        ({"status": "disabled"}, "no enabled webhook endpoint"),
        ({"api_version": "2020-08-27"}, "2020-08-27"),
        ({"api_version": None}, "the account’s default"),
        ({"enabled_events": ["charge.updated"]}, "charge.refunded"),
    ],
)
def test_what_is_wrong_with_the_endpoint_is_said(
    live: list[dict[str, object]], changes: dict[str, object], words: str
) -> None:
    live[0].update(changes)
    (problem,) = endpoint_check.problems()
    assert words in problem


def test_with_a_test_key_nothing_is_asked() -> None:
    assert endpoint_check.problems() == []


def test_when_stripe_is_away_that_is_the_sentence(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    monkeypatch.setattr(endpoint_check, "is_live", lambda: True)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    monkeypatch.setattr(stripe_client, "WAITS", (0.01, 0.01))
    (problem,) = endpoint_check.problems()
    assert "could not be read" in problem
