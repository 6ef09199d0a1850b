"""Posting many facts at once: the same rules, all of them or none."""

import dataclasses
import datetime

import pytest

from core.transactions import use_case
from funding.ledger import queries, templates
from funding.ledger.models import Entry, Period
from funding.ledger.posting import post_many
from funding.ledger.refusals import (
    IdempotencyConflict,
    TooFewPostings,
    Unbalanced,
    UnknownAccount,
    UnknownFigure,
    ZeroPosting,
)
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now

pytestmark = pytest.mark.django_db


def post_all(entries):
    with use_case():
        return post_many(entries)


def test_entries_of_several_pools_months_and_currencies_stand_as_if_posted_singly():
    pools = [make_pool(currency=currency) for currency in ("USD", "JPY", "KWD")]
    entries = [
        gift_entry(pool, 1_000 + number, number, date=datetime.date(2026, month, 5))
        for number, (pool, month) in enumerate((p, m) for p in pools for m in (2, 3, 4))
    ]
    posted = post_all(entries)

    assert [p.replayed for p in posted] == [False] * 9
    assert len({p.entry_id for p in posted}) == 9
    for entry, answer in zip(entries, posted, strict=True):
        stands = Entry.objects.get(pk=answer.entry_id)
        assert (stands.idempotency_key, stands.period.month.month) == (entry.key, entry.date.month)
    for pool in pools:
        singly = make_pool(currency=pool.currency)
        for entry in entries:
            if entry.lines[0].pool == pool.code:
                post_now(
                    gift_entry(
                        singly, entry.figures[0].amount,
                        entry.figures[1].amount if len(entry.figures) > 1 else 0,
                        date=entry.date,
                    )
                )  # fmt: skip
        assert queries.balances(pool, pool.currency) == queries.balances(singly, pool.currency)
        assert queries.figures(pool, pool.currency) == queries.figures(singly, pool.currency)


def test_what_stands_already_is_not_posted_again_singly_or_in_bulk():
    pool = make_pool()
    first, second = gift_entry(pool), gift_entry(pool)
    stands = post_now(first)

    posted = post_all([first, second, second])

    assert [p.replayed for p in posted] == [True, False, True]
    assert posted[0].entry_id == stands.entry_id
    assert posted[1].entry_id == posted[2].entry_id
    assert post_now(second).replayed
    assert queries.figures(pool, "USD")["received"] == 20_000


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"lines": ()}, TooFewPostings),
        ({"memo": "Other words"}, IdempotencyConflict),
    ],
)
def test_one_wrong_entry_keeps_all_of_them_out(change, refusal):
    pool = make_pool()
    known = gift_entry(pool)
    post_now(known)
    with pytest.raises(refusal):
        post_all([gift_entry(pool), dataclasses.replace(known, **change)])
    assert Entry.objects.count() == 1
    assert queries.figures(pool, "USD")["received"] == 10_000


def test_each_rule_holds_in_bulk():
    pool = make_pool()
    good = gift_entry(pool)
    line = good.lines[0]
    wrong = {
        Unbalanced: {"lines": (*good.lines[:-1], dataclasses.replace(good.lines[-1], amount=-1))},
        UnknownAccount: {"lines": (*good.lines, dataclasses.replace(line, account="sofa"))},
        ZeroPosting: {
            "lines": (*good.lines, dataclasses.replace(line, account="bank", amount=0)),
        },
        UnknownFigure: {"figures": (dataclasses.replace(good.figures[0], name="luck"),)},
    }
    for refusal, change in wrong.items():
        with pytest.raises(refusal):
            post_all([dataclasses.replace(good, **change)])
    assert not Entry.objects.exists()


def test_decisions_and_reversals_are_not_for_bulk():
    pool = make_pool()
    about = {"key": "k", "pool": pool.code, "currency": "USD", "date": A_DAY}
    with pytest.raises(ValueError, match="one by one"):
        post_all([templates.grant_committed(amount=1, **about)])
    entry = post_now(gift_entry(pool))
    with pytest.raises(ValueError, match="one by one"):
        post_all([dataclasses.replace(gift_entry(pool), reverses=entry.entry_id)])


def test_an_import_of_nothing_is_nothing():
    assert post_all([]) == []
    assert not Period.objects.exists()
