"""The API holds to its own OpenAPI document: schemathesis makes requests of it and checks."""

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from portal.wsgi import application
from tests.factories.pools import a_giver, confirmed_pledge, open_pool, received_gift

CONFIG = {
    "workers": 1,
    # In-process it does not unpack what it says it takes.
    "headers": {"Accept-Encoding": "identity"},
    "generation": {"max-examples": 15, "deterministic": True, "database": "none"},
}


@pytest.fixture
def document(committed_db, settings):
    settings.API_REQUESTS_PER_MINUTE = 0
    settings.ALLOWED_HOSTS = ["*"]
    profile = open_pool("general")
    for number in range(3):
        received_gift(profile, a_giver(public_name=f"Org {number}"))
    confirmed_pledge(profile=profile)
    config = SchemathesisConfig.from_dict(CONFIG)
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, config=config)


def test_every_answer_is_as_the_document_says(document):
    """All checks, all phases: examples, the borders of every value, random ones, and sequences."""
    asked, problems = 0, []
    for event in from_schema(document).execute():
        if isinstance(event, events.ScenarioFinished):
            asked += len(event.recorder.interactions)
            for checks in event.recorder.checks.values():
                problems += [
                    f"{event.label}: {check.name}: {_words(check.failure_info)}"
                    for check in checks
                    if check.status != Status.SUCCESS
                ]
        elif isinstance(event, events.NonFatalError):
            problems.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            problems.append(repr(event.exception))
    assert not problems, "\n".join(sorted(set(problems)))
    assert asked > 200


def _words(failure_info):
    failure = getattr(failure_info, "failure", None)
    return f"{getattr(failure, 'title', '')} {getattr(failure, 'message', failure_info)}"


def test_a_lie_of_the_document_is_found(document, monkeypatch):
    """So that the test above can fail."""
    from funding.transparency.api import service

    monkeypatch.setattr(service, "PROBLEM", "text/plain")
    found = [
        check
        for event in from_schema(document).execute()
        if isinstance(event, events.ScenarioFinished)
        for checks in event.recorder.checks.values()
        for check in checks
        if check.status == Status.FAILURE
    ]
    assert found


@pytest.mark.django_db
def test_the_document_tells_of_every_address(client):
    found = client.get("/api/v1/openapi.json").json()
    assert sorted(found["paths"]) == [
        "/api/v1/entries",
        "/api/v1/entries/{number}",
        "/api/v1/figures",
        "/api/v1/pools",
        "/api/v1/pools/{code}",
        "/api/v1/pools/{code}/figures",
        "/api/v1/pools/{code}/gifts",
        "/api/v1/pools/{code}/pledges",
        "/api/v1/pools/{code}/statements",
        "/api/v1/transfers",
    ]
    for operations in found["paths"].values():
        assert set(operations) == {"get"}
        assert set(operations["get"]["responses"]) == {"200", "304", "404", "422", "429"}
