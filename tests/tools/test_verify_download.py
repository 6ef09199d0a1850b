"""tools/verify_ledger.py: downloads of the whole log, their books, and private parts."""

import io
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.tools import reference
from tests.tools.reference import LOG, WITNESSES, Log, entry, public, reversal
from tools.verify_ledger import Download, Wrong, make_keys, parse_entry, verify_download

KEYS = make_keys(LOG.vkey, [witness.vkey for witness in WITNESSES])


@pytest.fixture(scope="module")
def log() -> Log:
    return Log.of(reference.some_entries(70))


def check(
    download: bytes,
    checkpoint: bytes,
    previous: Sequence[bytes] = (),
    private: bytes | None = None,
) -> Download:
    return verify_download(
        io.BytesIO(download),
        checkpoint,
        KEYS,
        previous=previous,
        private=None if private is None else io.BytesIO(private),
    )


def check_log(log: Log) -> Download:
    return check(log.download(), log.checkpoint())


def check_entries(*entries: Mapping[str, Any]) -> Download:
    return check_log(Log.of(entries))


def check_bytes(*entries: bytes) -> Download:
    """A log that was signed with entries as bad as they may be."""
    return check_log(Log(list(entries)))


# --- The log as a whole ---------------------------------------------------------------------------


def test_downloads_hold_at_every_size(log: Log) -> None:
    for size in range(71):
        found = check(log.download(size), log.checkpoint(size))
        assert found.checkpoint.size == size
        assert found.checkpoint.root == reference.mth(log.entries[:size])
        assert found.reversals == size // 9


def test_what_is_available_is_told(log: Log) -> None:
    assert check_entries(entry(1), entry(2)).available == {("core", "USD"): 2 * 9680}
    found = check_log(log)
    assert found.available["dues", "JPY"] == 0
    assert found.available["kids", "EUR"] > 2**58


def test_every_changed_byte_of_a_download_is_noticed() -> None:
    log = Log.of([entry(1, memo='"ö"\n'), entry(3), reversal(4, entry(1, memo="x"))])
    download, checkpoint = log.download(), log.checkpoint()
    check(download, checkpoint)
    dice = random.Random(17)
    for at, byte in enumerate(download):
        for mask in (1 << dice.randrange(8), 0xFF):
            changed = download[:at] + bytes([byte ^ mask]) + download[at + 1 :]
            with pytest.raises(Wrong):
                check(changed, checkpoint)


def test_every_changed_byte_of_its_checkpoint_is_noticed(log: Log) -> None:
    download, checkpoint = log.download(3), log.checkpoint(3)
    dice = random.Random(17)
    for at, byte in enumerate(checkpoint):
        for mask in (1 << dice.randrange(8), 0xFF):
            changed = checkpoint[:at] + bytes([byte ^ mask]) + checkpoint[at + 1 :]
            with pytest.raises(Wrong):
                check(download, changed)


def test_a_download_broken_off_anywhere_is_noticed(log: Log) -> None:
    download, checkpoint = log.download(3), log.checkpoint(3)
    for length in range(len(download)):
        with pytest.raises(Wrong):
            check(download[:length], checkpoint)


def test_entries_missing_added_or_in_another_order_are_noticed(log: Log) -> None:
    checkpoint, lines = log.checkpoint(5), [line + b"\n" for line in log.entries]
    with pytest.raises(Wrong, match="ends after 4 entries; the checkpoint has 5"):
        check(log.download(4), checkpoint)
    with pytest.raises(Wrong, match="line 6: the checkpoint has only 5"):
        check(log.download(6), checkpoint)
    for changed in (
        [lines[0], lines[2], lines[1], *lines[3:5]],
        [*lines[:4], lines[6]],
    ):
        with pytest.raises(Wrong, match="do not make the root"):
            check(b"".join(changed), checkpoint)
    for end in (b"\n", b" \n", b"x", b"\x00"):
        with pytest.raises(Wrong):
            check(log.download(5) + end, checkpoint)


def test_a_download_without_its_last_newline_is_noticed(log: Log) -> None:
    with pytest.raises(Wrong, match="line 5: the file breaks off without a newline"):
        check(log.download(5)[:-1], log.checkpoint(5))


def test_a_huge_line_is_noticed_without_reading_it_all() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    with pytest.raises(Wrong, match="line 1: longer than"):
        verify_download(io.BufferedReader(Endless()), Log.of([entry(1)]).checkpoint(), KEYS)


# --- Older checkpoints ----------------------------------------------------------------------------


def test_older_checkpoints_of_every_size_hold(log: Log) -> None:
    older = [log.checkpoint(size) for size in range(40)]
    assert check(log.download(39), log.checkpoint(39), older).previous == tuple(range(40))


def test_the_older_checkpoint_of_a_fork_is_noticed(log: Log) -> None:
    fork = Log([*log.entries[:20], public(entry(999)), *log.entries[21:]])
    for size in range(1, 40):
        arguments = (log.download(), log.checkpoint(), [log.checkpoint(5), fork.checkpoint(size)])
        if size <= 20:
            check(*arguments)
        else:
            with pytest.raises(Wrong, match=f"The first {size} entries are not those of the older"):
                check(*arguments)


def test_a_log_that_shrank_is_noticed(log: Log) -> None:
    with pytest.raises(Wrong, match="The older checkpoint has 6 entries, the checkpoint only 5"):
        check(log.download(5), log.checkpoint(5), [log.checkpoint(6)])


def test_an_older_checkpoint_may_have_had_fewer_witnesses_but_no_wrong_one(log: Log) -> None:
    text = log.text(5)
    check(log.download(), log.checkpoint(), [reference.note(text, (LOG,))])
    with pytest.raises(Wrong, match="not signed by ledger"):
        check(log.download(), log.checkpoint(), [reference.note(text, WITNESSES)])
    note = reference.note(text, (LOG, WITNESSES[0]))
    with pytest.raises(Wrong):
        check(log.download(), log.checkpoint(), [note.replace(b"\n5\n", b"\n4\n")])


# --- How an entry is written ----------------------------------------------------------------------


def test_the_example_of_the_page_is_written_rightly() -> None:
    assert parse_entry(public(entry(17)))["number"] == 17


GOOD = public(entry(17))


def _without(name: str) -> bytes:
    return public({key: value for key, value in entry(17).items() if key != name})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"null", "members"),
        (b"17", "members"),
        (b"[]", "members"),
        (b"\xff" + GOOD, r"not UTF-8 \(byte 0\)"),
        (b"\xef\xbb\xbf" + GOOD, "not JSON"),
        (GOOD + b" ", "one right way"),
        (b" " + GOOD, "not JSON"),
        (GOOD + GOOD, "one right way"),
        (GOOD.replace(b":17,", b": 17,"), "one right way"),
        (GOOD.replace(b":17,", b":17.0,"), "number"),
        (GOOD.replace(b":17,", b":1e1,"), "one right way"),
        (GOOD.replace(b":17,", b":017,"), "not JSON"),
        (GOOD.replace(b":17,", b":-17,"), "number"),
        (GOOD.replace(b":17,", b":-0,"), "one right way"),
        (GOOD.replace(b":17,", b":0,"), "number"),
        (GOOD.replace(b":17,", b":true,"), "number"),
        (GOOD.replace(b":17,", b':"17",'), "number"),
        (GOOD.replace(b":17,", b":null,"), "number"),
        (GOOD.replace(b":17,", b":NaN,"), "number"),
        (GOOD.replace(b":17,", b":%d," % 2**63), "number"),
        (GOOD.replace(b":17,", b":" + b"9" * 5000 + b","), "not JSON"),
        (GOOD.replace(b'"memo":""', b'"memo":"","memo":""'), "one right way"),
        (GOOD.replace(b'"memo":""', b'"memo":"\\u00f6"'), "one right way"),
        (GOOD.replace(b'"memo":""', b'"memo":"\\/"'), "one right way"),
        (GOOD.replace(b'"memo":""', b'"memo":"\\u000a"'), "one right way"),
        (GOOD.replace(b'"memo":""', b'"memo":"\\u001F"'), "one right way"),
        (GOOD.replace(b'"memo":""', b'"memo":"\\ud800"'), "one right way"),
        (GOOD.replace(b'"memo":""', b'"memo":"\xed\xa0\x80"'), "not UTF-8"),
        (GOOD.replace(b'"memo":""', b'"memo":"\x01"'), "not JSON"),
        (GOOD.replace(b'"memo":""', b'"memo":' + b"[" * 60_000), "nested too deeply|not JSON"),
        (GOOD.replace(b'"memo":""', b'"memo":"' + b"x" * 65_535 + b'"'), "longer than"),
        (_without("memo"), "members"),
        (public({**entry(17), "zebra": ""}), "members"),
        (public({"format": 1, **entry(17)}), "members"),
    ],
)
def test_an_entry_written_in_another_way_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Wrong, match=words):
        parse_entry(data)
    if b"\n" not in data and len(data) < 65_000:
        with pytest.raises(Wrong, match="Download, line 2: "):
            check_bytes(GOOD.replace(b":17,", b":16,"), data)


POSTINGS: list[Any] = entry(17)["postings"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "format"),
        ({"kind": 1}, "kind is not a text"),
        ({"memo": None}, "memo is not a text"),
        ({"source": ["x"]}, "source is not a text"),
        ({"effective_date": "2026-02-29"}, "effective_date"),
        ({"effective_date": "20260310"}, "effective_date"),
        ({"effective_date": "2026-03-1٠"}, "effective_date"),
        ({"period": "2026-13"}, "period"),
        ({"period": "2026-03-01"}, "period"),
        ({"recorded_at": "2026-03-10T09:15:00Z"}, "recorded_at"),
        ({"recorded_at": "2026-03-10T24:00:00.000000Z"}, "recorded_at"),
        ({"recorded_at": "2026-02-30T09:15:00.000000Z"}, "recorded_at"),
        ({"recorded_at": "2026-03-10T09:15:00.123456+00:00"}, "recorded_at"),
        ({"private": "A" * 64}, "private"),
        ({"private": "a" * 63}, "private"),
        ({"reverses": 0}, "reverses"),
        ({"reverses": "16"}, "reverses"),
        ({"postings": []}, "postings is not a list of 2 to 200"),
        ({"postings": {}}, "postings is not a list of 2 to 200"),
        ({"postings": [["a", "b", "USD", 1]] * 201}, "postings is not a list of 2 to 200"),
        ({"postings": [*POSTINGS, ["core", "bank", "USD", 0]]}, "row 4 has the amount zero"),
        ({"postings": [*POSTINGS, ["core", "bank", "USD"]]}, "row 4 is not three texts"),
        ({"postings": [*POSTINGS, ["core", "bank", "USD", 1, 1]]}, "row 4 is not three texts"),
        ({"postings": [*POSTINGS, ["core", "bank", "USD", "1"]]}, "row 4 is not three texts"),
        ({"postings": [*POSTINGS, ["core", None, "USD", 1]]}, "row 4 is not three texts"),
        ({"postings": [*POSTINGS, ["core", "bank", "usd", 1]]}, "row 4 names no currency"),
        ({"postings": [*POSTINGS, ["core", "bank", "USD", 2**64]]}, "row 4 is not three texts"),
        ({"figures": [["core", "USD", "received", 0]]}, "figures: row 1 has the amount zero"),
        ({"figures": [["core", "USD", "gained", 5]]}, "there is no figure gained"),
        ({"figures": [["core", "USD", "fees", 1]] * 201}, "figures is not a list of 0 to 200"),
        ({"figures": None}, "figures is not a list of 0 to 200"),
    ],
)
def test_an_entry_with_a_wrong_value_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Wrong, match=words):
        parse_entry(public(entry(17, **changes)))


def test_a_boolean_or_a_fraction_is_no_amount() -> None:
    for amount in (b"true", b"320.0", b"3.2e2", b"null"):
        with pytest.raises(Wrong, match=r"postings: row 2|one right way"):
            parse_entry(
                GOOD.replace(b'"USD",320],["core","con', b'"USD",%s],["core","con' % amount)
            )


def test_an_entry_nested_to_any_depth_is_refused() -> None:
    for depth in (1, 300, 900, 980, 990, 1000, 1100, 5000, 10_000, 30_000):
        nested = b"[" * depth + b"]" * depth
        for data in (nested, GOOD.replace(b'"memo":""', b'"memo":' + nested)):
            with pytest.raises(Wrong):
                parse_entry(data)


def test_two_hundred_postings_are_not_too_many() -> None:
    rows = [["core", "bank", "USD", 1], ["core", "clearing", "USD", -1]] * 100
    assert check_entries(entry(1, postings=rows, figures=[])).available == {("core", "USD"): 0}


# --- The books ------------------------------------------------------------------------------------


def test_an_entry_that_does_not_balance_is_refused() -> None:
    rows = [["core", "bank", "USD", 5], ["core", "contributions", "USD", -4]]
    with pytest.raises(Wrong, match=r"line 2: does not balance in pool core: 1 USD left over"):
        check_entries(entry(1), entry(2, postings=rows, figures=[]))


@pytest.mark.parametrize(
    "other", [["kids", "bank", "USD", -5], ["core", "bank", "EUR", -5]], ids=["pool", "currency"]
)
def test_each_pool_and_currency_balances_by_itself(other: list[Any]) -> None:
    with pytest.raises(Wrong, match="does not balance"):
        check_entries(entry(1, postings=[["core", "bank", "USD", 5], other], figures=[]))


def test_a_number_comes_once() -> None:
    for number in (1, 1023, 1024, 2**62):
        with pytest.raises(Wrong, match=rf"line 3 \(entry {number}\): another entry has this"):
            check_entries(entry(number), entry(number + 1), entry(number, memo="again"))


def test_numbers_may_skip_and_change_places() -> None:
    check_entries(*(entry(number) for number in (5, 3, 2**63 - 1, 4, 1024, 1023, 1)))


def test_a_reversal_is_of_an_entry_before_it() -> None:
    with pytest.raises(Wrong, match=r"\(entry 2\): it reverses entry 3, which does not stand"):
        check_entries(entry(1), reversal(2, entry(3)), entry(3))
    with pytest.raises(Wrong, match=r"\(entry 2\): it reverses entry 2, which does not stand"):
        check_entries(entry(1), reversal(2, entry(2)))


def test_a_reversal_is_the_opposite() -> None:
    first = entry(1)
    other = reversal(3, first)["postings"]
    other[0][3] -= 1
    other[1][3] += 1
    with pytest.raises(Wrong, match="Entry 3 reverses entry 1, but its postings are not the oppo"):
        check_entries(
            first,
            entry(2),
            reversal(3, first, postings=other, figures=[["core", "USD", "received", other[2][3]]]),
        )


def test_an_entry_is_reversed_once() -> None:
    first = entry(1)
    with pytest.raises(Wrong, match="it reverses entry 1, which entry 2 reverses already"):
        check_entries(first, reversal(2, first), reversal(3, first))


def test_a_reversal_can_be_reversed() -> None:
    first = entry(1)
    second = reversal(2, first)
    found = check_entries(first, second, reversal(3, second))
    assert (found.reversals, found.available) == (2, {("core", "USD"): 9680})


def test_words_that_look_like_a_number_do_not_confuse_a_reversal() -> None:
    first = entry(1, memo=',"number":7,', kind='","number":7,')
    seventh = entry(
        7, postings=[["core", "bank", "USD", 1], ["core", "clearing", "USD", -1]], figures=[]
    )
    check_entries(first, seventh, reversal(8, seventh), reversal(9, first))


def test_figures_and_accounts_lead_to_one_number() -> None:
    more = [["core", "USD", "received", 10001], ["core", "USD", "fees", 320]]
    with pytest.raises(
        Wrong,
        match=r"Pool core: the figures say 9681 USD \(minor units\) is available, the accounts say"
        " 9680",
    ):
        check_entries(entry(1, figures=more))
    with pytest.raises(Wrong, match="the figures say 0 USD"):
        check_entries(entry(1, figures=[]))
    moved = [["kids", "USD", "received", 10000], ["kids", "USD", "fees", 320]]
    with pytest.raises(Wrong, match="Pool core: the figures say 0 USD"):
        check_entries(entry(1, figures=moved))


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        *((name, 1) for name in ("opening", "received", "exchange", "transfers", "returned")),
        *((name, -1) for name in ("refunded", "held", "lost", "fees", "expenses", "disbursed")),
        *((name, -1) for name in ("committed", "owed_back", "paid_ahead")),
    ],
)
def test_each_figure_counts_its_way(name: str, sign: int) -> None:
    rows = [["core", "bank", "USD", sign * 7], ["core", "contributions", "USD", -sign * 7]]
    found = check_entries(entry(1, postings=rows, figures=[["core", "USD", name, 7]]))
    assert found.available == {("core", "USD"): sign * 7}


@pytest.mark.parametrize(
    ("account", "counts"),
    [
        ("bank", True),
        ("clearing", True),
        ("in-transit", True),
        ("grants-payable", True),
        ("credits-payable", True),
        ("unallocated-receipts", True),
        ("deferred-dues", True),
        ("dues-receivable", True),
        ("contributions-receivable", False),
        ("disputed-funds", False),
        ("advances", False),
    ],
)
def test_each_account_counts_or_does_not(account: str, counts: bool) -> None:
    rows = [["core", account, "USD", 7], ["core", "fund-balance", "USD", -7]]
    figures = [["core", "USD", "opening", 7]] if counts else []
    check_entries(entry(1, postings=rows, figures=figures))


# --- Private parts --------------------------------------------------------------------------------


def private_file(
    numbers: Sequence[int], change: Callable[[dict[str, Any]], None] | None = None
) -> bytes:
    """The auditor's file; ``change`` spoils its last line."""
    lines = [reference.private_line(number) for number in numbers]
    if change:
        change(lines[-1])
    return b"".join(public(line) + b"\n" for line in lines)


@pytest.fixture(scope="module")
def numbers() -> list[int]:
    return [found["number"] for found in reference.some_entries(20)]


def test_private_parts_of_all_or_some_entries_hold(log: Log, numbers: list[int]) -> None:
    for chosen in (numbers, numbers[5:9], numbers[::3], numbers[-1:], []):
        found = check(log.download(20), log.checkpoint(20), private=private_file(chosen))
        assert found.private_parts == len(chosen)


def test_private_parts_in_another_order_or_of_no_entry_are_noticed(
    log: Log, numbers: list[int]
) -> None:
    for chosen in (numbers[::-1], [*numbers, 999], [numbers[0], numbers[0]]):
        with pytest.raises(Wrong, match=r"Private parts, line \d+: entry \d+ is not in the down"):
            check(log.download(20), log.checkpoint(20), private=private_file(chosen))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line: line.update(salt="0" * 64), "not the private part of entry"),
        (lambda line: line["private"].update(prepared_by=""), "not the private part of entry"),
        (lambda line: line["private"].update(approved_by=[]), "not the private part of entry"),
        (lambda line: line.update(salt="0" * 63), "salt is not 64"),
        (lambda line: line.update(salt="A" * 64), "salt is not 64"),
        (lambda line: line.update(salt=0), "salt is not 64"),
        (lambda line: line.update(more=1), "its members are not"),
        (lambda line: line["private"].update(more=1), "the private part's members"),
        (lambda line: line.update(private=None), "the private part's members"),
        (lambda line: line.update(number=0), "number is not"),
        (lambda line: line["private"].update(approved_by="user:5"), "approved_by"),
        (lambda line: line["private"].update(approved_by=[5]), "approved_by"),
        (lambda line: line["private"].update(key=None), "key or prepared_by"),
    ],
)
def test_a_private_part_that_is_another_is_noticed(
    log: Log, numbers: list[int], change: Callable[[dict[str, Any]], None], words: str
) -> None:
    private = private_file(numbers[:3], change)
    with pytest.raises(Wrong, match=rf"Private parts, line 3: .*{words}"):
        check(log.download(20), log.checkpoint(20), private=private)


def test_every_changed_byte_of_a_private_part_is_noticed(log: Log, numbers: list[int]) -> None:
    private = private_file(numbers[2:4])
    for at, byte in enumerate(private):
        for mask in (1, 0xFF):
            changed = private[:at] + bytes([byte ^ mask]) + private[at + 1 :]
            with pytest.raises(Wrong):
                check(log.download(5), log.checkpoint(5), private=changed)
