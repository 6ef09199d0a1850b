"""The auditor's pack: the books of some months in one ZIP, with everyone's names in it.

For treasurer and auditor alone (`funding.transparency.permissions`). It is written while it is sent,
from one state of the books, so its files agree with each other whatever is posted meanwhile, and
memory does not grow with the ledger. What the files are: docs/operating.md.
"""

from collections.abc import Iterable, Iterator

from django.utils import translation

from funding.ledger import checkpoints
from funding.transparency.audit_pack import books, series, tables
from funding.transparency.audit_pack.archive import zipped
from funding.transparency.audit_pack.entries import LATE_DAYS
from funding.transparency.audit_pack.facts import Facts
from funding.transparency.audit_pack.paper import audit_pack_pdf
from funding.transparency.audit_pack.readme import readme
from funding.transparency.audit_pack.snapshot import Months, one_state

__all__ = ["LATE_DAYS", "Months", "file_name", "stream"]


def file_name(months: Months) -> str:
    """How the pack is called where it is saved: ``audit-pack-2026-01-to-2026-03.zip``."""
    return f"audit-pack-{months}.zip"


def stream(
    months: Months, *, by: str, language: str, late_days: int = LATE_DAYS
) -> Iterator[bytes]:
    """The pack in pieces, made as they are asked for, in a transaction of its own.

    ``by`` is the name of whom it is made for; ``language`` that of README and PDF (the tables'
    columns have one language). Closing the iterator ends the transaction.
    """
    with one_state() as now:
        facts = Facts(
            months=months,
            late_days=late_days,
            made_at=now,
            made_by=by,
            language=language,
            checkpoint=checkpoints.published(),
            extent=books.extent(months),
            accounts=books.trial_balance(months),
            series=series.all_series(),
            entry_numbers=series.entry_numbers(),
        )
        yield from zipped(_files(facts), now)


def _files(facts: Facts) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Name and content of each file; the content is read when its turn comes."""
    with translation.override(facts.language):
        about = readme(facts).encode()
    yield "README.txt", [about]
    yield "trial-balance.csv", tables.trial_balance(facts.accounts)
    yield "general-ledger.csv", tables.general_ledger(facts.months, facts.accounts)
    yield "journal.csv", tables.journal(facts.months)
    yield "merged-donors.csv", tables.merged_donors()
    yield "number-series.csv", tables.number_series(facts.series, facts.entry_numbers)
    yield "late-entries.csv", tables.late_entries(facts.months, facts.late_days)
    if facts.checkpoint is not None:
        yield "private.jsonl", tables.private_parts(facts.months, facts.checkpoint)
        yield "entries.jsonl", tables.public_entries(facts.checkpoint)
        yield "checkpoint", tables.signed_checkpoint(facts.checkpoint)
        yield "keys.txt", tables.verifier_keys()
    # Last, since it is made whole and takes some seconds.
    with translation.override(facts.language):
        paper = audit_pack_pdf(facts)
    yield "audit-pack.pdf", [paper]
