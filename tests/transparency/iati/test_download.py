"""The files over HTTP, and the page that lists them."""

import pytest
from django.db import connections

from funding.ledger.models import Pool
from funding.transparency.iati import views
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.pools import open_pool
from tests.transparency.iati import reading

ACTIVITIES = "/open-data/iati/activities.xml"
ORGANISATION = "/open-data/iati/organisation.xml"


def content(response):
    return b"".join(response.streaming_content)


def test_the_files_come_whole_and_are_accepted(committed_db, client, monkeypatch):
    monkeypatch.setattr(views, "IN_MEMORY", 100)  # so that the disk is used as well
    pool = make_pool("core")
    post_now(gift_entry(pool, 5_000, 175))
    response = client.get(ACTIVITIES)
    assert response["Content-Type"] == "application/xml"
    assert response["Access-Control-Allow-Origin"] == "*"
    body = content(response)
    assert response["Content-Length"] == str(len(body))
    found = reading.of_pool(reading.accepted(body, "activities"), "core")
    assert reading.sums(found) == {"1": 5_000, "4": 175}
    organisation = content(client.get(ORGANISATION))
    spent = reading.accepted(organisation, "organisations").find(".//total-expenditure/value")
    assert spent.text == "1.75"


def test_they_are_of_one_state_whatever_is_posted_meanwhile(committed_db, client, monkeypatch):
    """A gift that comes while the file is written is in none of its parts."""
    pools = [make_pool("one"), make_pool("two")]
    for pool in pools:
        post_now(gift_entry(pool, 5_000, 0))
    from funding.transparency.iati import reading as asked

    first = asked.by_giver
    came = []

    def and_meanwhile(pool):
        if not came:
            came.append(_posted_elsewhere(pools))
        return first(pool)

    monkeypatch.setattr(asked, "by_giver", and_meanwhile)
    found = reading.accepted(content(client.get(ACTIVITIES)), "activities")
    assert came
    for code in ("one", "two"):
        assert reading.sums(reading.of_pool(found, code))["1"] == 5_000


def _posted_elsewhere(pools):
    import threading

    def post():
        try:
            for pool in pools:
                post_now(gift_entry(Pool.objects.get(pk=pool.pk), 900, 0))
        finally:
            connections.close_all()

    thread = threading.Thread(target=post)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


def test_without_an_identifier_there_are_no_files(committed_db, client, settings):
    open_pool("core")
    settings.IATI_ORGANISATION = ""
    for path in (ACTIVITIES, ORGANISATION):
        assert client.get(path).status_code == 404
    assert ACTIVITIES.encode() not in client.get("/open-data/").content


def test_without_a_pool_there_are_no_activities(committed_db, client):
    assert client.get(ACTIVITIES).status_code == 404
    assert client.get(ORGANISATION).status_code == 200


def test_the_limit_counts_for_them_as_well(committed_db, client, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    statuses = {client.get(ORGANISATION).status_code for _ in range(3)}
    assert 429 in statuses


def test_a_head_sends_nothing(committed_db, client):
    open_pool("core")
    response = client.head(ACTIVITIES)
    assert response.status_code == 200
    assert response.content == b""
    assert int(response["Content-Length"]) > 500


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/open-data/", "/open-data/api/", "/fr/open-data/"])
def test_the_pages_ask_the_database_nothing(client, path, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get(path)
    assert response.status_code == 200


@pytest.mark.django_db
def test_the_page_tells_of_every_figure(client):
    page = client.get("/open-data/").content.decode()
    assert ACTIVITIES in page
    assert "Owed back to payers" in page
    assert "added to Incoming funds (1)" in page
    listed = client.get("/open-data/api/").content.decode()
    assert "/api/v1/pools/{code}/figures" in listed
    assert client.get("/api/v1/").headers["Location"] == "/open-data/api/"
