"""The pack as a PDF, in the reader's language."""

import datetime
import itertools
from collections.abc import Iterable, Iterator, Sequence

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.money import format_minor
from core.pdf import Column, Report, Section, Table, Tall, render
from funding.ledger import notes
from funding.transparency import labels
from funding.transparency.audit_pack import books, entries
from funding.transparency.audit_pack.books import AccountLine, LedgerLine
from funding.transparency.audit_pack.entries import EntryFacts
from funding.transparency.audit_pack.facts import (
    LATE_LIMIT,
    POSTINGS_LIMIT,
    Facts,
    count,
    findings,
    period_in_words,
    state_in_words,
)
from funding.transparency.audit_pack.series import LOG


def audit_pack_pdf(facts: Facts) -> bytes:
    """The PDF, set in the language in force, of which ``facts.language`` is the code."""
    report: Report = {
        "language": facts.language.split("-")[0],
        "title": _("Auditor’s pack"),
        "subtitle": period_in_words(facts.months),
        "issued": facts.made_at.date(),
        "facts": list(_cover(facts)),
        "notes": list(findings(facts)),
        "sections": list(_sections(facts)),
        "page": _("Page %(page)s of %(pages)s"),
    }
    return render("report", report)


# --- The first page -------------------------------------------------------------------------------


def _cover(facts: Facts) -> Iterator[tuple[str, str]]:
    yield _("State of the months"), state_in_words(facts.extent)
    made_at = facts.made_at.astimezone(datetime.UTC)
    yield (
        _("Made"),
        _("%(moment)s UTC, by %(person)s")
        % {"moment": formats.date_format(made_at, "DATETIME_FORMAT"), "person": facts.made_by},
    )
    yield (
        _("Holds"),
        _("%(entries)s entries with %(postings)s postings")
        % {"entries": count(facts.extent.entries), "postings": count(facts.extent.postings)},
    )
    if facts.checkpoint is None:
        yield _("Checkpoint"), _("None is published yet.")
    else:
        yield _("Checkpoint, size"), count(facts.checkpoint.size)
        yield _("Checkpoint, root hash"), notes.base64_of(bytes(facts.checkpoint.root))


# --- Sections -------------------------------------------------------------------------------------


def _sections(facts: Facts) -> Iterator[Section]:
    yield _trial_balance(facts)
    yield _late_entries(facts)
    yield _number_series(facts)
    if facts.fits_on_paper:
        yield _journal(facts)
        yield _general_ledger(facts)
    else:
        yield {
            "title": _("Journal and general ledger"),
            "notes": [
                _(
                    "The period has %(postings)s postings, more than this paper shows (%(limit)s). "
                    "They are all in journal.csv and general-ledger.csv."
                )
                % {
                    "postings": count(facts.extent.postings),
                    "limit": count(POSTINGS_LIMIT),
                }
            ],
            "tables": [],
        }


def _trial_balance(facts: Facts) -> Section:
    tables: list[Table] = []
    for group in books.by_pool(facts.accounts):
        rows = [
            [f"{labels.account(line.code)} ({line.code})", *_amounts(line)]
            for line in group.accounts
        ]
        tables.append(
            {
                "title": f"{group.pool_name} ({group.pool}), {group.currency}",
                "columns": [
                    _text(_("Account"), wide=True),
                    _amount(_("Opening")),
                    _amount(_("Debit")),
                    _amount(_("Credit")),
                    _amount(_("Closing")),
                ],
                "rows": rows,
                "total": [_("Total"), *_amounts(group.total)],
            }
        )
    note = _("A balance is positive where it is a debit, and negative where it is a credit.")
    empty = [] if tables else [_("No account has moved up to the end of this period.")]
    return {"title": _("Trial balance"), "notes": [note, *empty], "tables": tables}


def _amounts(line: AccountLine) -> list[str]:
    return [
        format_minor(amount, line.currency)
        for amount in (line.opening, line.debit, line.credit, line.closing)
    ]


def _late_entries(facts: Facts) -> Section:
    found = list(
        itertools.islice(entries.late_entries(facts.months, facts.late_days), LATE_LIMIT + 1)
    )
    shown = found[:LATE_LIMIT]
    said = [
        ngettext(
            "Entries that were recorded more than %(days)s day after their event, or that stand in "
            "a later month than their event.",
            "Entries that were recorded more than %(days)s days after their event, or that stand "
            "in a later month than their event.",
            facts.late_days,
        )
        % {"days": count(facts.late_days)}
    ]
    if not found:
        said.append(_("There are none."))
    if len(found) > len(shown):
        said.append(
            _("Only the first %(count)s are shown here; late-entries.csv has them all.")
            % {"count": count(len(shown))}
        )
    columns = [
        _number(_("Entry")),
        _text(_("Event")),
        _text(_("Recorded")),
        _number(_("Days")),
        _text(_("Month")),
        _text(_("What it is"), wide=True),
        _amount(_("Debit")),
        _text(_("Currency")),
    ]
    rows = [
        [
            str(line.entry.number),
            line.entry.effective_date.isoformat(),
            _day(line.entry.recorded_at),
            count(line.days),
            f"{line.entry.month:%Y-%m}",
            _about(line.entry),
            format_minor(line.debit, line.currency),
            line.currency,
        ]
        for line in shown
    ]
    tables = [_table(columns, rows)] if rows else []
    return {"title": _("Late entries"), "notes": said, "tables": tables}


def _number_series(facts: Facts) -> Section:
    columns = [
        _text(_("Series"), wide=True),
        _number(_("First")),
        _number(_("Last")),
        _number(_("How many")),
        _number(_("Missing")),
    ]
    rows = []
    for series in facts.series:
        missing = count(series.missing)
        if series.gaps:
            missing += f" ({_runs(series.gaps)})"
        first, last = _or_none(series.first), _or_none(series.last)
        rows.append([_series_name(series.name), first, last, count(series.count), missing])
    numbers = facts.entry_numbers
    said = [
        _(
            "These series are numbered without gaps, each as a whole, whatever the period. The log "
            "is counted from 0: an entry takes its place there about a minute after it was "
            "committed, in an order that is signed and published."
        ),
        _(
            "The numbers of entries are no such series. A number is taken before it is known "
            "whether the entry will be accepted, and one that was refused leaves its number unused. "
            "So far there are %(count)s entries up to number %(last)s: %(skipped)s numbers are "
            "unused, and %(unsealed)s entries wait for their place in the log."
        )
        % {
            "count": count(numbers.count),
            "last": numbers.last or 0,
            "skipped": count(numbers.skipped),
            "unsealed": count(numbers.unsealed),
        },
    ]
    return {"title": _("Number series"), "notes": said, "tables": [_table(columns, rows)]}


def _series_name(name: str) -> str:
    prefix, _dash, year = name.partition("-")
    words = {
        LOG: _("Log of sealed entries"),
        "INV": _("Invoices"),
        "RCT": _("Receipts"),
        "CRN": _("Credit notes"),
        "PRQ": _("Payment requests"),
    }
    return f"{words[prefix]} {year}".strip() if prefix in words else name


def _runs(gaps: Iterable[tuple[int, int]]) -> str:
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in gaps)


def _journal(facts: Facts) -> Section:
    columns = [
        _number(_("Entry")),
        _text(_("Event and record")),
        _text(_("What it is"), wide=True),
        _text(_("Pool")),
        _text(_("Account")),
        _amount(_("Debit")),
        _amount(_("Credit")),
        _text(_("Currency")),
    ]
    rows: list[list[str | Tall]] = []
    postings = entries.journal(facts.months)
    for entry, lines_of in itertools.groupby(postings, lambda line: line.entry):
        lines = list(lines_of)
        place = _("log %(place)s") % {"place": entry.place} if entry.place is not None else ""
        whole = (
            "\n".join(filter(None, [str(entry.number), place])),
            f"{entry.effective_date.isoformat()}\n{_day(entry.recorded_at)}",
            _about(entry),
        )
        for index, line in enumerate(lines):
            beside: list[str | Tall] = [Tall(text=text, rows=len(lines)) for text in whole]
            posting: list[str | Tall] = [
                line.pool,
                labels.account(line.account),
                *_debit_and_credit(line.amount, line.currency),
                line.currency,
            ]
            rows.append([*(beside if index == 0 else []), *posting])
    note = _(
        "Each entry with the day of its event and, below it, the day on which it was recorded (UTC)."
    )
    tables = [_table(columns, rows)] if rows else []
    return {"title": _("Journal"), "notes": [note], "tables": tables}


def _about(entry: EntryFacts) -> str:
    """What an entry is: its kind and memo, whom it is about, who made it, what it reverses."""
    said = [labels.entry_kind(entry.kind)]
    if entry.memo:
        said.append(entry.memo)
    if entry.reverses is not None:
        said.append(_("Reverses entry %(number)s") % {"number": entry.reverses})
    if entry.party.reference:
        said.append(_with_reference(entry.party.name, entry.party.reference))
    signed = entry.signatures
    if signed.prepared_by:
        person = _with_reference(signed.prepared_by_name, signed.prepared_by)
        said.append(_("Prepared by %(person)s") % {"person": person})
    if signed.approved_by:
        people = ", ".join(map(_with_reference, signed.approved_by_names, signed.approved_by))
        said.append(_("Approved by %(people)s") % {"people": people})
    return "\n".join(said)


def _with_reference(name: str, reference: str) -> str:
    return f"{name} ({reference})" if name else reference


def _general_ledger(facts: Facts) -> Section:
    tables = []
    for account, lines in books.general_ledger(facts.months, facts.accounts):
        tables.append(_account_table(account, lines))
    return {"title": _("General ledger"), "notes": [], "tables": tables}


def _account_table(account: AccountLine, lines: Iterable[LedgerLine]) -> Table:
    currency = account.currency
    opening = ["", "", "", _("Opening balance"), "", "", format_minor(account.opening, currency)]
    postings = [
        [
            str(line.entry),
            line.effective_date.isoformat(),
            _day(line.recorded_at),
            "\n".join(filter(None, [labels.entry_kind(line.kind), line.memo])),
            *_debit_and_credit(line.amount, currency),
            format_minor(line.balance, currency),
        ]
        for line in lines
    ]
    sums = (account.debit, account.credit, account.closing)
    return {
        "title": f"{account.pool} · {labels.account(account.code)} ({account.code}) · {currency}",
        "columns": [
            _number(_("Entry")),
            _text(_("Event")),
            _text(_("Recorded")),
            _text(_("What it is"), wide=True),
            _amount(_("Debit")),
            _amount(_("Credit")),
            _amount(_("Balance")),
        ],
        "rows": [opening, *postings],
        "total": [
            "", "", "", _("Closing balance"), *(format_minor(sum_, currency) for sum_ in sums),
        ],
    }  # fmt: skip


# --- Cells ----------------------------------------------------------------------------------------


def _text(label: str, *, wide: bool = False) -> Column:
    return {"label": label, "number": False, "width": "rest" if wide else "fitting"}


def _number(label: str) -> Column:
    return {"label": label, "number": True, "width": "fitting"}


def _amount(label: str) -> Column:
    return {"label": label, "number": True, "width": "amount"}


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str | Tall]]) -> Table:
    return {"title": "", "columns": columns, "rows": rows, "total": []}


def _debit_and_credit(amount: int, currency: str) -> list[str]:
    size = format_minor(abs(amount), currency)
    return [size if amount > 0 else "", size if amount < 0 else ""]


def _day(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).date().isoformat()


def _or_none(number: int | None) -> str:
    return "–" if number is None else str(number)
