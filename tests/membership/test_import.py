"""Existing members come from a CSV file: looked at first, then all of it or nothing, and once."""

import csv
import datetime
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core import csv_files
from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from funding.dues import renewal
from funding.ledger.models import Entry
from funding.payments.models import Invoice
from membership import import_refusals, member_csv, member_import, merging, terms
from membership.member_import import DryRun, Outcome
from membership.models import Organisation, Seat, Term
from membership.refusals import NotPermitted
from portal import groups
from tests.factories.core import UserFactory
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import make_organisation, may
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, mails_to

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]

PAGE = "/admin/members/import/"
ROW = {
    "legal_name": "Ministry of Health of Malawi",
    "public_name": "Ministry of Health",
    "kind": "ministry",
    "constituency": "country",
    "country": "MW",
    "tier": "country",
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "fee_paid": "250.00",
    "currency": "USD",
    "paid_on": "2026-01-12",
    "evidence": "books of 2025, receipt 14",
    "contact_name": "Ada Van Example",
    "contact_email": "ada@health.example.org",
}


def a_file(*rows: dict[str, str], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows that differ from `ROW` in what they name."""
    out = io.StringIO(newline="")
    whole = [{**ROW, **row} for row in rows]
    columns = [name for name in member_csv.COLUMNS if any(name in row for row in whole)]
    writer = csv.DictWriter(out, columns, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(whole)
    return out.getvalue().encode(encoding)


def another(number: int, **changes: str) -> dict[str, str]:
    return {
        "legal_name": f"Body {number}",
        "public_name": f"Body {number}",
        "contact_email": f"contact{number}@example.org",
        **changes,
    }


@pytest.fixture
def importer(foundation: Any) -> User:
    return may(make_person(), "import_members")


def looked(*rows: dict[str, str], by: User) -> DryRun:
    return member_import.dry_run(a_file(*rows), by=by)


def imported(content: bytes, *, by: User, others: set[int] = frozenset(), **more: Any) -> Outcome:  # type: ignore[assignment]
    return member_import.apply(
        content,
        file_name="members.csv",
        others=frozenset(others),
        by=by,
        **{"invite": False, **more},
    )


# --- What it makes --------------------------------------------------------------------------------


def test_a_row_makes_an_organisation_its_contact_and_a_term_that_was_paid_elsewhere(
    importer: User,
) -> None:
    assert imported(a_file(ROW), by=importer) == Outcome(imported=1, skipped=0, known=0)
    term = Term.objects.get()
    assert term.organisation.public_name == "Ministry of Health"
    assert (term.fee, term.currency) == (25_000, "USD")
    assert term.settled_on == datetime.date(2026, 1, 12)
    assert "books of 2025, receipt 14" in term.settled_elsewhere
    assert term.status(datetime.date(2026, 6, 1)) == Term.Status.CURRENT
    seat = Seat.objects.get()
    assert seat.roles == ["primary_contact", "voting_representative", "billing_contact"]
    assert (seat.person.first_name, seat.person.last_name) == ("Ada Van", "Example")
    assert not seat.person.has_usable_password()
    assert not EmailAddress.objects.get(user=seat.person).verified
    # What was paid before the portal came is in none of its books, and nobody is written to.
    assert not Invoice.objects.exists()
    assert not Entry.objects.exists()
    assert mails_to("ada@health.example.org") == []


def test_what_cost_nothing_is_waived_with_its_reason(importer: User) -> None:
    imported(a_file({"fee_paid": "0", "evidence": ""}), by=importer)
    term = Term.objects.get()
    assert (term.settled_on, term.waived_by) == (None, importer)
    assert term.waived_reason.startswith("It cost nothing before this portal came")
    assert term.makes_member(datetime.date(2026, 6, 1))


def test_contacts_are_written_to_when_they_are_to_be_invited(importer: User) -> None:
    imported(a_file({**ROW, "language": "fr"}), by=importer, invite=True)
    (mail,) = mails_to("ada@health.example.org")
    assert "/fr/" in mail
    assert reverse("account_reset_password").removeprefix("/en") in mail


def test_an_imported_term_is_renewed_as_any_other(importer: User) -> None:
    imported(a_file({"fee_paid": "250.00"}), by=importer)
    renewal.run(datetime.date(2026, 11, 15))
    offered = Term.objects.get(renews__isnull=False)
    assert offered.starts_on == datetime.date(2027, 1, 1)


def test_several_terms_of_one_organisation_are_several_rows(importer: User) -> None:
    before = {"starts_on": "2025-01-01", "ends_on": "2025-12-31", "paid_on": "2025-01-05"}
    imported(a_file(before, ROW), by=importer)
    assert Organisation.objects.get().terms.count() == 2
    # A later file adds to what an earlier one made.
    older = {"starts_on": "2024-01-01", "ends_on": "2024-12-31", "paid_on": "2024-01-05"}
    assert imported(a_file(ROW, older), by=importer) == Outcome(1, 0, 1)
    assert Organisation.objects.get().terms.count() == 3


def test_a_person_with_an_account_keeps_it(importer: User) -> None:
    person = UserFactory(email="ada@health.example.org")
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    imported(a_file(ROW), by=importer)
    seat = Seat.objects.get()
    assert seat.person == person
    assert seat.person.has_usable_password()


def test_a_person_is_known_by_any_address_that_they_confirmed(importer: User) -> None:
    person = make_person("ada@home.example.org")
    EmailAddress.objects.create(user=person, email="ada@health.example.org", verified=True)
    imported(a_file(ROW), by=importer)
    assert Seat.objects.get().person == person
    assert not User.objects.filter(email="ada@health.example.org").exists()


def test_whoever_confirmed_an_address_goes_before_whoever_only_wrote_it(importer: User) -> None:
    UserFactory(email="ada@health.example.org")
    person = make_person("ada@home.example.org")
    EmailAddress.objects.create(user=person, email="ada@health.example.org", verified=True)
    imported(a_file(ROW), by=importer)
    assert Seat.objects.get().person == person


def test_an_address_that_somebody_wrote_down_and_never_confirmed_is_nobodys(
    importer: User,
) -> None:
    person = make_person("mallory@example.org")
    EmailAddress.objects.create(user=person, email="ada@health.example.org", verified=False)
    imported(a_file(ROW), by=importer)
    assert Seat.objects.get().person.email == "ada@health.example.org"


@pytest.mark.usefixtures("on_site")
def test_an_imported_contact_chooses_a_password_by_the_code_in_the_mail(
    importer: User, client: Client
) -> None:
    imported(a_file(ROW), by=importer)
    page = client.post(
        reverse("account_reset_password"), {"email": "ada@health.example.org"}, follow=True
    )
    assert page.redirect_chain[-1][0] == reverse("account_confirm_password_reset_code")
    run_pending_jobs()
    found = re.search(r"^ *([A-Z0-9]{3,6}(?:-[A-Z0-9]{3,6})?)$", str(mail.outbox[-1].body), re.M)
    assert found
    client.post(reverse("account_confirm_password_reset_code"), {"code": found.group(1)})
    password = "a long enough sentence 7"
    client.post(
        reverse("account_complete_password_reset"), {"password1": password, "password2": password}
    )
    client.post(reverse("account_login"), {"login": "ada@health.example.org", "password": password})
    # Whoever knows the code has shown that the address is theirs.
    assert "Ministry of Health" in client.get(reverse("membership_area")).content.decode()


# --- Once -----------------------------------------------------------------------------------------


def test_a_file_brought_again_imports_nothing_twice(importer: User) -> None:
    content = a_file(ROW, another(1))
    imported(content, by=importer)
    look = member_import.dry_run(content, by=importer)
    assert (len(look.new), len(look.alike), len(look.known)) == (0, 0, 2)
    assert imported(content, by=importer, others={2, 3}) == Outcome(0, 0, 2)
    assert Organisation.objects.count() == 2


def test_it_is_known_after_it_was_renamed_and_merged(importer: User) -> None:
    imported(a_file(ROW), by=importer)
    came = Organisation.objects.get()
    kept = make_organisation(public_name="Health of Malawi")
    officer = may(make_person(), "change_organisation")
    merging.merge(kept, came, by=officer, reason="The same.")
    assert imported(a_file(ROW), by=importer) == Outcome(0, 0, 1)
    more = {"starts_on": "2025-01-01", "ends_on": "2025-12-31", "paid_on": "2025-01-05"}
    imported(a_file(more), by=importer)
    assert kept.terms.count() == 2


# --- Likely duplicates ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "row"),
    [
        ({"legal_name": "ministry of health of MALAWI."}, {}),
        ({"public_name": "Ministère"}, {"public_name": "Ministere"}),
        (
            {"website": "https://www.health.example.org/x"},
            {"website": "https://health.example.org"},
        ),
        (
            {"registration_agency": "GB-COH", "registration_number": "12 34"},
            {"registration_agency": "gb-coh", "registration_number": "1234"},
        ),
    ],
)
def test_what_looks_like_an_organisation_here_is_skipped_unless_it_is_another(
    known: dict[str, str], row: dict[str, str], importer: User
) -> None:
    there = make_organisation(**known)
    look = looked(row, another(1, contact_email="one@example.org"), by=importer)
    assert [each.alike for each in look.rows] == [[there], []]
    content = a_file(row, another(1))
    assert imported(content, by=importer) == Outcome(1, 1, 0)
    assert imported(content, by=importer, others={2}) == Outcome(1, 0, 1)
    assert Organisation.objects.count() == 3


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"legal_name": ""}, "legal_name", "must not be empty"),
        ({"legal_name": "x" * 201}, "legal_name", "200 characters"),
        ({"kind": "club"}, "kind", "ministry, ngo"),
        ({"constituency": "north"}, "constituency", "country, implementer"),
        ({"country": "ZZ"}, "country", "two letters"),
        ({"tier": "gold"}, "tier", "country, implementer"),
        ({"website": "javascript:alert(1)"}, "website", "https://www.example.org"),
        (
            {"registration_agency": "XX-NONE", "registration_number": "1"},
            "registration_agency",
            "GB-CHC",
        ),
        ({"registration_agency": "GB-COH"}, "registration_number", "or neither"),
        ({"registration_number": "77"}, "registration_agency", "or neither"),
        ({"starts_on": "soon"}, "starts_on", "2026-03-31"),
        ({"starts_on": "1999-01-01"}, "starts_on", "2000"),
        ({"ends_on": "2025-12-31", "paid_on": ""}, "ends_on", "before it starts"),
        ({"ends_on": "2028-12-31"}, "ends_on", "400 days"),
        ({"fee_paid": ""}, "fee_paid", "must not be empty"),
        ({"fee_paid": "-5"}, "fee_paid", ""),
        ({"fee_paid": "1.234567"}, "fee_paid", ""),
        ({"currency": "XYZ"}, "currency", "three letters"),
        ({"paid_on": "2299-01-01"}, "paid_on", "still to come"),
        ({"starts_on": "2025-01-01", "ends_on": "2025-12-31"}, "paid_on", "after the term"),
        ({"contact_email": "ada"}, "contact_email", "e-mail"),
        ({"language": "de"}, "language", "en, fr, pt"),
    ],
)
def test_a_cell_that_cannot_be_read_is_told_with_its_column(
    change: dict[str, str], column: str, words: str, importer: User
) -> None:
    look = looked(another(1), change, by=importer)
    (wrong,) = look.wrong
    assert wrong.number == 3
    assert list(wrong.errors) == [column]
    assert words in wrong.errors[column]
    with pytest.raises(import_refusals.RowsHaveErrors):
        imported(a_file(another(1), change), by=importer)
    assert not Organisation.objects.exists()


def test_rows_of_one_organisation_agree_and_share_no_day(importer: User) -> None:
    later = {"starts_on": "2026-12-31", "ends_on": "2027-12-30"}
    look = looked(
        ROW,
        ROW,
        later,
        {"contact_email": "bob@example.org", "starts_on": "2027-01-01", "ends_on": "2027-12-31"},
        by=importer,
    )
    assert [list(row.errors) for row in look.rows] == [
        [],
        ["starts_on"],
        ["starts_on"],
        ["contact_email", "starts_on"],
    ]


def test_days_of_a_term_that_is_here_are_not_imported_again(importer: User) -> None:
    imported(a_file(ROW), by=importer)
    look = looked({"starts_on": "2026-06-01", "ends_on": "2027-05-31", "paid_on": ""}, by=importer)
    assert "overlap" in look.rows[0].errors["starts_on"]


def test_nobody_imports_their_own_organisation(importer: User) -> None:
    look = looked({"contact_email": importer.email.upper()}, by=importer)
    assert "Nobody decides on their own" in look.rows[0].errors["contact_email"]
    imported(a_file(ROW), by=importer)
    a_seat(Organisation.objects.get(), importer)
    more = {"starts_on": "2025-01-01", "ends_on": "2025-12-31", "paid_on": "2025-01-05"}
    assert looked(more, by=importer).wrong


def test_nor_by_another_address_of_theirs(importer: User) -> None:
    EmailAddress.objects.create(user=importer, email="me@second.example.org", verified=True)
    look = looked({"contact_email": "Me@second.example.org"}, by=importer)
    assert "Nobody decides on their own" in look.rows[0].errors["contact_email"]


def test_a_closed_account_is_known_by_its_other_address_too(importer: User) -> None:
    person = make_person("ada@home.example.org", is_active=False)
    EmailAddress.objects.create(user=person, email="ada@health.example.org", verified=True)
    assert "closed" in looked(ROW, by=importer).rows[0].errors["contact_email"]


def test_an_account_that_nobody_proved_gets_no_seat(importer: User) -> None:
    """Whoever signs up with another's address waits for nothing."""
    person = UserFactory(email="ada@health.example.org")
    look = looked(ROW, by=importer)
    assert "never confirmed" in look.rows[0].errors["contact_email"]
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert "closed" in looked(ROW, by=importer).rows[0].errors["contact_email"]


def test_it_is_all_or_nothing(importer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = terms.settle_elsewhere
    calls = iter([True, False])

    def fails_at_the_second(term: Term, **more: Any) -> Any:
        return (
            real(term, **more)
            if next(calls)
            else terms.waive(term, on=more["on"], by=None, reason="")
        )

    monkeypatch.setattr(terms, "settle_elsewhere", fails_at_the_second)
    with pytest.raises(import_refusals.RowNotImported, match="Row 3"):
        imported(a_file(ROW, another(1)), by=importer)
    assert not Organisation.objects.exists()
    assert not User.objects.filter(email="ada@health.example.org").exists()


def test_it_takes_the_right_to_import(foundation: Any) -> None:
    person = may(make_person(), "change_organisation", "decide_application", "waive_term")
    with pytest.raises(NotPermitted):
        looked(ROW, by=person)
    with pytest.raises(NotPermitted):
        imported(a_file(ROW), by=person)


def test_to_settle_elsewhere_takes_the_right_a_reason_and_an_unpaid_term(importer: User) -> None:
    imported(a_file(ROW), by=importer)
    term = Term.objects.get()
    with use_case(), pytest.raises(terms.AlreadyPaidFor):
        terms.settle_elsewhere(term, on=timezone.localdate(), by=importer, evidence="x")
    with use_case():
        assert terms.unsettle(term, by=importer, reason="It was not.")
    term.refresh_from_db()
    assert (term.settled_on, term.settled_elsewhere) == (None, "")
    with use_case(), pytest.raises(terms.ReasonMissing):
        terms.settle_elsewhere(term, on=timezone.localdate(), by=importer, evidence=" ")


# --- The file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        a_file(ROW, delimiter=";"),
        a_file(ROW, encoding="utf-8-sig"),
        a_file({"legal_name": 'Ministère, “de la” "Santé"\nde Côte'}, delimiter="\t"),
        a_file({"legal_name": "Ministère é"}, encoding="cp1252"),
        a_file(ROW).replace(b"legal_name", b" Legal  Name "),
        a_file({"legal_name": "'=1+1 Ltd"}),
    ],
)
def test_what_spreadsheets_write_is_read(content: bytes, importer: User) -> None:
    look = member_import.dry_run(content, by=importer)
    assert [row.errors for row in look.rows] == [{}]


def test_the_apostrophe_before_a_formula_is_no_part_of_the_name(importer: User) -> None:
    imported(a_file({"legal_name": "'=1+1 Ltd"}), by=importer)
    assert Organisation.objects.get().legal_name == "=1+1 Ltd"


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", csv_files.FileEmpty),
        (b"a,b\n1,2", csv_files.ColumnUnknown),
        (b"legal_name,kind\nx,ngo", csv_files.ColumnMissing),
        (b"\x00", csv_files.NotText),
        (b"x" * (1024 * 1024 + 1), csv_files.FileTooLarge),
        (a_file(*(another(number) for number in range(1_001))), csv_files.TooManyRows),
    ],
)
def test_a_file_that_is_none_is_refused(
    content: bytes, refusal: type[Exception], importer: User
) -> None:
    with pytest.raises(refusal):
        member_import.dry_run(content, by=importer)


def test_the_sample_can_be_imported(importer: User) -> None:
    look = member_import.dry_run(member_csv.sample().encode(), by=importer)
    assert look.wrong == []
    assert len(look.new) == 2


def test_a_look_at_a_thousand_rows_takes_as_many_queries_as_at_two(importer: User) -> None:
    for number in range(3):
        make_organisation(legal_name=f"Body {number}", public_name=f"Body {number}")

    def count(rows: int) -> int:
        content = a_file(*(another(number) for number in range(rows)))
        with CaptureQueriesContext(connection) as queries:
            look = member_import.dry_run(content, by=importer)
        assert (len(look.rows), len(look.alike)) == (rows, min(rows, 3))
        return len(queries)

    importer.has_perm("membership.import_members")  # remembered by the object
    assert count(1_000) == count(2)


# --- The page -------------------------------------------------------------------------------------


def upload(client: Client, content: bytes) -> str:
    answer = client.post(PAGE, {"act": "look", "file": SimpleUploadedFile("members.csv", content)})
    return str(answer.content.decode())


def token_in(page: str) -> str:
    found = re.search(r'name="token" value="(\w+)"', page)
    assert found
    return found.group(1)


@pytest.mark.usefixtures("on_site")
def test_an_officer_looks_at_a_file_and_imports_what_was_looked_at(client: Client) -> None:
    there = make_organisation(legal_name="Body 1", public_name="Body 1")
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    assert "contact_email" in client.get(PAGE).content.decode()
    page = upload(client, a_file(ROW, another(1)))
    assert "nothing of it is imported yet" in page
    assert reverse("membership_organisations:inspect", args=[there.pk]) in page
    assert Organisation.objects.count() == 1
    token = token_in(page)
    answer = client.post(
        PAGE, {"act": "import", "token": token, "invite": "yes", "other": "nonsense"}, follow=True
    )
    assert "1 row is imported. 1 row is skipped." in answer.content.decode()
    assert Organisation.objects.count() == 2
    assert len(mails_to("ada@health.example.org")) == 1
    # A double click, or somebody else's token, does nothing.
    answer = client.post(PAGE, {"act": "import", "token": token}, follow=True)
    assert "Choose it again" in answer.content.decode()


@pytest.mark.usefixtures("on_site")
def test_a_file_waits_for_its_officer_alone(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    token = token_in(upload(client, a_file(ROW)))
    other = Client()
    sign_in(other, make_staff(groups.MEMBERSHIP_OFFICERS))
    answer = other.post(PAGE, {"act": "import", "token": token}, follow=True)
    assert "Choose it again" in answer.content.decode()
    assert not Organisation.objects.exists()


@pytest.mark.usefixtures("on_site")
def test_errors_stand_on_the_page_and_nothing_can_be_imported(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    page = upload(client, a_file({"country": "<b>"}))
    assert "<strong>country</strong>" in page
    assert "<b>" not in page
    assert 'value="import"' not in page
    answer = client.post(PAGE, {"act": "import", "token": token_in(page)}, follow=True)
    assert "Look at it again" in answer.content.decode()
    assert "There is nothing in the file." in upload(client, b"")
    assert "Choose the file." in client.post(PAGE, {"act": "look"}).content.decode()


@pytest.mark.usefixtures("on_site")
@pytest.mark.parametrize("group", [groups.TREASURERS, groups.AUDITORS, groups.EDITORS])
def test_others_import_nothing(client: Client, group: str) -> None:
    sign_in(client, make_staff(group))
    for path in (PAGE, f"{PAGE}sample.csv"):
        assert client.get(path).status_code == 302 or client.get(path).status_code == 403
    answer = client.post(PAGE, {"act": "look"})
    assert answer.status_code in (302, 403)
    assert "Look at it first" not in client.get("/admin/").content.decode()


@pytest.mark.usefixtures("on_site")
def test_the_sample_is_a_file_to_begin_with(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    answer = client.get(f"{PAGE}sample.csv")
    assert "attachment" in answer["Content-Disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbflegal_name,")
