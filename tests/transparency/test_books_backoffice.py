"""The page "Books" of the back office: who sees it, closing months and years, the pack."""

import datetime
import html
import io
import re
import threading
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from wagtail.models import ModelLogEntry
from wagtail.users.models import UserProfile

from core.models import User
from core.transactions import use_case
from funding.ledger import queries
from funding.ledger.models import Entry, Period
from funding.ledger.periods import close_month, close_year, month_after, open_month
from funding.ledger.refusals import LedgerRefusal, MonthClosed
from funding.transparency import months
from portal import groups
from tests.conftest import CommittedDatabase
from tests.factories.home import make_staff, sign_in
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.membership import make_officer

BOOKS = "/admin/books/"
PACK = "/admin/books/audit-pack/"
MARCH, APRIL = datetime.date(2026, 3, 1), datetime.date(2026, 4, 1)
DECEMBER = datetime.date(2025, 12, 1)
REASON = "All bank statements are in."


def on(month: int, day: int = 10) -> datetime.date:
    return datetime.date(2026, month, day)


@pytest.fixture
def books(db: None) -> None:
    """The groups, and books with entries in March and April of 2026."""
    make_groups()
    pool = make_pool("core", name="Core software")
    post_now(gift_entry(pool, date=on(3)))
    post_now(gift_entry(pool, date=on(4)))


@pytest.fixture
def treasurer(client: Client, books: None) -> User:
    return staff(client, groups.TREASURERS)


def make_groups() -> None:
    with use_case():
        groups.setup_groups()


def staff(client: Client, *names: str, **values: Any) -> User:
    return sign_in(client, make_staff(*names, **values))


def text_of(answer: Any) -> str:
    """The words of a page, without marks."""
    inside = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.S)
    return " ".join(html.unescape(inside).split())


def send(client: Client, month: str = "2026-03", act: str = "confirm", **changes: str) -> Any:
    return client.post(
        BOOKS, {"act": act, "month": month, "reason": REASON, **changes}, follow=True
    )


def closed_months() -> list[str]:
    return [str(period) for period in Period.objects.filter(closed_at__isnull=False)]


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "opens", "closes", "downloads"),
    [
        (groups.TREASURERS, True, True, True),
        (groups.AUDITORS, True, False, True),
        (groups.ADMINISTRATORS, True, True, True),
        (groups.MEMBERSHIP_OFFICERS, False, False, False),
        (groups.EDITORS, False, False, False),
        (groups.MODERATORS, False, False, False),
    ],
)
def test_each_group_does_what_it_may(
    client: Client, books: None, group: str, opens: bool, closes: bool, downloads: bool
) -> None:
    staff(client, group)
    answer = client.get(BOOKS)
    assert answer.status_code == (200 if opens else 403)
    page = answer.content.decode()
    assert ('name="reason"' in page) is closes
    assert ("Download the pack" in page) is downloads
    assert (BOOKS in client.get("/admin/").content.decode()) is opens, "the menu"

    # Asked without any choice the pack is refused in words, or not at all to be had.
    assert client.get(PACK).status_code == (200 if downloads else 403)
    send(client)
    assert closed_months() == (["2026-03"] if closes else [])


def test_strangers_are_asked_to_sign_in(client: Client, books: None) -> None:
    for address in (BOOKS, PACK):
        answer = client.get(address)
        assert answer.status_code == 302
        assert "login" in answer["Location"]
    assert (
        client.post(BOOKS, {"act": "confirm", "month": "2026-03", "reason": "x"}).status_code == 302
    )
    assert not closed_months()


def test_the_rights_can_be_given_in_the_groups_page(client: Client, books: None) -> None:
    root = make_staff(groups.ADMINISTRATORS)
    root.is_superuser = True
    sign_in(client, root)
    page = client.get("/admin/groups/new/").content.decode()
    assert "Can close months and years" in page
    assert "Can download the auditor" in page


# --- The months -----------------------------------------------------------------------------------


def test_the_page_lists_every_month_with_its_entries(client: Client, treasurer: User) -> None:
    page = text_of(client.get(BOOKS))
    assert re.search(r"March 2026 1 still open", page)
    assert re.search(r"May 2026 0 still open", page), "a month without an entry is there too"
    assert page.index("April 2026 1 still open") < page.index("March 2026 1 still open"), (
        "newest first"
    )
    assert "March 2026 is over and open. Months are closed in order." in page


def test_a_month_to_come_is_listed_once_it_has_an_entry(client: Client, treasurer: User) -> None:
    coming = month_after(months.this_month())
    with use_case():
        open_month(coming)
    assert max(row.month for row in months.all_months()) == months.this_month()
    post_now(gift_entry(make_pool(), date=coming))
    assert max(row.month for row in months.all_months()) == coming


def test_before_the_first_entry_the_page_says_what_will_be_here(client: Client, db: None) -> None:
    make_groups()
    staff(client, groups.TREASURERS)
    page = text_of(client.get(BOOKS))
    assert "Nothing is booked yet." in page
    assert "There is nothing to close" in page
    assert "Download the pack" not in page
    assert client.get(PACK).status_code == 200


# --- Closing --------------------------------------------------------------------------------------


def test_a_month_is_closed_in_two_steps_with_a_reason(client: Client, treasurer: User) -> None:
    asked = send(client, act="check")
    page = text_of(asked)
    assert "Close March 2026?" in page
    assert "The month has 1 entry. It takes no more, and nobody can open it again." in page
    assert "is booked in April 2026 or the first month after it that is open" in page
    assert REASON in page
    back = send(client, act="back")
    assert f">\n{REASON}</textarea>" in back.content.decode(), "nothing that was typed is lost"
    assert not closed_months()

    done = send(client)
    page = text_of(done)
    assert done.redirect_chain == [(BOOKS, 302)]
    assert "March 2026 is closed." in page
    assert re.search(rf"March 2026 1 closed on .*? by {treasurer} {re.escape(REASON)}", page)
    assert "April 2026 is over and open." in page
    line = ModelLogEntry.objects.get(action="ledger.close_month")
    assert (line.user, line.data["reason"]) == (treasurer, REASON)


@pytest.mark.parametrize("act", ["check", "confirm"])
@pytest.mark.parametrize("reason", ["", "   \n "])
def test_without_a_reason_nothing_is_closed(
    client: Client, treasurer: User, act: str, reason: str
) -> None:
    page = send(client, act=act, reason=reason)
    assert "Write why the month can be closed." in text_of(page)
    assert not closed_months()


def test_a_reason_too_long_is_kept_as_it_was_typed(client: Client, treasurer: User) -> None:
    page = send(client, act="check", reason="y" * 1001)
    assert "y" * 1001 in page.content.decode()
    assert "1000" in text_of(page)


def test_months_are_closed_in_order_and_what_was_typed_stays(
    client: Client, treasurer: User
) -> None:
    page = send(client, month="2026-04")
    assert "April 2026 was not closed. Months are closed in order: close" in text_of(page)
    assert f">\n{REASON}</textarea>" in page.content.decode()
    assert not closed_months()


def test_sent_twice_it_closes_one_month_and_says_so(client: Client, treasurer: User) -> None:
    send(client)
    again = send(client)
    assert "March 2026 was not closed. This month is closed already." in text_of(again)
    assert closed_months() == ["2026-03"]
    assert ModelLogEntry.objects.filter(action="ledger.close_month").count() == 1
    assert 'name="month" value="2026-04"' in again.content.decode(), "the next one is offered"


def test_a_month_that_is_not_over_stays_open(client: Client, treasurer: User) -> None:
    this = f"{months.this_month():%Y-%m}"
    month = MARCH
    while f"{month:%Y-%m}" < this:
        send(client, month=f"{month:%Y-%m}")
        month = month_after(month)
    page = client.get(BOOKS)
    assert "There is nothing to close: every month that is over is closed." in text_of(page)
    assert "This month is not over." in text_of(send(client, month=this))
    assert this not in closed_months()


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-3", "0000-01", "x" * 7, "x" * 99])
def test_what_is_no_month_is_refused_in_words(client: Client, treasurer: User, month: str) -> None:
    page = send(client, month=month)
    assert page.status_code == 200
    assert not closed_months()
    assert "id_month" not in text_of(page)
    assert page.context["messages"] or "error" in page.content.decode()


def test_december_is_closed_with_its_year(client: Client, db: None) -> None:
    make_groups()
    treasurer = staff(client, groups.TREASURERS)
    core, yen = make_pool("core", name="Core software"), make_pool("yen", "JPY", "Yen")
    post_now(gift_entry(core, 123_450, 450, date=datetime.date(2025, 12, 5)))
    post_now(gift_entry(yen, 700, 0, date=datetime.date(2025, 12, 6)))
    assert "It is closed together with the year 2025." in text_of(client.get(BOOKS))

    page = text_of(send(client, "2025-12", act="check"))
    assert "Close the year 2025 with its December?" in page
    assert "Core software 1,230.00 USD" in page
    assert "Yen 700 JPY" in page

    assert "December 2025 is closed." in text_of(send(client, "2025-12"))
    assert closed_months() == ["2025-12"]
    year_end = Entry.objects.filter(kind="year-closed")
    assert {entry.prepared_by for entry in year_end} == {f"user:{treasurer.pk}"}
    found = queries.balances(core, "USD")
    assert (found["contributions"], found["fund-balance"]) == (0, -123_000)
    assert "This month is closed already." in text_of(send(client, "2025-12"))
    assert year_end.count() == 2


# --- At the same time -----------------------------------------------------------------------------


def at_once(*acts: Any) -> list[Any]:
    """What each act came to, or its refusal; all begin together, each over its own connection."""
    start = threading.Barrier(len(acts), timeout=60)
    found: list[Any] = []

    def run(act: Any) -> None:
        start.wait()
        try:
            found.append(act())
        except LedgerRefusal as refusal:
            found.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("month", [MARCH, DECEMBER])
def test_two_who_close_at_once_close_it_once(
    committed_db: CommittedDatabase, month: datetime.date
) -> None:
    pool = make_pool()
    post_now(gift_entry(pool, date=month))
    by = make_officer()

    def close() -> str:
        months.close(month, by=by, reason=REASON)
        return "closed"

    found = at_once(close, close, close)
    assert found.count("closed") == 1
    assert sum(isinstance(answer, MonthClosed) for answer in found) == 2
    assert ModelLogEntry.objects.filter(action="ledger.close_month").count() == 1


def test_a_gift_that_comes_while_the_year_closes_is_in_it_or_after_it(
    committed_db: CommittedDatabase,
) -> None:
    pool = make_pool()
    day = DECEMBER.replace(day=5)
    post_now(gift_entry(pool, 1_000, 50, date=day))
    by = make_officer()

    def give() -> None:
        for _ in range(30):
            post_now(gift_entry(pool, 100, 0, date=day))

    def close() -> None:
        with use_case():
            close_year(2025, by=by, reason=REASON)

    at_once(give, close, give, give)
    closing = queries.statement(pool, DECEMBER).accounts
    assert closing["contributions"].closing == closing["fees"].closing == 0
    assert queries.figures(pool, "USD")["received"] == 10_000


# --- The pack -------------------------------------------------------------------------------------


def test_the_pack_is_sent_as_a_file_and_that_is_written_down(
    client: Client, committed_db: CommittedDatabase, settings: Any, tmp_path: Any
) -> None:
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path)
    make_groups()
    post_now(gift_entry(make_pool("core"), date=on(3)))
    auditor = staff(client, groups.AUDITORS, first_name="Ada", last_name="Auditor")
    with use_case():
        close_month(MARCH, by=make_officer(), reason=REASON)

    answer = client.get(PACK, {"first": "2026-03", "last": "2026-05", "late_days": "7"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    name = 'attachment; filename="audit-pack-2026-03-to-2026-05.zip"'
    assert answer["Content-Disposition"] == name
    for word in ("private", "no-store"):
        assert word in answer["Cache-Control"]
    line = ModelLogEntry.objects.get(action="transparency.download_audit_pack")
    assert line.user == auditor
    assert line.data == {"first": "2026-03", "last": "2026-05", "late_days": 7}

    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as pack:  # type: ignore[attr-defined]
        assert "more than 7 days" in " ".join(pack.read("README.txt").decode().split())
        assert pack.read("journal.csv").count(b"core,") == 3
    assert "Downloaded the auditor" in text_of(_history(client))


def _history(client: Client) -> Any:
    """The site's history, as an administrator reads it."""
    root = Client()
    sign_in(root, make_staff(groups.ADMINISTRATORS, is_superuser=True))
    return root.get("/admin/reports/site-history/")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"first": "2026-04", "last": "2026-03"}, "Choose a later month."),
        ({"first": "2019-01"}, "Choose a month of the books."),
        ({"late_days": "-1"}, "0"),
        ({"late_days": "many"}, "whole number"),
        ({"late_days": "99999"}, "3650"),
    ],
)
def test_a_wrong_choice_is_explained_and_kept(
    client: Client, treasurer: User, asked: dict[str, str], words: str
) -> None:
    whole = {"first": "2026-03", "last": "2026-04", "late_days": "30", **asked}
    answer = client.get(PACK, whole)
    assert answer["Content-Type"].startswith("text/html")
    assert words in text_of(answer)
    page = answer.content.decode()
    assert f'value="{whole["late_days"]}"' in page
    assert f'<option value="{whole["last"]}" selected>' in page
    assert not ModelLogEntry.objects.filter(action="transparency.download_audit_pack").exists()


def test_the_pack_is_asked_for_by_get_alone(client: Client, treasurer: User) -> None:
    assert client.post(PACK).status_code == 405
    assert client.head(PACK).status_code == 405


def test_the_form_offers_the_newest_closed_month(client: Client, treasurer: User) -> None:
    send(client)
    page = client.get(BOOKS).content.decode()
    assert page.count('<option value="2026-03" selected>') == 2


# --- In French ------------------------------------------------------------------------------------


def test_the_page_speaks_the_readers_language(client: Client, treasurer: User) -> None:
    profile = UserProfile.get_for_user(treasurer)
    profile.preferred_language = "fr"
    profile.save()
    answer = client.get(BOOKS)
    assert '<html lang="fr"' in answer.content.decode()
    page = text_of(answer)
    assert "mars 2026" in page
    assert "March 2026" not in page
