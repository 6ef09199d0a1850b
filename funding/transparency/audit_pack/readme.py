"""README.txt of the pack: what each file is, and how to check it, in the reader's language."""

import textwrap
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from funding.transparency.audit_pack.facts import Facts, count, findings, period_in_words

_WIDTH = 78
_CHECK = (
    "python verify_ledger.py download entries.jsonl --checkpoint checkpoint"
    " --keys keys.txt --private private.jsonl"
)


def readme(facts: Facts) -> str:
    """The text, in the language in force."""
    title = f"{_('Auditor’s pack')}: {period_in_words(facts.months)}"
    parts = [
        f"{settings.SITE_NAME}\n{title}\n{'=' * len(title)}",
        _wrapped(
            _(
                "This pack names everyone: donors who gave anonymously, and the staff who prepared "
                "and approved entries. Keep it as you keep personal data, and delete it when the "
                "audit is done."
            )
        ),
        "\n".join(_wrapped(f"- {finding}", indent="  ") for finding in findings(facts)),
        "\n\n".join(
            f"{name}\n{_wrapped(text, indent='  ', first='  ')}" for name, text in _files(facts)
        ),
        _wrapped(
            _(
                "Amounts in the tables are in the main unit of their currency, a debit positive. "
                "Times are UTC. A text that a spreadsheet would run as a formula has an apostrophe "
                "before it. A month is that in whose books an entry stands, so what is closed stays "
                "as it is. All files show one moment of the books."
            )
        ),
    ]
    if facts.checkpoint is not None:
        parts.append(_how_to_check())
    return "\n\n".join(parts) + "\n"


def _files(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "audit-pack.pdf", _("The same for reading.")
    yield (
        "trial-balance.csv",
        _(
            "Each account with its opening balance, debits, credits and closing balance. The total "
            "of each pool and currency opens and closes at zero."
        ),
    )
    yield (
        "general-ledger.csv",
        _("Account by account: opening balance, every posting, closing balance."),
    )
    yield (
        "journal.csv",
        _(
            "Every entry in order of its number: its postings, whom it is about, who prepared and "
            "who approved it, and its place in the log (log_index)."
        ),
    )
    yield (
        "late-entries.csv",
        _(
            "Entries recorded more than %(days)s days after their event, or standing in a later "
            "month than their event."
        )
        % {"days": count(facts.late_days)},
    )
    yield (
        "merged-donors.csv",
        _("Donors who turned out to be one: which reference stands for which since when."),
    )
    yield (
        "number-series.csv",
        _(
            "Every series that is numbered without gaps, and each gap (there should be none). Rows "
            "“entry-numbers” and “unsealed” are for information: a number that was refused is "
            "never used again, and a new entry takes its place in the log after about a minute."
        ),
    )
    if facts.checkpoint is not None:
        yield "entries.jsonl", _("The public form of every entry ever sealed, as published.")
        yield "checkpoint", _("The signed statement that these are the entries, as published.")
        yield "keys.txt", _("The public keys of the log and of its witnesses, as published.")
        yield (
            "private.jsonl",
            _(
                "For each sealed entry of the period, what its public form hides behind a salted "
                "hash: who prepared and who approved it, and the key of the fact behind it."
            ),
        )


def _how_to_check() -> str:
    words = _(
        "To check the log, its books and the names in private.jsonl without trusting the "
        "foundation, take verify_ledger.py from the portal's source code (one file; it needs Python "
        "and its package “cryptography”), compare keys.txt with a copy that you got in another way, "
        "and run this as one line:"
    )
    return f"{_wrapped(words)}\n\n  {_CHECK}"


def _wrapped(text: str, *, indent: str = "", first: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False
    )
