"""The API: the same numbers as the pages, no name that was not agreed to, and good manners."""

import datetime
import uuid

import pytest
from django.utils import timezone

from funding.ledger import queries as books
from funding.ledger import templates
from funding.ledger.chart import FIGURE_SIGNS
from funding.pools.models import Gift, PoolProfile, PoolTransfer
from funding.transparency.models import RequestCount
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.pools import a_giver, confirmed_pledge, open_pool, received_gift

pytestmark = pytest.mark.django_db
ROOT = "/api/v1"


@pytest.fixture
def pool():
    pool = make_pool("country-voices", name="Country voices")
    for number in range(3):
        post_now(gift_entry(pool, 10_000 + number, 320, memo=f"Gift {number}"))
    post_now(
        templates.own_spending_paid(
            key="s", pool=pool.code, currency="USD", amount=4_200, date=A_DAY, memo="Interpreters"
        )
    )
    return pool


def got(client, path, **query):
    response = client.get(f"{ROOT}{path}", query)
    assert response.status_code == 200, response.content
    return response.json()


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def followed(client, path, **query):
    """The items of every page, one after the other."""
    found, address = [], None
    while True:
        page = client.get(address).json() if address else got(client, path, **query)
        found += page["items"]
        address = page["next"]
        if not address:
            return found


class TestNumbers:
    def test_the_figures_are_the_ledgers_and_add_up_to_what_is_available(self, client, pool):
        found = got(client, f"/pools/{pool.code}/figures")
        figures = {line["figure"]: line["value"]["amount"] for line in found["figures"]}
        assert figures == books.figures(pool, "USD")
        total = sum(line["adds"] * line["value"]["amount"] for line in found["figures"])
        assert found["available"] == usd(total) == usd(books.balance(pool))

    def test_every_figure_opens_into_the_entries_that_make_it(self, client, pool):
        for line in got(client, f"/pools/{pool.code}/figures")["figures"]:
            entries = client.get(line["entries"]).json()["items"]
            amounts = [
                fed["value"]["amount"]
                for entry in entries
                for fed in entry["figures"]
                if (fed["pool"], fed["figure"]) == (pool.code, line["figure"])
            ]
            assert sum(amounts) == line["value"]["amount"]
            assert bool(amounts) == bool(entries)

    def test_the_foundation_is_all_pools_without_transfers_between_them(self, client, pool):
        other = make_pool("other")
        post_now(
            templates.transfer_between_pools(
                key="t", pool=pool.code, to_pool=other.code, currency="USD", amount=5_000,
                date=A_DAY,
            )
        )  # fmt: skip
        (found,) = got(client, "/figures")["items"]
        figures = {line["figure"]: line["value"]["amount"] for line in found["figures"]}
        assert set(figures) == set(FIGURE_SIGNS)
        assert figures["received"] == 30_003
        assert figures["transfers"] == 0

    def test_a_pool_says_what_it_is_for_and_where_it_stands(self, client):
        profile = open_pool("core", title="Core software", goal=500_000)
        PoolProfile.objects.filter(pk=profile.pk).update(countries={"MW": 100}, sdg_goals=[3])
        received_gift(profile, amount=5_000)
        (listed,) = got(client, "/pools")["items"]
        assert listed == got(client, "/pools/core")
        assert listed["name"] == "Core software"
        assert listed["status"] == "open"
        assert listed["goal"] == usd(500_000)
        assert listed["received"] == usd(5_000)
        assert listed["countries"] == [{"code": "MW", "per_cent": 100.0}]

    def test_a_pool_that_nobody_approved_is_not_there(self, client):
        PoolProfile.objects.filter(pk=open_pool("draft").pk).update(live=False)
        assert got(client, "/pools")["items"] == []
        assert client.get(f"{ROOT}/pools/draft").status_code == 404

    def test_pledges_are_told_apart_from_money(self, client):
        profile = open_pool("core")
        confirmed_pledge(profile=profile, amount=100_000)
        found = got(client, "/pools/core/pledges")
        assert found["pledged"] == usd(100_000)
        assert found["received"] == usd(0)
        parts = sum(found[name]["amount"] for name in ("later", "due", "overdue"))
        assert parts == 100_000
        assert got(client, "/pools/core")["received"] == usd(0)


class TestEntries:
    def test_an_entry_is_told_whole(self, client, pool):
        entry = got(client, "/entries", pool=pool.code, figure="expenses")["items"][0]
        assert entry == got(client, f"/entries/{entry['number']}")
        assert entry["memo"] == "Interpreters"
        assert entry["date"] == A_DAY.isoformat()
        assert sum(line["value"]["amount"] for line in entry["postings"]) == 0
        assert entry["figures"] == [{"pool": pool.code, "figure": "expenses", "value": usd(4_200)}]

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
    @pytest.mark.parametrize("query", [{}, {"figure": "received"}, {"pool": "country-voices"}])
    def test_pages_follow_each_other_without_gap_or_double(self, client, pool, limit, query):
        numbers = [entry["number"] for entry in followed(client, "/entries", limit=limit, **query)]
        assert numbers == sorted(set(numbers), reverse=True)
        assert len(numbers) == (3 if "figure" in query else 4)

    def test_only_those_of_a_pool_or_month_come_when_asked_for(self, client, pool):
        other = make_pool("other")
        post_now(gift_entry(other, 7, 0))
        memos = {entry["memo"] for entry in got(client, "/entries", pool=pool.code)["items"]}
        assert memos == {"Gift 0", "Gift 1", "Gift 2", "Interpreters"}
        month = got(client, "/entries")["items"][0]["month"]
        assert len(got(client, "/entries", month=month)["items"]) == 5
        assert got(client, "/entries", month="1999-01")["items"] == []

    def test_a_pool_that_there_is_not_is_not_found(self, client, pool):
        assert client.get(f"{ROOT}/entries?pool=nowhere").status_code == 404
        assert client.get(f"{ROOT}/entries/{2**62}").status_code == 404


class TestNames:
    def test_only_those_who_agreed_are_told(self, client):
        profile = open_pool("core")
        shown = received_gift(profile, a_giver(public_name="Ministry of Hope"), 7_000)
        received_gift(profile, a_giver(name="Secret Sam", email="s@example.org"), 3_000)
        declined = received_gift(profile, a_giver(public_name="Not Wanted"), 4_000)
        Gift.objects.filter(pk=declined.pk).update(
            declined_at=timezone.now(), declined_by=_staff(), decline_reason="Sanctions"
        )
        hidden = received_gift(profile, a_giver(public_name="Once Shown"), 2_000)
        Gift.objects.filter(pk=hidden.pk).update(anonymous=True)
        assert got(client, "/pools/core/gifts")["items"] == [
            {
                "name": "Ministry of Hope",
                "value": usd(7_000),
                "received_on": shown.received_at.date().isoformat(),
            }
        ]
        addresses = ("/pools", "/pools/core", "/pools/core/gifts", "/entries", "/figures")
        whole = b"".join(client.get(f"{ROOT}{path}").content for path in addresses)
        for name in (b"Secret", b"Grace", b"Not Wanted", b"Once Shown", b"example.org"):
            assert name not in whole

    def test_gifts_come_in_pages(self, client):
        profile = open_pool("core")
        for number in range(5):
            received_gift(profile, a_giver(public_name=f"Org {number}"), 1_000 + number)
        names = [gift["name"] for gift in followed(client, "/pools/core/gifts", limit=2)]
        assert names == [f"Org {number}" for number in (4, 3, 2, 1, 0)]


def _staff(email="staff@example.org"):
    from core.models import User

    return User.objects.filter(email=email).first() or User.objects.create_user(email)


def test_transfers_are_told_with_their_reason_and_without_names(client):
    pools = [make_pool("one"), make_pool("two")]
    for approved in (True, False):
        PoolTransfer.objects.create(
            form_token=uuid.uuid4(), kind="transfer", from_pool=pools[0], to_pool=pools[1],
            amount=5_000, currency="USD", reason="Printing", basis="unrestricted",
            requested_by=_staff(), decided_by=_staff("other@example.org"),
            decided_at=timezone.now(), approved=approved,
        )  # fmt: skip
    response = client.get(f"{ROOT}/transfers")
    (made,) = response.json()["items"]
    assert (made["from_pool"], made["to_pool"], made["value"]) == ("one", "two", usd(5_000))
    assert made["reason"] == "Printing"
    assert b"example.org" not in response.content


class TestManners:
    def test_what_has_not_changed_is_not_sent_again(self, client, pool):
        first = client.get(f"{ROOT}/pools/{pool.code}")
        again = client.get(f"{ROOT}/pools/{pool.code}", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
        assert again["Access-Control-Allow-Origin"] == "*"
        post_now(gift_entry(pool, 1_000, 10))
        later = client.get(f"{ROOT}/pools/{pool.code}", headers={"If-None-Match": first["ETag"]})
        assert later.status_code == 200
        assert later["ETag"] != first["ETag"]

    @pytest.mark.parametrize("path", ["/pools", "/entries/0", "/nowhere", "/openapi.json"])
    def test_a_page_of_any_origin_may_read(self, client, pool, path):
        response = client.get(f"{ROOT}{path}", headers={"Origin": "https://elsewhere.example"})
        assert response["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in response
        asked = client.options(f"{ROOT}{path}", headers={"Origin": "https://elsewhere.example"})
        assert asked.status_code == 204
        assert asked["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
    @pytest.mark.parametrize("path", ["/pools", "/entries/1", "/openapi.json", "/nowhere"])
    def test_nothing_can_be_changed(self, client, method, path):
        response = getattr(client, method)(f"{ROOT}{path}")
        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD, OPTIONS"
        assert response["Content-Type"] == "application/problem+json"

    def test_a_head_is_a_get_without_its_content(self, client, pool):
        whole, head = client.get(f"{ROOT}/pools"), client.head(f"{ROOT}/pools")
        assert head.status_code == 200
        assert head.content == b""
        assert head["ETag"] == whole["ETag"]
        assert head["Content-Length"] == str(len(whole.content))

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/nowhere", 404),
            ("/nowhere/", 404),
            ("/pools/nothing", 404),
            ("/pools/nothing/figures", 404),
            ("/entries/999999", 404),
            ("/entries/x", 422),
            ("/entries/0", 422),
            ("/entries/9223372036854775808", 422),
            ("/entries?limit=0", 422),
            ("/entries?limit=101", 422),
            ("/entries?after=-1", 422),
            ("/entries?figure=nothing", 422),
            ("/entries?month=2026-13", 422),
            ("/entries?month=0000-01", 422),
            ("/entries?pool=a%00b", 422),
            ("/pools/a%00b", 422),
        ],
    )
    def test_a_refusal_says_what_to_do(self, client, path, status):
        response = client.get(f"{ROOT}{path}")
        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"
        assert response["Cache-Control"] == "no-store"
        said = response.json()
        assert said["status"] == status
        assert said["detail"].endswith(".")
        if status == 422:
            assert said["errors"]

    def test_it_speaks_the_readers_language_where_it_refuses(self, client):
        response = client.get(f"{ROOT}/nowhere", headers={"Accept-Language": "fr"})
        assert "Accept-Language" in response["Vary"]

    def test_our_own_mistake_is_told_as_one_and_tells_nothing_else(self, client, monkeypatch):
        from funding.transparency.api import reading

        def fail():
            raise RuntimeError("a secret")

        monkeypatch.setattr(reading, "pools", fail)
        response = client.get(f"{ROOT}/pools")
        assert response.status_code == 500
        assert response["Content-Type"] == "application/problem+json"
        assert b"secret" not in response.content


class TestLimit:
    @pytest.fixture(autouse=True)
    def limit(self, settings, monkeypatch):
        settings.API_REQUESTS_PER_MINUTE = 3
        self.now = datetime.datetime(2026, 5, 1, 12, 0, 40, tzinfo=datetime.UTC)
        monkeypatch.setattr(
            "funding.transparency.api.limits.timezone.now", lambda: self.now, raising=True
        )

    def statuses(self, client, times, **headers):
        return [client.get(f"{ROOT}/pools", **headers).status_code for _ in range(times)]

    def test_who_asks_too_often_is_told_when_to_go_on(self, client):
        assert self.statuses(client, 3) == [200] * 3
        refused = client.get(f"{ROOT}/pools")
        assert refused.status_code == 429
        assert refused["Retry-After"] == "20"
        assert refused["Content-Type"] == "application/problem+json"
        assert refused["Access-Control-Allow-Origin"] == "*"
        self.now += datetime.timedelta(seconds=20)
        assert self.statuses(client, 3) == [200] * 3

    def test_each_address_has_its_own(self, client):
        assert self.statuses(client, 4, REMOTE_ADDR="192.0.2.1") == [200] * 3 + [429]
        assert self.statuses(client, 1, REMOTE_ADDR="192.0.2.2") == [200]

    def test_all_addresses_of_one_ipv6_network_are_one(self, client):
        assert self.statuses(client, 3, REMOTE_ADDR="2001:db8::1") == [200] * 3
        assert self.statuses(client, 1, REMOTE_ADDR="2001:db8::2") == [429]
        assert self.statuses(client, 1, REMOTE_ADDR="2001:db8:0:1::1") == [200]

    def test_who_only_says_to_be_another_is_not_believed(self, client):
        for number in range(3):
            self.statuses(client, 1, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        assert self.statuses(client, 1, headers={"X-Forwarded-For": "192.0.2.9"}) == [429]

    def test_the_address_is_not_kept_and_the_counts_go(self, client):
        self.statuses(client, 2, REMOTE_ADDR="192.0.2.1")
        (kept,) = RequestCount.objects.all()
        assert kept.count == 2
        assert "192" not in str(vars(kept)).replace(kept.who, "")
        self.now += datetime.timedelta(hours=2)
        self.statuses(client, 1, REMOTE_ADDR="192.0.2.1")
        assert RequestCount.objects.count() == 1

    def test_nought_switches_it_off(self, client, settings):
        settings.API_REQUESTS_PER_MINUTE = 0
        assert self.statuses(client, 5) == [200] * 5
        assert not RequestCount.objects.exists()


PATHS = [
    "/pools",
    "/pools/core",
    "/pools/core/figures",
    "/pools/core/gifts",
    "/pools/core/pledges",
    "/pools/core/statements",
    "/figures",
    "/transfers",
    "/entries?limit=100",
    "/entries?pool=core&figure=received&limit=100",
    "/entries?pool=core&limit=100",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_queries_are_few_and_as_many_for_much_as_for_little(
    client, path, django_assert_max_num_queries
):
    profile = open_pool("core")
    received_gift(profile, a_giver(public_name="Org"))
    with django_assert_max_num_queries(8) as few:
        assert client.get(f"{ROOT}{path}").status_code == 200
    for number in range(12):
        received_gift(profile, a_giver(public_name=f"Org {number}"))
        open_pool()
    with django_assert_max_num_queries(8) as many:
        assert client.get(f"{ROOT}{path}").status_code == 200
    assert len(many) == len(few)
    asked = [query["sql"] for query in many.captured_queries]
    assert len(set(asked)) == len(asked)
