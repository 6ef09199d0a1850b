"""The auditor's pack: every file of it against known books, from one state, in bounded memory."""

import csv
import datetime
import io
import itertools
import random
import tracemalloc
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.ledger import checkpoints, queries, templates
from funding.ledger.entries import NewEntry, person
from funding.ledger.models import Checkpoint, Entry, Leaf, Pool
from funding.ledger.periods import close_month, close_year
from funding.ledger.posting import post, post_many, reverse
from funding.payments import numbers
from funding.payments.credit_notes import void_invoice
from funding.pools.merging import merge_donors
from funding.pools.models import Donor
from funding.transparency.audit_pack import (
    Months,
    archive,
    books,
    entries,
    facts,
    paper,
    series,
    stream,
)
from funding.transparency.audit_pack import snapshot as snapshot_module
from funding.transparency.audit_pack.parties import NOBODY, Party, Subject, parties, people
from tests.conftest import CommittedDatabase
from tests.core.pdf_text import text_of
from tests.factories import pools as giving
from tests.factories.banking import make_expected
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.membership import foundation, make_officer, paid_term
from tests.factories.payments import make_invoice, make_payment
from tests.ledger.test_proofs import verify_ledger

FEBRUARY, MARCH, APRIL = (datetime.date(2026, month, 1) for month in (2, 3, 4))
FILES = [
    "README.txt",
    "trial-balance.csv",
    "general-ledger.csv",
    "journal.csv",
    "merged-donors.csv",
    "number-series.csv",
    "late-entries.csv",
    "private.jsonl",
    "entries.jsonl",
    "checkpoint",
    "keys.txt",
    "audit-pack.pdf",
]
Row = dict[str, str]


def on(month: int, day: int = 10) -> datetime.date:
    return datetime.date(2026, month, day)


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive_:
        assert archive_.testzip() is None
        return {name: archive_.read(name) for name in archive_.namelist()}


def pack_of(
    first: datetime.date = MARCH, last: datetime.date | None = None, **changes: Any
) -> dict[str, bytes]:
    values: dict[str, Any] = {"by": "Ada Auditor", "language": "en", **changes}
    return unzipped(b"".join(stream(Months(first, last or first), **values)))


def table(pack: dict[str, bytes], name: str) -> list[Row]:
    text = pack[name].decode()
    assert text.startswith("\ufeff"), "spreadsheets need the mark to read accents"
    assert text.count("\r\n") == text.count("\n"), "lines end as RFC 4180 says"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def close(month: datetime.date, by: User) -> None:
    with use_case():
        close_month(month, by=by, reason="All statements are in")


@pytest.fixture
def outside(settings: Any, tmp_path: Any) -> None:
    """A folder of its own for the checkpoints that are kept outside the database."""
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")


class Known:
    """Books of three pools in three currencies, with February closed and March open."""

    def __init__(self) -> None:
        self.core = make_pool("core", "USD", "Core software")
        self.japan = make_pool("japan", "JPY", "Japan")
        self.gulf = make_pool("gulf", "KWD", "Gulf")
        self.treasurer = make_officer(first_name="Tess", last_name="Treasurer")
        self.director = make_officer(first_name="Dan", last_name="Director")
        post_now(gift_entry(self.core, 100_000, 3_200, date=on(2)))
        post_now(gift_entry(self.japan, 5_000, 200, date=on(2)))
        close(FEBRUARY, self.treasurer)
        self.yen = self.post(gift_entry(self.japan, 700, 0, date=on(3)))
        self.dinar = self.post(gift_entry(self.gulf, 1_250, 5, date=on(3)))
        self.spending = self.post(
            templates.own_spending_paid(
                key="spending",
                pool="core",
                currency="USD",
                amount=4_200,
                date=on(3, 12),
                memo="=1+1",
                source="spending:1",
                prepared_by=person(self.treasurer.pk),
                approved_by=(person(self.director.pk), "user:999999"),
            )
        )
        wrong = self.post(gift_entry(self.core, 900, 0, date=on(3, 15)))
        with use_case():
            posted = reverse(wrong, reason="Entered twice", by=self.treasurer, date=on(3, 16))
        self.wrong, self.reversal = wrong, Entry.objects.get(pk=posted.entry_id)

    def post(self, entry: NewEntry) -> Entry:
        return Entry.objects.get(pk=post_now(entry).entry_id)


@pytest.fixture
def known(committed_db: CommittedDatabase, outside: None) -> Known:
    return Known()


# --- The whole ------------------------------------------------------------------------------------


def test_the_pack_has_every_file_and_says_what_each_is(known: Known) -> None:
    checkpoints.publish()
    pack = pack_of()
    assert list(pack) == FILES
    readme = pack["README.txt"].decode()
    assert all(name in readme for name in FILES[1:])
    assert "Auditor’s pack: March 2026" in readme
    assert "- Debits and credits are equal in every pool and currency." in readme
    assert "- No number is missing from any series." in readme
    assert max(map(len, readme.split("python verify_ledger.py", 1)[0].splitlines())) <= 80


def test_before_anything_is_published_the_pack_leaves_the_log_out(known: Known) -> None:
    pack = pack_of()
    assert list(pack) == [name for name in FILES if name not in FILES[7:11]]
    assert "verify_ledger" not in pack["README.txt"].decode()
    assert "None is published yet." in text_of(pack["audit-pack.pdf"])


def test_a_pack_of_no_entries_is_whole_too(committed_db: CommittedDatabase, outside: None) -> None:
    pack = pack_of()
    for name in ("trial-balance.csv", "general-ledger.csv", "journal.csv", "late-entries.csv"):
        assert table(pack, name) == []


# --- Trial balance and general ledger -------------------------------------------------------------


def test_the_trial_balance_opens_moves_closes_and_totals_to_nothing(known: Known) -> None:
    rows = table(pack_of(), "trial-balance.csv")
    found = {
        (row["pool"], row["account"]): tuple(
            row[name] for name in ("opening", "debit", "credit", "closing")
        )
        for row in rows
        if row["row"] == "account"
    }
    assert found == {
        ("core", "bank"): ("0.00", "0.00", "42.00", "-42.00"),
        ("core", "clearing"): ("968.00", "9.00", "9.00", "968.00"),
        ("core", "contributions"): ("-1000.00", "9.00", "9.00", "-1000.00"),
        ("core", "fees"): ("32.00", "0.00", "0.00", "32.00"),
        ("core", "expense"): ("0.00", "42.00", "0.00", "42.00"),
        ("gulf", "clearing"): ("0.000", "1.245", "0.000", "1.245"),
        ("gulf", "contributions"): ("0.000", "0.000", "1.250", "-1.250"),
        ("gulf", "fees"): ("0.000", "0.005", "0.000", "0.005"),
        ("japan", "clearing"): ("4800", "700", "0", "5500"),
        ("japan", "contributions"): ("-5000", "0", "700", "-5700"),
        ("japan", "fees"): ("200", "0", "0", "200"),
    }
    totals = [row for row in rows if row["row"] == "total"]
    assert [(row["pool"], row["currency"]) for row in totals] == [
        ("core", "USD"),
        ("gulf", "KWD"),
        ("japan", "JPY"),
    ]
    for row in totals:
        assert Decimal(row["opening"]) == Decimal(row["closing"]) == 0
        assert row["debit"] == row["credit"] != "0"
    core = [row["account"] for row in rows if row["pool"] == "core"]
    assert core == ["bank", "clearing", "contributions", "fees", "expense", ""], "the chart's order"


def _random_books(chance: random.Random) -> list[Pool]:
    pools = [make_pool(currency=currency) for currency in ("USD", "JPY", "KWD")]
    for month in range(1, 6):
        made = [
            gift_entry(chance.choice(pools), chance.randint(2, 99_999), 1, date=on(month))
            for _ in range(chance.randint(0, 9))
        ]
        with use_case():
            post_many(made)
    return pools


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_for_any_period_the_trial_balance_is_the_ledgers_own_statement(seed: int) -> None:
    chance = random.Random(seed)
    pools = _random_books(chance)
    officer = make_officer()
    months = [on(month, 1) for month in range(1, 6)]
    # However many of the months are closed.
    for closed in (None, *months[: chance.randint(0, 5)]):
        if closed and Entry.objects.filter(period__month__lte=closed).exists():
            close(closed, officer)
        for first, last in itertools.combinations_with_replacement(months, 2):
            lines = books.trial_balance(Months(first, last))
            assert not books.unequal(lines)
            assert not books.unbalanced(lines)
            for pool in pools:
                statement = queries.statement(pool, first, until=last)
                ours = {
                    line.code: queries.Movement(line.opening, line.debit - line.credit)
                    for line in lines
                    if line.pool == pool.code
                }
                assert ours == statement.accounts


def test_the_general_ledger_runs_from_opening_to_closing(known: Known) -> None:
    rows = table(pack_of(), "general-ledger.csv")
    clearing = [row for row in rows if (row["pool"], row["account"]) == ("core", "clearing")]
    assert [(row["row"], row["entry"], row["debit"], row["credit"], row["balance"]) for row in clearing] == [
        ("opening", "", "", "", "968.00"),
        ("posting", str(known.wrong.pk), "9.00", "", "977.00"),
        ("posting", str(known.reversal.pk), "", "9.00", "968.00"),
        ("closing", "", "9.00", "9.00", "968.00"),
    ]  # fmt: skip
    bank = next(row for row in rows if row["account"] == "bank" and row["row"] == "posting")
    assert bank["memo"] == "'=1+1", "no spreadsheet runs it"
    assert (bank["kind"], bank["source"]) == ("own-spending", "spending:1")
    assert (bank["effective_date"], bank["period"]) == ("2026-03-12", "2026-03")
    assert bank["recorded_at"] == known.spending.recorded_at.isoformat(timespec="seconds")
    yen = [row["balance"] for row in rows if (row["pool"], row["account"]) == ("japan", "fees")]
    assert yen == ["200", "200"], "an account that did not move is there with its balance"


@pytest.mark.parametrize("last", [MARCH, APRIL])
def test_both_tell_the_same_closing_balances(known: Known, last: datetime.date) -> None:
    known.post(gift_entry(known.core, 5_000, 100, date=on(4)))
    pack = pack_of(FEBRUARY, last)
    balances, ledger = table(pack, "trial-balance.csv"), table(pack, "general-ledger.csv")
    key = ("pool", "currency", "account")
    closing = {
        tuple(row[k] for k in key): row["balance"] for row in ledger if row["row"] == "closing"
    }
    assert closing == {
        tuple(row[k] for k in key): row["closing"] for row in balances if row["row"] == "account"
    }


# --- Journal and names ----------------------------------------------------------------------------


def _journal(pack: dict[str, bytes], entry: Entry) -> list[Row]:
    return [row for row in table(pack, "journal.csv") if row["entry"] == str(entry.pk)]


def test_the_journal_names_who_prepared_and_who_approved(known: Known) -> None:
    checkpoints.publish()
    pack = pack_of()
    first, second = _journal(pack, known.spending)
    assert (first["prepared_by"], first["prepared_by_name"]) == (
        f"user:{known.treasurer.pk}",
        "Tess Treasurer",
    )
    assert first["approved_by"] == f"user:{known.director.pk}; user:999999"
    assert first["approved_by_names"] == "Dan Director; ", "whoever was erased is left without one"
    assert {(row["account"], row["debit"], row["credit"]) for row in (first, second)} == {
        ("bank", "", "42.00"),
        ("expense", "42.00", ""),
    }
    assert first["log_index"] == str(Leaf.objects.get(entry=known.spending).sequence)
    numbers_ = [int(row["entry"]) for row in table(pack, "journal.csv")]
    assert numbers_ == sorted(numbers_)
    assert set(numbers_) == set(
        Entry.objects.filter(period__month=MARCH).values_list("pk", flat=True)
    )


def test_a_reversal_names_what_it_reverses_and_an_unsealed_entry_has_no_place(known: Known) -> None:
    row = _journal(pack_of(), known.reversal)[0]
    assert row["reverses"] == str(known.wrong.pk)
    assert row["prepared_by_name"] == "Tess Treasurer"
    assert row["log_index"] == ""


def test_everyone_is_named_an_anonymous_donor_too(
    committed_db: CommittedDatabase, outside: None
) -> None:
    foundation()
    profile = giving.open_pool()
    giver = giving.a_giver(name="Grace Quiet")
    assert giver.anonymous
    gift = giving.received_gift(profile, giver)
    pledge = giving.confirmed_pledge(name="Paul Pledger", profile=profile)
    giving.received_instalment(pledge)
    term = paid_term()
    given = Entry.objects.get(source=f"gift:{gift.reference}")
    with use_case():
        reverse(given, reason="Sent back", by=make_officer(), date=timezone.localdate())

    first = min(Entry.objects.values_list("period__month", flat=True))
    last = max(Entry.objects.values_list("period__month", flat=True))
    rows = table(pack_of(first, last), "journal.csv")
    named = {(row["kind"], row["party"], row["party_name"]) for row in rows}
    organisation = (f"organisation:{term.organisation_id}", term.organisation.legal_name)
    donor = (f"donor:{pledge.donor_id}", "Paul Pledger")
    assert named == {
        ("card-gift", f"donor:{gift.donor_id}", "Grace Quiet"),
        ("reversal", f"donor:{gift.donor_id}", "Grace Quiet"),
        ("pledge-confirmed", *donor),
        ("instalment-paid", *donor),
        ("dues-invoice-issued", *organisation),
        ("dues-paid", *organisation),
    }


@pytest.mark.django_db
class TestNames:
    def test_a_source_that_leads_nowhere_names_nobody(self) -> None:
        made_up = [
            Subject(number, source)
            for number, source in enumerate(
                ["", "gift:", "gift:x", "term:x", "term:9999999999999999999", "invoice:none", "?:1"]
            )
        ]
        assert parties(made_up) == {}
        assert people(["", "user:", "user:x", "somebody"]) == {}

    def test_what_no_source_tells_the_payment_tells(self) -> None:
        payment = giving.pay(make_payment(payer_name="Petra Payer"))
        assert payment.entry_id is not None
        subject = Subject(payment.entry_id, "test:1")
        assert parties([subject]).get(subject, NOBODY) == Party(
            f"payment:{payment.public_id}", "Petra Payer"
        )

    def test_an_invoice_that_is_not_for_dues_names_its_payer(self) -> None:
        invoice = make_invoice()
        subject = Subject(1, f"invoice:{invoice.number}")
        assert parties([subject])[subject].name == "Ministry of Health"

    def test_many_are_looked_up_at_once(self) -> None:
        gifts = [giving.received_gift() for _ in range(4)]
        subjects = [Subject(n, f"gift:{gift.reference}") for n, gift in enumerate(gifts)]
        with CaptureQueriesContext(connection) as few:
            parties(subjects[:1])
        with CaptureQueriesContext(connection) as many:
            assert len(parties(subjects)) == 4
        assert len(few) == len(many)


# --- Number series --------------------------------------------------------------------------------


def _series(pack: dict[str, bytes]) -> set[tuple[str, ...]]:
    return {tuple(row.values()) for row in table(pack, "number-series.csv")}


def test_every_series_is_there_without_a_gap(known: Known) -> None:
    void = make_invoice()
    make_invoice()
    make_invoice(issued_on=datetime.date(2025, 12, 30), due_on=datetime.date(2026, 1, 30))
    payment = make_payment()
    giving.pay(payment)
    make_expected()
    make_expected()
    with use_case():
        void_invoice(void, reason="A mistake", by=None)
    checkpoints.publish()
    waiting = known.post(gift_entry(known.core, date=on(3)))
    count = Entry.objects.count()
    year = payment.receipt.issued_at.year
    skipped = waiting.pk - count
    assert _series(pack_of()) == {
        ("series", "log", "0", str(count - 2), str(count - 1), "0"),
        ("series", "INV-2025", "1", "1", "1", "0"),
        ("series", "INV-2026", "1", "2", "2", "0"),
        ("series", f"RCT-{year}", "1", "1", "1", "0"),
        ("series", f"PRQ-{year}", "1", "2", "2", "0"),
        ("series", f"CRN-{year}", "1", "1", "1", "0"),
        ("entry-numbers", "entry", "1", str(waiting.pk), str(count), str(skipped)),
        ("unsealed", "log", "", "", "1", ""),
    }  # fmt: skip


def test_a_number_that_a_refused_post_took_is_no_gap(known: Known) -> None:
    def refused() -> None:
        with use_case():
            post(gift_entry(known.core, date=on(3)))
            raise RuntimeError("after its number was taken")

    with pytest.raises(RuntimeError, match="number was taken"):
        refused()
    known.post(gift_entry(known.core, date=on(3)))
    checkpoints.publish()
    pack = pack_of()
    (row,) = (row for row in table(pack, "number-series.csv") if row["row"] == "entry-numbers")
    assert int(row["missing"]) >= 1
    assert not any(row["row"] == "gap" for row in table(pack, "number-series.csv"))
    assert "No number is missing from any series." in pack["README.txt"].decode()


def test_a_planted_gap_is_told_wherever_it_is(known: Known, owner_connection: Any) -> None:
    make_invoice()
    with use_case():
        numbers.next_number(numbers.INVOICE, 2026)
        numbers.next_number(numbers.INVOICE, 2026)
    make_invoice()
    with use_case():
        numbers.next_number(numbers.INVOICE, 2026)  # the last one given, and no paper has it
        numbers.next_number(numbers.RECEIPT, 2024)  # nor any of this series
    checkpoints.publish()
    with owner_connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_leaf DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM ledger_leaf WHERE sequence IN (0, 2, 3)")
    owner_connection.commit()

    pack = pack_of()
    gaps = {row[1:] for row in _series(pack) if row[0] == "gap"}
    assert gaps == {
        ("log", "0", "0", "", "1"),
        ("log", "2", "3", "", "2"),
        ("INV-2026", "2", "3", "", "2"),
        ("INV-2026", "5", "5", "", "1"),
        ("RCT-2024", "1", "1", "", "1"),
    }
    assert "Wrong: 7 numbers are missing from the series." in pack["README.txt"].decode()
    assert "3 (0, 2–3)" in text_of(pack["audit-pack.pdf"])


def test_leaves_taken_from_the_end_are_missed_by_the_checkpoint(
    known: Known, owner_connection: Any
) -> None:
    checkpoints.publish()
    size = Checkpoint.objects.get().size
    with owner_connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_leaf DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM ledger_leaf WHERE sequence >= %s", [size - 2])
    owner_connection.commit()
    assert ("gap", "log", str(size - 2), str(size - 1), "", "2") in _series(pack_of())


def test_no_series_of_papers_is_forgotten() -> None:
    given = {
        value for value in vars(numbers).values() if isinstance(value, str) and value.isupper()
    }
    assert given == set(series.PAPERS)


# --- Late entries ---------------------------------------------------------------------------------


def test_late_is_what_was_recorded_late_or_stands_in_a_later_month(
    committed_db: CommittedDatabase, outside: None
) -> None:
    pool = make_pool()
    today = datetime.datetime.now(datetime.UTC).date()

    def given(days_ago: int) -> str:
        posted = post_now(gift_entry(pool, 500, 0, date=today - datetime.timedelta(days_ago)))
        return str(posted.entry_id)

    fresh, month_old, older = given(0), given(30), given(31)
    first, last = today - datetime.timedelta(days=40), today
    months = first.replace(day=1), last.replace(day=1)

    rows = table(pack_of(*months), "late-entries.csv")
    assert [(row["entry"], row["days"], row["recorded_late"]) for row in rows] == [
        (older, "31", "yes")
    ]
    assert (rows[0]["debit"], rows[0]["currency"]) == ("5.00", "USD")
    asked = table(pack_of(*months, late_days=0), "late-entries.csv")
    assert [row["entry"] for row in asked] == [month_old, older]
    assert fresh not in {row["entry"] for row in asked}


def test_a_fact_of_a_closed_month_is_late_in_the_next(known: Known) -> None:
    late = known.post(gift_entry(known.core, 3_000, 0, date=on(2, 20), memo="Found in May"))
    pack = pack_of(late_days=3_650)
    (row,) = table(pack, "late-entries.csv")
    assert row["entry"] == str(late.pk)
    assert (row["recorded_late"], row["later_period"]) == ("no", "yes")
    assert (row["effective_date"], row["period"]) == ("2026-02-20", "2026-03")
    assert table(pack_of(FEBRUARY, late_days=3_650), "late-entries.csv") == []


# --- The log --------------------------------------------------------------------------------------


def test_the_verifier_opens_every_private_part(known: Known, tmp_path: Any, capsys: Any) -> None:
    checkpoints.publish()
    known.post(gift_entry(known.core, date=on(3)))  # not sealed: in the journal alone
    for name, content in pack_of(FEBRUARY, MARCH).items():
        (tmp_path / name).write_bytes(content)
    words = ["download", str(tmp_path / "entries.jsonl")]
    for option in ("checkpoint", "private"):
        name = "private.jsonl" if option == "private" else option
        words += [f"--{option}", str(tmp_path / name)]
    words += ["--keys", str(tmp_path / "keys.txt")]
    assert verify_ledger.main(words) == 0
    sealed = Leaf.objects.count()
    assert f"{sealed} private parts belong to their entries" in capsys.readouterr().out

    # A name that was changed later is found out.
    private = tmp_path / "private.jsonl"
    forged = private.read_text().replace(f"user:{known.director.pk}", "user:77")
    private.write_text(forged)
    assert verify_ledger.main(words) == 1
    assert "this is not the private part of entry" in capsys.readouterr().out


def test_private_parts_are_those_of_the_period(known: Known) -> None:
    checkpoints.publish()
    lines = pack_of(MARCH)["private.jsonl"].decode().splitlines()
    assert len(lines) == Entry.objects.filter(period__month=MARCH).count() == 5
    assert len(pack_of(MARCH)["entries.jsonl"].decode().splitlines()) == Entry.objects.count() == 7


# --- One state, in bounded memory -----------------------------------------------------------------


def test_what_is_posted_meanwhile_is_in_no_file(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PIECE", 1)
    checkpoints.publish()
    pieces = stream(Months(MARCH, MARCH), by="Ada", language="en")
    data = next(pieces)
    _elsewhere(lambda: known.post(gift_entry(known.core, 77_777, 0, date=on(3))))
    pack = unzipped(data + b"".join(pieces))
    assert not any(b"777.77" in content for content in pack.values())
    assert "777.77" not in text_of(pack["audit-pack.pdf"])
    assert b"777.77" in pack_of()["journal.csv"]


def _elsewhere(act: Any) -> None:
    """Do something as another person would: over another connection."""
    import threading

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_it_reads_and_cannot_write_and_ends_when_nobody_listens(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PIECE", 1)
    pieces = stream(Months(MARCH, MARCH), by="Ada", language="en")
    next(pieces)
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("on",)
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)
    assert isinstance(pieces, Iterator)
    pieces.close()  # type: ignore[attr-defined]
    assert not connection.in_atomic_block
    make_pool()  # the connection is good for the next


def _fill(pool: Pool, count: int) -> None:
    with use_case():
        post_many([gift_entry(pool, 1_000 + n, 5, date=on(3)) for n in range(count)])


def test_queries_do_not_grow_with_the_entries(known: Known) -> None:
    checkpoints.publish()

    def queries_of() -> int:
        with CaptureQueriesContext(connection) as captured:
            pack_of()
        return len(captured)

    few = queries_of()
    _fill(known.core, 300)
    checkpoints.publish()
    assert queries_of() == few


def test_memory_does_not_grow_with_the_entries(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times the entries, the same peak; and pieces come long before the end."""
    monkeypatch.setattr(snapshot_module, "CHUNK", 100)
    monkeypatch.setattr(entries, "CHUNK", 100)
    monkeypatch.setattr(facts, "POSTINGS_LIMIT", 0)
    monkeypatch.setattr(paper, "LATE_LIMIT", 0)
    monkeypatch.setattr(archive, "PIECE", 4_096)

    def peak_and_pieces() -> tuple[int, int]:
        checkpoints.publish()
        pieces = stream(Months(MARCH, MARCH), by="Ada", language="en")
        tracemalloc.start()
        count = sum(1 for _ in pieces)
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak, count

    _fill(known.core, 200)
    peak_and_pieces()  # caches are filled
    small, few = peak_and_pieces()
    _fill(known.core, 2_000)
    large, many = peak_and_pieces()
    assert large < small + 500_000
    assert many > few * 2


# --- On paper -------------------------------------------------------------------------------------


def test_the_pdf_shows_what_the_tables_hold(known: Known) -> None:
    checkpoint = checkpoints.publish()
    assert checkpoint is not None
    made = pack_of()["audit-pack.pdf"]
    text = text_of(made)
    for words in (
        "Auditor’s pack",
        "March 2026",
        "by Ada Auditor",
        "Trial balance",
        "Core software (core), USD",
        "-1,000.00",
        "1.250",
        "5,700",
        "Late entries",
        "Number series",
        "Journal",
        "Prepared by Tess Treasurer",
        "General ledger",
        "Opening balance",
        "=1+1",
        f"Reverses entry {known.wrong.pk}",
        "Not closed, so still growing: March 2026",
    ):
        assert words in text, words
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made


def test_too_much_for_paper_is_said_and_left_to_the_tables(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "POSTINGS_LIMIT", 5)
    pack = pack_of()
    text = text_of(pack["audit-pack.pdf"])
    assert "They are all in journal.csv" in text
    assert "Trial balance" in text
    assert "Opening balance" not in text
    assert len(table(pack, "journal.csv")) > 5


def test_the_paper_is_in_the_readers_language_and_the_columns_are_not(known: Known) -> None:
    with use_case():
        close_month(MARCH, by=known.treasurer, reason="Done")
    pack = pack_of(language="fr")
    assert b"/Lang(fr)" in pack["audit-pack.pdf"]
    text = text_of(pack["audit-pack.pdf"])
    assert "mars 2026" in text
    assert "1 000,00" in text.replace("\u202f", " ").replace("\xa0", " ")
    assert "mars 2026" in pack["README.txt"].decode()
    assert "opening" in table(pack, "trial-balance.csv")[0]
    assert table(pack, "trial-balance.csv")[0]["credit"] == "42.00"


def test_altered_books_are_said_to_be_wrong(known: Known, owner_connection: Any) -> None:
    with owner_connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_posting DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE ledger_posting SET amount = amount + 1 WHERE entry_id = %s AND amount > 0",
            [known.spending.pk],
        )
    owner_connection.commit()
    text = " ".join(pack_of()["README.txt"].decode().split())
    assert "Wrong: debits and credits differ in core USD." in text
    assert "differ from the postings of core:expense:USD." in text


def test_a_closed_year_shows_its_closing_entries(
    committed_db: CommittedDatabase, outside: None
) -> None:
    december = datetime.date(2025, 12, 1)
    pool = make_pool("core")
    post_now(gift_entry(pool, 1_000, 50, date=datetime.date(2025, 12, 5)))
    with use_case():
        close_year(2025, by=make_officer(), reason="The audit is done")
    rows = table(pack_of(december), "trial-balance.csv")
    closing = {row["account"]: row["closing"] for row in rows}
    assert closing["contributions"] == closing["fees"] == "0.00"
    assert closing["fund-balance"] == "-9.50"


def test_a_donor_that_was_merged_is_still_known_by_the_reference_of_an_older_pack(
    known: Known,
) -> None:
    kept = Donor.objects.create(name="Ministry of Health")
    gone = Donor.objects.create(name="=Ministry")
    assert table(pack_of(), "merged-donors.csv") == []
    merge_donors(kept, gone, by=known.treasurer, reason="They wrote so.")
    gone.refresh_from_db()
    assert gone.merged_at is not None
    assert table(pack_of(), "merged-donors.csv") == [
        {
            "donor": f"donor:{gone.pk}",
            "name": "'=Ministry",
            "merged_into": f"donor:{kept.pk}",
            "merged_into_name": "Ministry of Health",
            "merged_at": gone.merged_at.isoformat(timespec="seconds"),
        }
    ]
