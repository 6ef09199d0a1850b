"""What staff write down for donors who never sign in: one thing, or a file of them; never twice."""

import datetime
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core import csv_files
from core.jobs.testing import run_pending_jobs
from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import queries
from funding.payments.banking import confirming
from funding.payments.models import ExpectedPayment, ManualChannel, Match, Payment
from funding.pools import claims, recorded_csv, recorded_files, recording
from funding.pools import recording_refusals as no
from funding.pools.models import Donor, Gift, GivingPolicy, Pledge, PoolProfile, RecordedGiving
from funding.pools.recorded_things import DonorFacts
from funding.pools.refusals import PoolPaused
from funding.pools.schedules import Part
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account, make_channel, make_line, make_staff
from tests.factories.recorded import expect_gift, record_payment, record_pledge
from tests.races import together

MINISTRY = DonorFacts("Ministry of Health", country="MW")
DAY = datetime.timedelta(days=1)


def today() -> datetime.date:
    return timezone.localdate()


@pytest.fixture
def staff(db: None) -> User:
    return make_staff()


@pytest.fixture
def profile(db: None) -> PoolProfile:
    make_account("USD")
    return make.open_pool("training")


@pytest.fixture
def channel(db: None) -> ManualChannel:
    return make_channel(name="Cheque")


def values(into: PoolProfile, who: User, **changes: Any) -> dict[str, Any]:
    return {
        "external_id": "LETTER-1",
        "donor": MINISTRY,
        "profile": into,
        "amount": Money(250_000, "USD"),
        "by": who,
        **changes,
    }


def parked(amount: int = 10_000, by: User | None = None, **changes: Any) -> Match:
    by = by or make_staff()
    line = make_line(amount, by=by, **changes)
    with use_case():
        return confirming.park(line, by=by)


# --- One at a time ------------------------------------------------------------------------------------


def test_an_expected_gift_waits_for_its_money_and_counts_when_that_is_matched(
    profile: PoolProfile, staff: User
) -> None:
    row = expect_gift(**values(profile, staff, due_on=today() + 30 * DAY))
    gift = row.gift
    assert gift is not None
    assert gift.received_at is None
    assert gift.recorded_by == staff
    assert (row.donor.name, row.donor.country, row.donor.recorded_by) == (
        "Ministry of Health",
        "MW",
        staff,
    )
    expected = ExpectedPayment.objects.get(purpose="gift", purpose_id=gift.pk)
    assert expected.due_on == today() + 30 * DAY
    line = make_line(250_000)
    with use_case():
        confirming.match_to_expected(line, expected, by=staff)
    gift.refresh_from_db()
    assert gift.received_at is not None
    assert queries.figures(profile.pool, "USD")["received"] == 250_000
    logged = ModelLogEntry.objects.for_instance(row).get(action="pools.record_giving")
    assert logged.user == staff


def test_nobody_is_written_to_unless_asked(profile: PoolProfile, staff: User) -> None:
    facts = DonorFacts("A Fund", email="fund@example.org")
    expect_gift(**values(profile, staff, donor=facts))
    run_pending_jobs()
    assert mail.outbox == []
    expect_gift(**values(profile, staff, donor=facts, external_id="LETTER-2", tell_donor=True))
    run_pending_jobs()
    assert [one.to for one in mail.outbox] == [["fund@example.org"]]
    with pytest.raises(no.NoAddressToWriteTo):
        expect_gift(**values(profile, staff, external_id="L3", tell_donor=True))


def test_a_pledge_by_letter_is_confirmed_and_a_binding_one_is_booked(
    profile: PoolProfile, staff: User
) -> None:
    parts = [Part(today() - 20 * DAY, 150_000_000), Part(today() + 90 * DAY, 50_000_000)]
    row = record_pledge(
        **values(profile, staff, amount=Money(200_000_000, "USD"), parts=parts, binding=True)
    )
    pledge = row.pledge
    assert pledge is not None
    assert pledge.confirmed_at is not None
    assert [part.due_on for part in pledge.instalments.all()] == [p.due_on for p in parts]
    assert queries.balances(profile.pool, "USD")["contributions-receivable"] == 200_000_000


def test_a_payment_by_a_channel_is_booked_at_once_even_to_a_closed_pool(
    profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    PoolProfile.objects.filter(pk=profile.pk).update(paused=True)
    row = record_payment(
        **values(
            profile,
            staff,
            channel="cheque",
            evidence="Cheque 112",
            paid_on=today() - 3 * DAY,
        )
    )
    assert row.gift is not None
    row.gift.refresh_from_db()
    assert timezone.localdate(row.gift.received_at) == today() - 3 * DAY
    assert queries.balances(profile.pool, "USD")["in-transit"] == 250_000
    assert queries.figures(profile.pool, "USD")["received"] == 250_000


def test_a_payment_that_was_parked_is_taken_from_there(profile: PoolProfile, staff: User) -> None:
    match = parked(10_000, staff)
    row = record_payment(
        **values(profile, staff, amount=Money(6_000, "USD"), bank_line=match.line.bank_reference)
    )
    assert row.gift is not None
    assert confirming.left_of_parked(match).amount == 4_000
    assert queries.figures(profile.pool, "USD")["received"] == 6_000
    with pytest.raises(no.MoreThanParked) as caught:
        record_payment(
            **values(
                profile,
                staff,
                external_id="L2",
                amount=Money(4_001, "USD"),
                bank_line=str(match.line),
            )
        )
    assert "$40.00" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"external_id": ""}, no.IdentifierWanted),
        ({"external_id": "x" * 101}, no.IdentifierWanted),
        ({"amount": Money(0, "USD")}, no.AmountWanted),
        ({"amount": Money(5, "EUR")}, no.OtherCurrency),
        ({"donor": DonorFacts("")}, no.DonorWanted),
        ({"channel": "Carrier pigeon"}, no.UnknownChannel),
        ({"evidence": "x"}, no.ProofWanted),
        ({"bank_line": "TX0"}, no.UnknownLine),
        ({"channel": "Cheque", "evidence": "1", "bank_line": "3/1"}, no.UnknownLine),
        (
            {"channel": "Cheque", "evidence": "1", "paid_on": datetime.date(2999, 1, 1)},
            no.PaidInFuture,
        ),
        (
            {"channel": "Cheque", "evidence": "1", "paid_on": datetime.date(1999, 1, 1)},
            no.PaidLongAgo,
        ),
    ],
)
def test_a_payment_that_breaks_a_rule_leaves_nothing(
    changes: Any, refusal: Any, profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    with pytest.raises(refusal):
        record_payment(**values(profile, staff, **changes))
    assert not RecordedGiving.objects.exists()
    assert not Gift.objects.exists()
    assert not Donor.objects.exists()


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ([], no.DayWanted),
        ([Part(datetime.date(2030, 1, 1), 100)], no.ScheduleDiffers),
        ([Part(datetime.date(2030, 1, 1), 125_000)] * 2, no.SameDayTwice),
        ([Part(datetime.date(2099, 1, 1), 250_000)], no.TooFarAhead),
        (
            [Part(datetime.date(2030, 1, day), 10_000) for day in range(1, 26)],
            no.TooManyInstalments,
        ),
    ],
)
def test_a_pledge_keeps_its_schedule(
    parts: list[Part], refusal: Any, profile: PoolProfile, staff: User
) -> None:
    with pytest.raises(refusal):
        record_pledge(**values(profile, staff, parts=parts, binding=True))
    assert not Pledge.objects.exists()


def test_a_closed_pool_takes_no_new_promise(profile: PoolProfile, staff: User) -> None:
    PoolProfile.objects.filter(pk=profile.pk).update(paused=True)
    profile.refresh_from_db()
    with pytest.raises(PoolPaused):
        expect_gift(**values(profile, staff))


def test_above_the_limit_a_donor_is_named(profile: PoolProfile, staff: User) -> None:
    GivingPolicy.objects.create(currency="USD", anonymous_limit=249_999)
    with pytest.raises(no.PublicNameWanted):
        expect_gift(**values(profile, staff))
    row = expect_gift(**values(profile, staff, public_name="Ministry of Health"))
    assert row.gift is not None
    assert (row.gift.anonymous, row.gift.public_name) == (False, "Ministry of Health")


def test_rights_are_asked_for_recording_and_for_confirming(
    profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    with pytest.raises(no.NotPermitted):
        expect_gift(**values(profile, make_staff(groups.AUDITORS)))
    from django.contrib.auth.models import Permission

    clerk = User.objects.create_user("clerk@example.org")
    clerk.user_permissions.add(Permission.objects.get(codename="add_recordedgiving"))
    paid = {"channel": "Cheque", "evidence": "Cheque 9", "paid_on": today()}
    with pytest.raises(no.NoRightToConfirm):
        record_payment(**values(profile, clerk, **paid))
    assert expect_gift(**values(profile, clerk)).pk


# --- Never twice --------------------------------------------------------------------------------------


def test_the_same_again_is_one_and_other_content_is_refused(
    profile: PoolProfile, staff: User
) -> None:
    first = expect_gift(**values(profile, staff))
    assert expect_gift(**values(profile, staff)).pk == first.pk
    for changes in (
        {"amount": Money(250_001, "USD")},
        {"public_name": "Another"},
        {"donor": DonorFacts("Ministry of Health", country="ZM")},
        {"due_on": today()},
        {"profile": make.open_pool()},
    ):
        with pytest.raises(no.RecordedDifferently):
            expect_gift(**values(profile, staff, **changes))
    assert Gift.objects.count() == Donor.objects.count() == 1


def test_one_donor_written_down_twice_is_one_row(profile: PoolProfile, staff: User) -> None:
    expect_gift(**values(profile, staff))
    again = DonorFacts("  ministry of  HEALTH ", country="MW")
    expect_gift(**values(profile, staff, external_id="L2", donor=again))
    assert Donor.objects.count() == 1
    accented = DonorFacts("Ministère de la Santé", country="MW")
    capitals = DonorFacts("MINISTÈRE DE LA SANTÉ", country="MW")
    expect_gift(**values(profile, staff, external_id="L4", donor=accented))
    expect_gift(**values(profile, staff, external_id="L5", donor=capitals))
    assert Donor.objects.count() == 2
    other = DonorFacts("Ministry of Health", country="ZM")
    expect_gift(**values(profile, staff, external_id="L3", donor=other))
    assert Donor.objects.count() == 3


def test_a_donor_who_wrote_the_same_name_alone_is_not_taken_for_the_recorded_one(
    profile: PoolProfile, staff: User
) -> None:
    Donor.objects.create(name="Ministry of Health", kind="organisation", country="MW")
    row = expect_gift(**values(profile, staff))
    assert row.donor.recorded_by == staff


def test_what_comes_after_the_claim_hangs_on_the_claimed_row(
    profile: PoolProfile, staff: User
) -> None:
    person = make.make_person()
    gift = make.received_gift(giver=make.a_giver(person))
    row = expect_gift(**values(profile, staff))
    claims.claim(claims.issue_claim_code(row.donor, by=staff), user=person)
    later = expect_gift(**values(profile, staff, external_id="L2"))
    assert later.donor == gift.donor
    row.refresh_from_db()
    assert row.donor == gift.donor
    assert Donor.objects.filter(merged_into=None).count() == 1


def test_the_same_evidence_pays_once(
    profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    paid = {"channel": "Cheque", "paid_on": today()}
    record_payment(**values(profile, staff, evidence="Cheque 112", **paid))
    with pytest.raises(no.EvidenceUsed):
        record_payment(**values(profile, staff, external_id="L2", evidence="cheque112", **paid))


def test_the_same_thing_recorded_at_once_is_one(committed_db: Any) -> None:
    make_account("USD")
    profile, staff = make.open_pool(), make_staff()
    act = lambda: expect_gift(**values(profile, staff)).pk  # noqa: E731
    assert len(set(together(act, act, act))) == 1
    assert Gift.objects.count() == Donor.objects.count() == ExpectedPayment.objects.count() == 1


# --- The file -----------------------------------------------------------------------------------------

HEAD = "external_id,kind,donor,country,email,pool,amount,currency,due_on,schedule,binding,channel,evidence,paid_on,bank_line"


def a_file(*rows: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *rows]).encode()


EXPECTED = "L-1,expected,Ministry of Health,MW,,training,2500.00,USD,2030-01-31,,,,,,"
PLEDGED = "L-2,pledge,An agency,NO,desk@example.org,training,100,USD,,2030-01-31 60 | 2030-07-31 40,yes,,,,"
PAID = "L-3,payment,Ministry of Health,MW,,training,40,USD,,,,Cheque,Cheque 7,2026-01-05,"


def errors(content: bytes, by: User) -> dict[int, dict[str, str]]:
    return {row.number: row.errors for row in recorded_files.dry_run(content, by=by).wrong}


def test_a_dry_run_tells_what_would_come_and_writes_nothing(
    profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    look = recorded_files.dry_run(a_file(EXPECTED, PLEDGED, "", PAID), by=staff)
    assert [row.number for row in look.new] == [2, 3, 5]
    assert look.new_donors == 2
    assert look.totals == [Money(264_000, "USD")]
    assert not look.wrong
    assert not Donor.objects.exists()
    assert not RecordedGiving.objects.exists()


def test_a_file_is_recorded_once_however_often_it_is_brought(
    profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    content = a_file(EXPECTED, PLEDGED, PAID)
    rows = recorded_files.apply(content, file_name="letters.csv", by=staff)
    assert [row.kind for row in rows] == ["expected", "pledge", "payment"]
    assert {row.file_name for row in rows} == {"letters.csv"}
    assert Donor.objects.count() == 2
    assert [part.amount for part in Pledge.objects.get().instalments.all()] == [6_000, 4_000]
    assert recorded_files.apply(content, file_name="letters.csv", by=staff) == []
    look = recorded_files.dry_run(content, by=staff)
    assert (len(look.new), len(look.known), len(look.wrong)) == (0, 3, 0)
    more = a_file(EXPECTED, PLEDGED, PAID, EXPECTED.replace("L-1", "L-4"))
    assert len(recorded_files.apply(more, file_name="more.csv", by=staff)) == 1
    assert Donor.objects.count() == 2


def test_one_bad_row_keeps_all_of_them_out(profile: PoolProfile, staff: User) -> None:
    with pytest.raises(no.FileHasErrors):
        recorded_files.apply(
            a_file(EXPECTED, PLEDGED.replace("60 |", "61 |")), file_name="x.csv", by=staff
        )
    assert not RecordedGiving.objects.exists()
    assert not Donor.objects.exists()


def test_a_row_that_is_refused_while_written_takes_the_others_back(
    profile: PoolProfile, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = recording.open_expected

    def refuse_the_second(**facts: Any) -> Any:
        if RecordedGiving.objects.exists():
            raise no.NoAccount(currency="USD")
        return real(**facts)

    monkeypatch.setattr(recording, "open_expected", refuse_the_second)
    with pytest.raises(no.RowRefused) as caught:
        recorded_files.apply(
            a_file(EXPECTED, EXPECTED.replace("L-1", "L-2")), file_name="x.csv", by=staff
        )
    assert "Row 3" in str(caught.value)
    assert not RecordedGiving.objects.exists()


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("expected", "gift", "kind"),
        ("expected", "", "kind"),
        ("Ministry of Health", "", "donor"),
        ("Ministry of Health", "M" * 121, "donor"),
        ("MW", "Malawi", "country"),
        ("MW,", "MW,not an address", "email"),
        ("training", "nowhere", "pool"),
        ("2500.00", "lots", "amount"),
        ("2500.00", "-5", "amount"),
        ("2500.00", "0", "amount"),
        ("2500.00", "1.001.1", "amount"),
        ("USD", "ZZZ", "currency"),
        ("USD", "EUR", "currency"),
        ("2030-01-31", "31 January", "due_on"),
        ("2030-01-31", "2030-02-30", "due_on"),
        ("L-1", "", "external_id"),
        (",,,,,,", ",,,,,2026-01-01,", "paid_on"),
        (",,,,,,", ",2030-01-31 2500,,,,,", "schedule"),
        (",,,,,,", ",,maybe,,,,", "binding"),
        (",,,,,,", ",,,Pigeon,,,", "channel"),
    ],
)
def test_each_error_is_told_by_row_and_column(
    old: str, new: str, column: str, profile: PoolProfile, staff: User
) -> None:
    bad = EXPECTED.replace(old, new, 1)
    good = EXPECTED.replace("L-1", "L-9")
    assert list(errors(a_file(good, bad), staff)) == [3]
    assert column in errors(a_file(good, bad), staff)[3]


def test_a_plain_no_may_stand_in_any_row(profile: PoolProfile, staff: User) -> None:
    row = EXPECTED.replace(",,,,,,", ",,no,,,,")
    assert len(recorded_files.dry_run(a_file(row), by=staff).new) == 1


def test_several_errors_of_a_row_are_told_together(profile: PoolProfile, staff: User) -> None:
    bad = "L-1,gift,,Malawi,x,training,lots,USD,2030,,,,,,"
    assert set(errors(a_file(bad), staff)[2]) == {
        "kind",
        "donor",
        "country",
        "email",
        "amount",
        "due_on",
    }


def test_an_identifier_twice_in_the_file_and_one_recorded_otherwise(
    profile: PoolProfile, staff: User
) -> None:
    assert "row 2" in errors(a_file(EXPECTED, EXPECTED), staff)[3]["external_id"]
    recorded_files.apply(a_file(EXPECTED), file_name="x.csv", by=staff)
    other = EXPECTED.replace("2500.00", "2600.00")
    assert "recorded already" in errors(a_file(other), staff)[2]["external_id"]


def test_evidence_and_parked_money_are_used_once_within_a_file(
    profile: PoolProfile, staff: User, channel: ManualChannel
) -> None:
    again = PAID.replace("L-3", "L-4").replace("Cheque 7", "CHEQUE7")
    assert "evidence" in errors(a_file(PAID, again), staff)[3]
    match = parked(10_000, staff)
    row = f"P-1,payment,Grace,,,training,60,USD,,,,,,,{match.line.bank_reference}"
    assert "amount" in errors(a_file(row, row.replace("P-1", "P-2")), staff)[3]
    enough = row.replace("P-1", "P-2").replace(",60,", ",40,")
    assert len(recorded_files.apply(a_file(row, enough), file_name="x.csv", by=staff)) == 2
    assert confirming.left_of_parked(match).amount == 0


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_files_are_read_as_spreadsheets_write_them(
    delimiter: str, encoding: str, profile: PoolProfile, staff: User
) -> None:
    head = ["Currency", " Amount ", "external id", "KIND", "Pool", "donor", "due_on"]
    cells = ["usd", '"1.250,50"', "L-1", "Expected", "Training", '"Santé ""Été"""', "31/01/2030"]
    text = delimiter.join(head) + "\r\n" + delimiter.join(cells) + "\r\n"
    (row,) = recorded_files.dry_run(text.encode(encoding), by=staff).new
    assert row.giving is not None
    assert row.giving.amount == Money(125_050, "USD")
    assert isinstance(row.giving.donor, DonorFacts)
    assert row.giving.donor.name == 'Santé "Été"'
    assert row.giving.due_on == datetime.date(2030, 1, 31)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", csv_files.FileEmpty),
        (b"  \n ", csv_files.FileEmpty),
        (HEAD.encode(), csv_files.FileEmpty),
        (b"\x00\x01", csv_files.NotText),
        (b"external_id,kind\x81\x8d", csv_files.NotText),
        (b"external_id,kind\nx,y", csv_files.ColumnMissing),
        (HEAD.encode() + b",surprise\nx", csv_files.ColumnUnknown),
        (HEAD.encode() + b",kind\nx", csv_files.ColumnTwice),
        (HEAD.encode() + b'\n"x,y', csv_files.NotACsv),
        (b"x" * (2 * 1024 * 1024 + 1), csv_files.FileTooLarge),
        (HEAD.encode() + b"\nx" * 5_001, csv_files.TooManyRows),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    content: bytes, refusal: Any, staff: User
) -> None:
    with pytest.raises(refusal):
        recorded_files.dry_run(content, by=staff)


def test_too_many_payments_are_refused_and_those_recorded_before_do_not_count(
    profile: PoolProfile,
    staff: User,
    channel: ManualChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorded_files, "MOST_PAYMENTS", 1)
    two = a_file(PAID, PAID.replace("L-3", "L-4").replace("Cheque 7", "Cheque 8"))
    with pytest.raises(no.TooManyPayments):
        recorded_files.dry_run(two, by=staff)
    recorded_files.apply(a_file(PAID), file_name="x.csv", by=staff)
    assert len(recorded_files.apply(two, file_name="y.csv", by=staff)) == 1


def test_only_who_may_record_brings_files(profile: PoolProfile) -> None:
    auditor = make_staff(groups.AUDITORS)
    with pytest.raises(no.NotPermitted):
        recorded_files.dry_run(a_file(EXPECTED), by=auditor)
    with pytest.raises(no.NotPermitted):
        recorded_files.apply(a_file(EXPECTED), file_name="x.csv", by=auditor)


def test_a_neutralised_formula_is_read_as_it_was(profile: PoolProfile, staff: User) -> None:
    row = EXPECTED.replace("Ministry of Health", "'=Ministry")
    (made,) = recorded_files.apply(a_file(row), file_name="x.csv", by=staff)
    assert made.donor.name == "=Ministry"


def test_the_sample_is_a_file_that_can_be_brought(staff: User) -> None:
    make_account("USD")
    make_channel(name="Cheque")
    if not PoolProfile.objects.filter(pool__code="general").exists():
        make.open_pool("general")
    look = recorded_files.dry_run(recorded_csv.sample().encode(), by=staff)
    assert not look.wrong, [row.errors for row in look.wrong]
    assert len(look.new) == 3


def test_looking_makes_the_same_queries_for_one_row_and_for_many(
    profile: PoolProfile, staff: User, channel: ManualChannel, django_assert_num_queries: Any
) -> None:
    staff.has_perm("x")
    with django_assert_num_queries(20, exact=False) as one:
        recorded_files.dry_run(a_file(EXPECTED, PLEDGED, PAID), by=staff)
    rows = [
        row.replace("L-", f"L{number}-").replace("Cheque 7", f"Cheque {number}")
        for number in range(50)
        for row in (EXPECTED, PLEDGED, PAID)
    ]
    with django_assert_num_queries(20, exact=False) as many:
        recorded_files.dry_run(a_file(*rows), by=staff)
    assert len(one) == len(many)


def test_two_who_bring_the_same_file_at_once_make_one_set_of_rows(committed_db: Any) -> None:
    make_account("USD")
    make_channel(name="Cheque")
    make.open_pool("training")
    staff = [make_staff(), make_staff()]
    content = a_file(EXPECTED, PLEDGED, PAID)
    results = together(
        *[lambda by=by: recorded_files.apply(content, file_name="x.csv", by=by) for by in staff]
    )
    assert sorted(len(one) for one in results) == [0, 3]
    assert RecordedGiving.objects.count() == 3
    assert Donor.objects.count() == 2
    assert Payment.objects.count() == 1
