"""Whatever is written in an entry stands there as it was written, singly and in bulk."""

import dataclasses

import pytest

from core.transactions import use_case
from funding.ledger.models import Entry
from funding.ledger.posting import post, post_many
from tests.factories.ledger import gift_entry, make_pool

TEXTS = [
    'Says "thanks"',
    "back\\slash, \\x41 and {braces}",
    "NULL",
    "",
    "l'été à 日本, €, 🙂",
    "two\nlines\tand a tab",
    "100 %s, %(name)s",
    "'; DROP TABLE ledger_entry; --",
]


def odd(text, number):
    entry = gift_entry(make_pool())
    return dataclasses.replace(
        entry,
        key=f"{number}:{text}",
        memo=text,
        source=text,
        prepared_by=text,
        approved_by=(text, "user:2"),
    )


@pytest.mark.django_db
@pytest.mark.parametrize("in_bulk", [False, True], ids=["singly", "in bulk"])
def test_any_text_comes_back_as_it_went_in(in_bulk):
    entries = [odd(text, number) for number, text in enumerate(TEXTS)]
    with use_case():
        posted = post_many(entries) if in_bulk else [post(entry) for entry in entries]
    for entry, answer in zip(entries, posted, strict=True):
        stands = Entry.objects.get(pk=answer.entry_id)
        assert stands.idempotency_key == entry.key
        assert (stands.memo, stands.source, stands.prepared_by) == (entry.memo,) * 3
        assert stands.approved_by == [entry.memo, "user:2"]
        assert len(stands.salt) == 32
