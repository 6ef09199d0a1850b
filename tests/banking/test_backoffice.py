"""The menu "Bank" of the back office, as clerks and auditors use it, without JavaScript."""

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Entry
from funding.payments import payouts
from funding.payments.banking import confirming
from funding.payments.models import (
    BankAccount,
    BankLine,
    BankStatement,
    CsvMapping,
    ExpectedPayment,
    ManualChannel,
    Match,
    Payment,
    Payout,
    Status,
)
from portal import groups
from tests.banking.test_arrivals_and_returns import make_processor_payout
from tests.factories.banking import make_account, make_channel, make_expected, make_line
from tests.factories.home import make_staff, sign_in
from tests.factories.ledger import make_pool
from tests.factories.payouts import approved_refund, transfer_payment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
DATA = Path(__file__).parent / "data"
LISTS = ("bank_lines", "bank_expected", "bank_statements", "bank_accounts", "bank_channels")


@pytest.fixture
def clerk(client: Client) -> User:
    return sign_in(client, make_staff(groups.TREASURERS))


def as_one_of(client: Client, group: str) -> User:
    client.logout()
    return sign_in(client, make_staff(group))


def auditor(client: Client) -> User:
    return as_one_of(client, groups.AUDITORS)


def page(response: Any) -> str:
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def line_url(line: BankLine) -> str:
    return reverse("bank_lines:inspect", args=[line.pk])


def post(client: Client, url: str, act: str, **fields: Any) -> HttpResponse:
    if "act_on" in fields:  # as the form that was just read sends it
        fields.setdefault("left", left_on(url, fields.get("parked")))
    return client.post(url, {"act": act, **fields})  # type: ignore[return-value]


def left_on(url: str, parked: int | None = None) -> int:
    """What the hidden field of the line's forms says now."""
    if parked is not None:
        return confirming.left_of_parked(Match.objects.get(pk=parked)).amount
    line = BankLine.objects.get(pk=url.strip("/").split("/")[-1])
    return abs(confirming.left_of(line).amount)


# --- Who sees what --------------------------------------------------------------------------------


def test_lists_lead_to_the_pages_of_their_rows(client: Client, clerk: User) -> None:
    line, expected = make_line(700), make_expected(700)
    assert f'href="{line_url(line)}"' in page(client.get(reverse("bank_lines:index")))
    url = reverse("bank_expected:inspect", args=[expected.pk])
    assert f'href="{url}"' in page(client.get(reverse("bank_expected:index")))
    assert reverse("bank_statements:import") in page(client.get(reverse("bank_statements:index")))


@pytest.mark.parametrize("name", LISTS)
def test_lists_open_for_treasurers_and_auditors_alone(name: str, client: Client) -> None:
    make_line(700)
    make_expected(700)
    make_channel()
    for group, status in (
        (groups.TREASURERS, 200),
        (groups.AUDITORS, 200),
        (groups.EDITORS, 302),
    ):
        as_one_of(client, group)
        assert client.get(reverse(f"{name}:index")).status_code == status, group


def test_an_auditor_reads_a_line_and_can_press_nothing(client: Client) -> None:
    line = make_line(700)
    expected = make_expected(700)
    auditor(client)
    text = page(client.get(line_url(line)))
    assert "$7.00" in text
    assert 'name="act"' not in text
    for act in ("check", "confirm"):
        answer = post(client, line_url(line), act, act_on="match", targets=expected.pk)
        assert answer.status_code in (302, 403)
    assert not Match.objects.exists()
    assert client.get(reverse("bank_statements:import")).status_code in (302, 403)


def test_an_auditor_confirms_no_payment(client: Client) -> None:
    expected = make_expected(700, channel=make_channel())
    auditor(client)
    url = reverse("bank_expected:inspect", args=[expected.pk])
    assert 'name="act"' not in page(client.get(url))
    post(client, url, "confirm", amount="7.00", evidence="X", paid_on="2026-03-02")
    assert not Payment.objects.exists()


# --- A line ---------------------------------------------------------------------------------------


def test_a_suggestion_is_checked_with_its_entry_then_confirmed(client: Client, clerk: User) -> None:
    expected = make_expected(700)
    line = make_line(700, text=f"gift {expected.reference.lower()}", by=None)
    url = line_url(line)

    text = page(client.get(url))
    assert "near certain (99/100)" in text
    assert f'name="targets" value="{expected.pk}"' in text

    checked = page(post(client, url, "check", act_on="match", targets=expected.pk, amount="7.00"))
    assert "contributions" in checked
    assert "Posted to the ledger" in checked
    assert not Payment.objects.exists()

    answer = post(client, url, "confirm", act_on="match", targets=expected.pk, amount="7.00")
    assert answer.status_code == 302
    assert Payment.objects.get().amount == 700
    assert "Matched whole" in page(client.get(url))
    assert ModelLogEntry.objects.for_instance(line).get().user == clerk


def test_confirming_twice_is_refused_in_words(client: Client, clerk: User) -> None:
    expected = make_expected(700)
    url = line_url(make_line(700))
    for _time in range(2):
        post(client, url, "confirm", act_on="match", targets=expected.pk)
    assert Payment.objects.count() == 1
    assert "matched whole already" in page(client.get(url))


def test_a_line_that_matches_two_shows_both_and_chooses_none(client: Client, clerk: User) -> None:
    one, two = make_expected(700, name="Ada One"), make_expected(700, name="Ben Two")
    text = page(client.get(line_url(make_line(700))))
    assert "Ada One" in text
    assert "Ben Two" in text
    assert "weak (35/100)" in text
    assert not Match.objects.exists()
    assert one.reference != two.reference


def test_a_split_is_two_decisions(client: Client, clerk: User) -> None:
    expected, pool = make_expected(700), make_pool()
    line = make_line(1_000)
    url = line_url(line)
    refused = post(client, url, "check", act_on="match", targets=expected.pk, amount="10.00")
    assert refused.status_code == 302
    text = page(client.get(url))
    assert "$7.00" in text
    assert "$3.00" in text

    post(client, url, "confirm", act_on="match", targets=expected.pk, amount="7.00")
    post(client, url, "confirm", act_on="owe_back", targets=pool.pk, amount="3", note="To Ada")
    assert sorted(Match.objects.values_list("kind", "amount")) == [
        ("owed_back", 300),
        ("payment", 700),
    ]


def test_parked_money_is_resolved_on_the_same_page(client: Client, clerk: User) -> None:
    line = make_line(700)
    url = line_url(line)
    assert "unallocated-receipts" in page(post(client, url, "check", act_on="park"))
    post(client, url, "confirm", act_on="park", note="Who?")
    parked = Match.objects.get()
    expected = make_expected(700, name="Found At Last")
    text = page(client.get(url, {"parked": parked.pk}))
    assert "Found At Last" in text
    post(client, url, "confirm", act_on="match", targets=expected.pk, parked=parked.pk)
    assert Payment.objects.get().expected == expected
    assert client.get(url, {"parked": "x"}).status_code == 404
    other = line_url(make_line(800))
    assert client.get(other, {"parked": parked.pk}).status_code == 404


def test_a_charge_and_its_undoing(client: Client, clerk: User) -> None:
    line = make_line(-150, text="MONTHLY CHARGE")
    url = line_url(line)
    assert "The text speaks of a charge." in page(client.get(url))
    post(client, url, "confirm", act_on="charge", amount="1.50")
    match = Match.objects.get()

    assert post(client, url, "check_undo", match=match.pk).status_code == 302
    assert "Write the reason." in page(client.get(url))
    checked = page(post(client, url, "check_undo", match=match.pk, reason="It is a payout"))
    assert "opposite" in checked
    assert Match.objects.get().undone_at is None
    post(client, url, "undo", match=match.pk, reason="It is a payout")
    assert Match.objects.get().undone_by == clerk
    assert Entry.objects.count() == 2


def test_a_match_of_another_line_is_not_undone_here(client: Client, clerk: User) -> None:
    line = make_line(700)
    with use_case():
        match = confirming.park(line, by=clerk)
    other = line_url(make_line(800))
    assert post(client, other, "undo", match=match.pk, reason="Mine").status_code == 404
    assert post(client, other, "undo", match="x", reason="Mine").status_code == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"act_on": "match", "targets": "1", "amount": "ten"}, "is not an amount"),
        ({"act_on": "match", "targets": "x"}, "Choose what the line is."),
        ({"act_on": "nothing"}, "Select a valid choice"),
        ({"act_on": "park", "amount": "7.001"}, "decimals"),
        ({"act_on": "park", "amount": "8"}, "more than the $7.00"),
    ],
)
def test_what_is_typed_wrong_is_said(
    fields: dict[str, str], words: str, client: Client, clerk: User
) -> None:
    url = line_url(make_line(700))
    assert post(client, url, "confirm", **fields).status_code == 302
    assert words in page(client.get(url))
    assert not Match.objects.exists()


def test_a_row_that_is_not_there_is_not_found(client: Client, clerk: User) -> None:
    url = line_url(make_line(700))
    for act_on in ("match", "owe_back", "paid_out", "payout_arrived", "parked_returned"):
        assert post(client, url, "check", act_on=act_on, targets="999999").status_code == 404


def test_the_list_filters_by_state(client: Client, clerk: User) -> None:
    open_, parked, done = make_line(701), make_line(702), make_line(703)
    pool = make_pool()
    with use_case():
        confirming.park(parked, by=clerk)
        confirming.owe_back(done, pool, by=clerk)
    url = reverse("bank_lines:index")
    for state, line in (("open", open_), ("parked", parked), ("done", done)):
        text = page(client.get(url, {"state": state}))
        shown = {row for row in (open_, parked, done) if row.money.format() in text}
        assert shown == {line}, state


# --- Expected payments ------------------------------------------------------------------------------


def test_a_reference_is_found_however_it_is_spaced(client: Client, clerk: User) -> None:
    wanted, other = make_expected(name="Wanted"), make_expected(name="Other")
    reference = wanted.reference.lower()
    url = reverse("bank_expected:index")
    for typed in (" ".join(reference[at : at + 4] for at in range(0, 25, 4)), wanted.number):
        text = page(client.get(url, {"q": typed}))
        assert "Wanted" in text
        assert "Other" not in text
    assert other.reference != wanted.reference


def test_a_channels_payment_is_checked_then_confirmed_by_evidence_and_undone(
    client: Client, clerk: User
) -> None:
    expected = make_expected(700, channel=make_channel())
    url = reverse("bank_expected:inspect", args=[expected.pk])
    fields = {"amount": "7.00", "evidence": "MP-123", "paid_on": "2026-03-02"}
    assert "operator’s transaction id" in page(client.get(url))

    assert "in-transit" in page(post(client, url, "check", **fields))
    assert not Payment.objects.exists()
    post(client, url, "confirm", **fields)
    payment = Payment.objects.get()
    assert (payment.status, payment.evidence) == (Status.SUCCEEDED, "MP-123")

    post(client, url, "undo", payment=payment.pk, reason="")
    assert Payment.objects.get().is_paid
    post(client, url, "undo", payment=payment.pk, reason="Another payer")
    assert Payment.objects.get().status == Status.UNDONE


def test_an_expected_payment_is_withdrawn_with_a_reason(client: Client, clerk: User) -> None:
    expected = make_expected(700)
    url = reverse("bank_expected:inspect", args=[expected.pk])
    post(client, url, "withdraw", reason="")
    assert ExpectedPayment.objects.get().withdrawn_at is None
    post(client, url, "withdraw", reason="Asked twice")
    assert ExpectedPayment.objects.get().withdrawn_at is not None


# --- Importing ------------------------------------------------------------------------------------

IMPORT = "bank_statements:import"


def upload(client: Client, account: BankAccount, name: str, content: bytes = b"") -> Any:
    file = SimpleUploadedFile(name, content or (DATA / name).read_bytes())
    return client.post(reverse(IMPORT), {"act": "upload", "account": account.pk, "file": file})


def token_in(text: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{32})"', text)
    assert found is not None
    return found[1]


def test_a_camt_file_is_shown_then_imported(client: Client, clerk: User) -> None:
    euros = make_account("EUR")
    text = page(upload(client, euros, "eur_camt.xml"))
    assert "Ministry of Health" in text
    assert not BankStatement.objects.exists()

    answer = client.post(reverse(IMPORT), {"act": "import", "token": token_in(text)})
    assert answer.status_code == 302
    assert BankStatement.objects.count() == 2

    # The same file again: nothing changes, and it says so.
    again = page(upload(client, euros, "eur_camt.xml"))
    client.post(reverse(IMPORT), {"act": "import", "token": token_in(again)})
    assert BankStatement.objects.count() == 2


def test_a_refused_file_says_why_and_offers_no_import(client: Client, clerk: User) -> None:
    dollars = make_account("USD")
    text = page(upload(client, dollars, "eur_camt.xml"))
    assert "the account is in USD" in text
    assert 'value="import"' not in text
    client.post(reverse(IMPORT), {"act": "import", "token": token_in(text)})
    assert not BankStatement.objects.exists()


CSV = {
    "delimiter": ";",
    "encoding": "cp1252",
    "header": "4",
    "date_format": "%d.%m.%y",
    "decimal": ",",
    "column_date": "Date",
    "column_debit": "Débit",
    "column_credit": "Crédit",
    "column_text": "Libellé",
}


def test_a_csv_is_mapped_once_and_remembered(client: Client, clerk: User) -> None:
    francs = make_account("XOF")
    token = token_in(page(upload(client, francs, "xof_latin.csv")))
    asked = {"token": token, **{key: CSV[key] for key in list(CSV)[:5]}}
    columns = page(client.post(reverse(IMPORT), {"act": "columns", **asked}))
    assert '<option value="Libellé"' in columns

    fields = {"token": token, **CSV, "opening": "1000", "closing": "2239"}
    text = page(client.post(reverse(IMPORT), {"act": "preview", **fields}))
    assert "does not add up" in text
    fields["closing"] = "2238"
    text = page(client.post(reverse(IMPORT), {"act": "preview", **fields}))
    assert "FRAIS DE TENUE" in text
    assert 'value="import"' in text
    client.post(reverse(IMPORT), {"act": "import", **fields})
    assert BankStatement.objects.get().closing == 2_238
    assert CsvMapping.objects.get().settings["debit"] == "Débit"

    next_file = (DATA / "xof_latin.csv").read_bytes().replace(b".03.26", b".04.26")
    remembered = page(upload(client, francs, "april.csv", next_file))
    assert '<option value="Débit" selected' in remembered


def test_another_clerks_file_is_not_taken_over(client: Client, clerk: User) -> None:
    token = token_in(page(upload(client, make_account("EUR"), "eur_camt.xml")))
    as_one_of(client, groups.TREASURERS)
    answer = client.post(reverse(IMPORT), {"act": "import", "token": token})
    assert answer.status_code == 302
    assert not BankStatement.objects.exists()
    assert "Choose it again" in page(client.get(reverse(IMPORT)))


@pytest.mark.parametrize("content", [b"\x89PNG\x00", b" "])
def test_what_is_no_file_of_a_bank_is_refused(content: bytes, client: Client, clerk: User) -> None:
    text = page(upload(client, make_account("EUR"), "x.bin", content))
    assert "neither CAMT.053" in text or "empty" in text


# --- Accounts and channels --------------------------------------------------------------------------


def account_fields(**changes: str) -> dict[str, str]:
    return {
        "name": "Main",
        "holder": "OpenLMIS Foundation",
        "bank": "A Bank",
        "iban": "DE89 3704 0044 0532 0130 00",
        "number": "",
        "bic": "COBADEFFXXX",
        "more": "",
        "currency": "EUR",
        "closed_on": "",
        **changes,
    }


def test_an_account_is_added_with_a_checked_iban(client: Client, clerk: User) -> None:
    url = reverse("bank_accounts:add")
    for changes, words in (
        ({"iban": "DE89 3704 0044 0532 0130 01"}, "This is no IBAN"),
        ({"bic": "NO"}, "This is no BIC"),
        ({"currency": "EURO"}, "at most 3"),
        ({"iban": ""}, "Enter an IBAN or an account number."),
    ):
        assert words in page(client.post(url, account_fields(**changes)))
    assert client.post(url, account_fields()).status_code == 302
    account = BankAccount.objects.get()
    assert account.iban == "DE89370400440532013000"
    # One open account a currency.
    text = page(client.post(url, account_fields(name="Second")))
    assert "There is an open account in this currency already." in text


def test_an_account_with_statements_keeps_its_number(client: Client, clerk: User) -> None:
    account = make_line(700).statement.account
    url = reverse("bank_accounts:edit", args=[account.pk])
    fields = account_fields(currency="EUR", iban="GB33BUKB20201555555555", bic="")
    client.post(url, fields)
    account.refresh_from_db()
    assert (account.currency, account.iban, account.name) == (
        "USD",
        "DE89370400440532013000",
        "Main",
    )


def test_channels_are_added_and_nobody_deletes_either(client: Client, clerk: User) -> None:
    fields = {
        "name": "Mobile money",
        "kind": "mobile_money",
        "currency": "MWK",
        "country": "MW",
        "instructions": "Send it.",
        "evidence_hint": "The transaction id.",
        "is_open": "on",
    }
    assert client.post(reverse("bank_channels:add"), fields).status_code == 302
    channel = ManualChannel.objects.get()
    assert channel.country == "MW"
    url = reverse("bank_channels:delete", args=[channel.pk])
    client.post(url)
    assert ManualChannel.objects.exists()
    auditor(client)
    client.post(reverse("bank_channels:edit", args=[channel.pk]), {**fields, "name": "Mine"})
    assert ManualChannel.objects.get().name == "Mobile money"


def test_amounts_of_a_line_are_in_its_currency(client: Client, clerk: User) -> None:
    line = make_line(10_125, account=make_account("KWD"))
    text = page(client.get(line_url(line)))
    assert 'value="10.125"' in text
    post(client, line_url(line), "confirm", act_on="park", amount="0.125")
    assert Match.objects.get().money == Money(125, "KWD")


# --- Twice, and by hand ---------------------------------------------------------------------------


def left_in(text: str) -> str:
    return re.findall(r'name="left" value="(\d*)"', text)[0]


def test_a_part_of_a_line_that_is_confirmed_twice_is_booked_once(
    client: Client, clerk: User
) -> None:
    expected = make_expected(1_000)
    url = line_url(make_line(1_000))
    part = {"act_on": "match", "targets": expected.pk, "amount": "3.00"}
    read = left_in(page(client.get(url)))
    kept = left_in(page(post(client, url, "check", **part, left=read)))
    assert read == kept == "1000"
    for _time in range(2):
        post(client, url, "confirm", **part, left=kept)
    assert Payment.objects.count() == 1
    assert "changed meanwhile" in page(client.get(url))
    # One who sends nothing has read nothing.
    post(client, url, "confirm", **part, left="")
    assert Payment.objects.count() == 1


def test_a_part_of_parked_money_that_is_confirmed_twice_is_booked_once(
    client: Client, clerk: User
) -> None:
    line = make_line(1_000)
    with use_case():
        parked = confirming.park(line, by=clerk)
    expected = make_expected(1_000)
    left = left_in(page(client.get(line_url(line), {"parked": parked.pk})))
    for _time in range(2):
        post(
            client,
            line_url(line),
            "confirm",
            act_on="match",
            targets=expected.pk,
            parked=parked.pk,
            amount="3.00",
            left=left,
        )
    assert Payment.objects.count() == 1


def test_one_debit_of_two_payouts_is_matched_by_hand(client: Client, clerk: User) -> None:
    one, two = approved_refund(transfer_payment(500)), approved_refund(transfer_payment(700))
    url = line_url(make_line(-1_200, day=timezone.localdate()))
    text = page(client.get(url))
    assert "several payouts of ours" in text
    assert f'<option value="{two.pk}">' in text
    for payout in (one, two):
        post(client, url, "confirm", act_on="paid_out", targets=payout.pk)
    assert set(Payout.objects.values_list("status", flat=True)) == {"paid"}
    assert "Matched whole" in page(client.get(url))


def test_a_payout_that_came_back_without_a_word_is_matched_by_hand(
    client: Client, clerk: User
) -> None:
    payout = approved_refund()
    payouts.paid_at_bank(payout, bank_reference="X1", on=timezone.localdate(), by=clerk)
    url = line_url(make_line(4_500, day=timezone.localdate()))
    assert f'<option value="{payout.pk}">' in page(client.get(url))
    post(client, url, "confirm", act_on="payout_returned", targets=payout.pk)
    payout.refresh_from_db()
    assert payout.status == Payout.Status.FAILED


def test_a_receipt_that_was_taken_back_is_looked_for_by_name(client: Client, clerk: User) -> None:
    payment = transfer_payment(5_000, name="Ada Lovelace")
    url = line_url(make_line(-2_000, day=timezone.localdate()))
    assert "Ada Lovelace" not in page(client.get(url))
    assert "Nothing in this currency fits." in page(client.get(url, {"q": "Nobody"}))
    for query in ("lovelace", payment.receipts.get().number):
        text = page(client.get(url, {"q": query}))
        assert 'value="receipt_returned"' in text
        assert f'name="targets" value="{payment.pk}"' in text
    post(client, url, "confirm", act_on="receipt_returned", targets=payment.pk, amount="20.00")
    payment.refresh_from_db()
    assert payment.refunded.amount == 2_000


def test_a_part_of_parked_money_is_given_back_by_hand(client: Client, clerk: User) -> None:
    line = make_line(5_000)
    with use_case():
        parked = confirming.park(line, by=clerk)
    url = line_url(make_line(-3_000))
    text = page(client.get(url))
    assert "a part of it may have been given back" in text
    assert f'<option value="{parked.pk}">' in text
    post(client, url, "confirm", act_on="parked_returned", targets=parked.pk)
    assert confirming.left_of_parked(parked).amount == 2_000


def test_a_payout_of_the_processor_that_came_late_is_matched_by_hand(
    client: Client, clerk: User
) -> None:
    payout = make_processor_payout({make_pool().code: 700})
    line = make_line(700, day=datetime.date(2026, 3, 20))
    text = page(client.get(line_url(line)))
    assert "What speaks for it" not in text
    assert f'<option value="{payout.pk}">' in text
    post(client, line_url(line), "confirm", act_on="payout_arrived", targets=payout.pk)
    assert Match.objects.get().processor_payout == payout


def test_the_last_statement_is_discarded_on_its_page(client: Client, clerk: User) -> None:
    statement = make_line(700).statement
    url = reverse("bank_statements:inspect", args=[statement.pk])
    assert 'value="discard"' in page(client.get(url))
    post(client, url, "discard", reason="")
    assert "Write the reason." in page(client.get(url))
    assert post(client, url, "discard", reason="A wrong file").status_code == 302
    assert client.get(url).status_code == 404
    assert "$7.00" not in page(client.get(reverse("bank_lines:index")))


def test_an_auditor_or_one_too_late_discards_nothing(client: Client, clerk: User) -> None:
    line = make_line(700)
    url = reverse("bank_statements:inspect", args=[line.statement_id])
    with use_case():
        confirming.park(line, by=clerk)
    assert 'value="discard"' not in page(client.get(url))
    auditor(client)
    assert 'value="discard"' not in page(client.get(url))
    post(client, url, "discard", reason="A wrong file")
    assert BankStatement.objects.get() == line.statement
