"""A pool with accounts in several currencies: each is a set of books of its own, whole by itself."""

import dataclasses
import datetime
from typing import Any

import pytest
from django.db import connection

from core.transactions import use_case
from funding.ledger import balances, queries, templates
from funding.ledger.chart import AVAILABLE, CHART
from funding.ledger.entries import FigureLine, Line, NewEntry
from funding.ledger.models import Account, Entry, Pool
from funding.ledger.periods import close_month, close_year
from funding.ledger.pools import open_accounts
from funding.ledger.posting import post_many, reverse
from funding.ledger.refusals import NotEnoughAvailable, Unbalanced, UnknownAccount
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.membership import make_officer

# With two decimals, three and none.
CURRENCIES = ("USD", "KWD", "JPY")
FEBRUARY, MARCH = datetime.date(2026, 2, 1), datetime.date(2026, 3, 1)


@pytest.fixture
def pool(db: None) -> Pool:
    """A pool of dollars with accounts in dinars and yen; 96.80, 1.500 and 700 of them available."""
    made = a_pool(name="Core software")
    post_now(gift_entry(made, 10_000, 320))
    post_now(gift_entry(made, 1_600, 100, currency="KWD"))
    post_now(gift_entry(made, 700, 0, currency="JPY"))
    return made


def a_pool(name: str = "A pool") -> Pool:
    return make_pool(name=name, currency="USD", also=("KWD", "JPY"))


def available(pool: Pool) -> dict[str, int]:
    """What stands in each currency by the figures, which the accounts must bear out (rule 5)."""
    found = {}
    for currency in CURRENCIES:
        found[currency] = queries.available_from_figures(queries.figures(pool, currency))
        by_accounts = queries.available_from_accounts(queries.balances(pool, currency))
        assert found[currency] == by_accounts, currency
    return found


def about(pool: Pool, currency: str, key: str = "k") -> dict[str, Any]:
    return {"key": key, "pool": pool.code, "currency": currency, "date": A_DAY}


def sold(pool: Pool, dollars: int, dinars: int, **changes: Any) -> NewEntry:
    """Dollars of the pool changed into dinars: what one currency loses, another wins.

    Each side meets the exchange account of its own currency, so that the entry balances in both.
    """
    entry = NewEntry(
        key="sold",
        kind="test-exchange",
        date=A_DAY,
        lines=(
            Line(pool.code, "bank", "USD", -dollars),
            Line(pool.code, "exchange-difference", "USD", dollars),
            Line(pool.code, "bank", "KWD", dinars),
            Line(pool.code, "exchange-difference", "KWD", -dinars),
        ),
        figures=(
            FigureLine(pool.code, "USD", "exchange", -dollars),
            FigureLine(pool.code, "KWD", "exchange", dinars),
        ),
    )
    return dataclasses.replace(entry, **changes)


class TestOpening:
    def test_every_currency_has_the_whole_chart(self, pool: Pool) -> None:
        kinds = pool.accounts.values_list("currency", "code", "kind")
        assert sorted(kinds) == sorted(
            (currency, code, kind) for currency in CURRENCIES for code, kind in CHART.items()
        )

    def test_opening_one_again_keeps_its_accounts_and_what_stands_on_them(self, pool: Pool) -> None:
        before = set(pool.accounts.values_list("pk", flat=True)), available(pool)
        with use_case():
            open_accounts(pool, "KWD")
        assert (set(pool.accounts.values_list("pk", flat=True)), available(pool)) == before

    def test_accounts_that_are_missing_are_added_to_those_that_are_there(self, db: None) -> None:
        pool = make_pool()
        Account.objects.create(
            pool=pool, pool_code=pool.code, code="bank", kind=CHART["bank"], currency="KWD"
        )
        with use_case():
            open_accounts(pool, "KWD")
        assert pool.accounts.filter(currency="KWD").count() == len(CHART)

    def test_a_currency_that_was_not_opened_is_refused(self, pool: Pool) -> None:
        with pytest.raises(UnknownAccount, match="in EUR"):
            post_now(gift_entry(pool, currency="EUR"))
        assert queries.figures(pool, "EUR")["received"] == 0


class TestWhatStands:
    def test_balances_and_figures_are_of_one_currency(self, pool: Pool) -> None:
        assert queries.balances(pool, "USD") == {
            "clearing": 9_680, "fees": 320, "contributions": -10_000,
        }  # fmt: skip
        assert queries.balances(pool, "KWD") == {
            "clearing": 1_500, "fees": 100, "contributions": -1_600,
        }  # fmt: skip
        assert queries.balances(pool, "JPY") == {"clearing": 700, "contributions": -700}
        fed = {
            currency: (figures["received"], figures["fees"])
            for currency in CURRENCIES
            if (figures := queries.figures(pool, currency))
        }
        assert fed == {"USD": (10_000, 320), "KWD": (1_600, 100), "JPY": (700, 0)}
        assert available(pool) == {"USD": 9_680, "KWD": 1_500, "JPY": 700}

    def test_the_balance_of_an_account_is_of_its_currency_and_a_pools_of_its_own(
        self, pool: Pool
    ) -> None:
        clearing = pool.accounts.filter(code="clearing")
        assert {account.currency: queries.balance(account) for account in clearing} == {
            "USD": 9_680, "KWD": 1_500, "JPY": 700,
        }  # fmt: skip
        assert queries.balance(pool) == 9_680

    def test_the_figures_of_all_pools_are_apart_by_currency(self, pool: Pool) -> None:
        other = a_pool()
        post_now(gift_entry(other, 5, 0, currency="KWD"))
        found = queries.figures_of_all_pools()
        assert {book: figures["received"] for book, figures in found.items()} == {
            (pool.pk, "USD"): 10_000,
            (pool.pk, "KWD"): 1_600,
            (pool.pk, "JPY"): 700,
            (other.pk, "KWD"): 5,
        }

    def test_one_history_in_each_currency_stands_there_at_its_own_scale(self, db: None) -> None:
        """Every kind of gift, charge, refund and dispute, once for each unit of the scale."""
        pool = a_pool()
        scales = {"USD": 1, "KWD": 1_000, "JPY": 7}
        for currency, scale in scales.items():
            for number, entry in enumerate(
                [
                    templates.opening_balance(amount=5 * scale, **about(pool, currency)),
                    templates.card_gift(gross=90 * scale, fee=3 * scale, **about(pool, currency)),
                    templates.payout_created(
                        parts={pool.code: 80 * scale}, **about(pool, currency)
                    ),
                    templates.payout_arrived(
                        parts={pool.code: 70 * scale}, **about(pool, currency)
                    ),
                    templates.dues_invoice_issued(amount=12 * scale, **about(pool, currency)),
                    templates.dues_paid_by_bank(amount=12 * scale, **about(pool, currency)),
                    templates.dues_earned(amount=scale, **about(pool, currency)),
                    templates.refunded(
                        amount=9 * scale, paid="gift", place="bank", **about(pool, currency)
                    ),
                    templates.dispute_opened(amount=4 * scale, fee=scale, **about(pool, currency)),
                    templates.exchange_loss(
                        amount=2 * scale, place="bank", **about(pool, currency)
                    ),
                    templates.exchange_gain(amount=scale, place="bank", **about(pool, currency)),
                    templates.grant_committed(amount=20 * scale, **about(pool, currency)),
                    templates.disbursement_paid(amount=15 * scale, **about(pool, currency)),
                ]
            ):
                post_now(dataclasses.replace(entry, key=f"{currency}:{number}"))

        # 5 + 90 − 9 − 4 − (3 + 1) − 2 + 1 − 20 + (12 − 11 paid ahead)
        assert available(pool) == {currency: 58 * scale for currency, scale in scales.items()}
        for currency, scale in scales.items():
            for found, once in (
                (queries.balances(pool, currency), queries.balances(pool, "USD")),
                (queries.figures(pool, currency), queries.figures(pool, "USD")),
            ):
                assert found == {name: amount * scale for name, amount in once.items()}
        assert not list(balances.differences())

    def test_the_database_judges_what_is_available_in_the_currency_it_is_asked_for(
        self, pool: Pool
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT currency, public.ledger_available(%s, currency) FROM unnest(%s) currency",
                [pool.pk, [*CURRENCIES, "EUR"]],
            )
            assert dict(cursor.fetchall()) == {**available(pool), "EUR": 0}


class TestStatement:
    def test_it_tells_of_one_currency_which_is_the_pools_own_where_none_is_named(
        self, pool: Pool
    ) -> None:
        post_now(gift_entry(pool, 50, 0, currency="KWD", date=FEBRUARY))
        own, dinars = queries.statement(pool, MARCH), queries.statement(pool, MARCH, currency="KWD")

        assert (own.currency, dinars.currency) == ("USD", "KWD")
        assert own.figures["received"] == queries.Movement(0, 10_000)
        assert dinars.figures["received"] == queries.Movement(50, 1_600)
        assert dinars.accounts == {
            "clearing": queries.Movement(50, 1_500),
            "fees": queries.Movement(0, 100),
            "contributions": queries.Movement(-50, -1_600),
        }

    def test_a_closed_month_tells_the_same_in_every_currency_and_stays_so(self, pool: Pool) -> None:
        post_now(gift_entry(pool, 50, 0, currency="KWD", date=FEBRUARY))
        post_now(gift_entry(pool, 60, 0, currency="USD", date=FEBRUARY))
        months = [(month, currency) for month in (FEBRUARY, MARCH) for currency in CURRENCIES]

        def told() -> list[Any]:
            statements = [queries.statement(pool, m, currency=c) for m, c in months]
            return [(found.accounts, found.figures) for found in statements]

        before, stands = told(), available(pool)
        for month in (FEBRUARY, MARCH):
            with use_case():
                close_month(month, by=make_officer())
        assert (told(), available(pool)) == (before, stands)
        for currency in CURRENCIES:
            post_now(gift_entry(pool, 5, 0, currency=currency, date=FEBRUARY))  # late: April's
        assert told() == before
        assert available(pool) == {currency: stands[currency] + 5 for currency in CURRENCIES}
        assert not list(balances.differences())


class TestClosingAYear:
    LAST_YEAR = datetime.date(2025, 12, 5)

    def close(self) -> list[Entry]:
        with use_case():
            posted = close_year(2025, by=make_officer())
        return list(Entry.objects.filter(pk__in=[answer.entry_id for answer in posted]))

    def test_each_currency_that_moved_gets_an_entry_and_its_own_result(self, db: None) -> None:
        pool = a_pool()
        post_now(gift_entry(pool, 1_000, 50, date=self.LAST_YEAR))
        post_now(gift_entry(pool, 3_000, 0, currency="KWD", date=self.LAST_YEAR))
        figures = {currency: queries.figures(pool, currency) for currency in CURRENCIES}

        closing = self.close()

        assert {entry.idempotency_key for entry in closing} == {
            f"year-closed:2025:{pool.code}:USD",
            f"year-closed:2025:{pool.code}:KWD",
        }
        for entry in closing:
            assert {row.currency for row in entry.postings.all()} == {entry.idempotency_key[-3:]}
        left = queries.balances(pool, "USD")
        assert (left["contributions"], left["fees"], left["fund-balance"]) == (0, 0, -950)
        left = queries.balances(pool, "KWD")
        assert (left["contributions"], left["fund-balance"]) == (0, -3_000)
        assert queries.balances(pool, "JPY") == {}
        assert {c: queries.figures(pool, c) for c in CURRENCIES} == figures
        assert available(pool) == {"USD": 950, "KWD": 3_000, "JPY": 0}

    def test_what_another_currency_earned_does_not_make_up_for_a_loss(self, db: None) -> None:
        """In bare numbers the two results cancel out; in money they have nothing to do with it."""
        pool = a_pool()
        post_now(templates.bank_gift(amount=500, **about_last_year(pool, "USD")))
        post_now(templates.own_spending_paid(amount=500, **about_last_year(pool, "KWD")))
        self.close()
        assert queries.balances(pool, "USD")["fund-balance"] == -500
        assert queries.balances(pool, "KWD")["fund-balance"] == 500

    def test_the_kept_sums_are_right_once_a_year_with_fees_is_closed(self, db: None) -> None:
        """The account of fees is emptied, the figure of fees is not: two sums of one name."""
        pool = a_pool()
        post_now(gift_entry(pool, 1_000, 50, date=self.LAST_YEAR))
        self.close()
        assert list(balances.differences()) == []


def about_last_year(pool: Pool, currency: str) -> dict[str, Any]:
    key = f"last-year:{currency}"
    return {**about(pool, currency, key), "date": TestClosingAYear.LAST_YEAR}


class TestDecisions:
    @pytest.mark.parametrize(
        ("currency", "has", "words"),
        [
            ("KWD", 1_500, r"KWD.?1\.500 available\. This would take KWD.?1\.501"),
            ("JPY", 700, "¥700 available. This would take ¥701"),
        ],
    )
    def test_money_is_promised_by_what_is_there_in_the_same_currency(
        self, pool: Pool, currency: str, has: int, words: str
    ) -> None:
        """Dollars are there in plenty, and help nothing."""
        before = available(pool)
        with pytest.raises(NotEnoughAvailable, match=words):
            post_now(templates.grant_committed(amount=has + 1, **about(pool, currency)))
        post_now(templates.grant_committed(amount=has, **about(pool, currency)))
        assert available(pool) == {**before, currency: 0}

    def test_a_shortfall_in_one_currency_stops_no_promise_in_another(self, pool: Pool) -> None:
        post_now(templates.bank_charge(amount=2_000, **about(pool, "KWD", "charge")))
        assert available(pool)["KWD"] == -500
        post_now(templates.grant_committed(amount=9_680, **about(pool, "USD")))
        with pytest.raises(NotEnoughAvailable):
            post_now(templates.grant_committed(amount=1, **about(pool, "KWD", "dinar")))

    def test_a_transfer_moves_one_currency_and_is_judged_by_it(self, pool: Pool) -> None:
        other = a_pool()
        post_now(gift_entry(other, 90, 0))

        def transfer(amount: int) -> NewEntry:
            return templates.transfer_between_pools(
                amount=amount, to_pool=other.code, **about(pool, "KWD")
            )

        with pytest.raises(NotEnoughAvailable):
            post_now(transfer(1_501))
        post_now(transfer(1_500))
        assert available(pool) == {"USD": 9_680, "KWD": 0, "JPY": 700}
        assert available(other) == {"USD": 90, "KWD": 1_500, "JPY": 0}
        assert queries.figures(other, "KWD")["transfers"] == 1_500

    def test_a_pool_without_accounts_in_the_currency_takes_no_transfer_of_it(
        self, pool: Pool
    ) -> None:
        dollars_alone = make_pool()
        with pytest.raises(UnknownAccount, match="in KWD"):
            post_now(
                templates.transfer_between_pools(
                    amount=1, to_pool=dollars_alone.code, **about(pool, "KWD")
                )
            )
        assert available(pool)["KWD"] == 1_500


class TestExchange:
    """No template changes one currency into another yet; the ledger holds such an entry to rule 2."""

    @pytest.mark.parametrize("in_bulk", [False, True])
    def test_an_entry_in_two_currencies_balances_in_each(self, pool: Pool, in_bulk: bool) -> None:
        post(sold(pool, 1_000, 307), in_bulk)
        assert available(pool) == {"USD": 8_680, "KWD": 1_807, "JPY": 700}
        assert queries.balances(pool, "USD")["exchange-difference"] == 1_000
        assert queries.balances(pool, "KWD")["exchange-difference"] == -307
        assert not list(balances.differences())

    @pytest.mark.parametrize("in_bulk", [False, True])
    def test_one_currency_cannot_make_up_for_what_another_lacks(
        self, pool: Pool, in_bulk: bool
    ) -> None:
        """The numbers add up to zero; the money does not."""
        lines = (Line(pool.code, "bank", "USD", -1_000), Line(pool.code, "bank", "KWD", 1_000))
        before = available(pool)
        with pytest.raises(Unbalanced):
            post(sold(pool, 1, 1, lines=lines, figures=()), in_bulk)
        assert available(pool) == before

    def test_it_is_taken_back_in_both(self, pool: Pool) -> None:
        before = available(pool)
        entry = Entry.objects.get(pk=post_now(sold(pool, 1_000, 307)).entry_id)
        with use_case():
            reverse(entry, reason="Entered twice", by=make_officer(), date=A_DAY)
        assert available(pool) == before

    def test_where_we_decide_on_it_the_currency_that_is_sold_must_be_there(
        self, pool: Pool
    ) -> None:
        with pytest.raises(NotEnoughAvailable, match=r"\$96\.80 available"):
            post_now(sold(pool, 9_681, 3_000_000, decision=True))
        post_now(sold(pool, 9_680, 2_972, decision=True))
        assert available(pool) == {"USD": 0, "KWD": 4_472, "JPY": 700}


def post(entry: NewEntry, in_bulk: bool) -> None:
    if in_bulk:
        with use_case():
            post_many([entry])
    else:
        post_now(entry)


def test_bulk_entries_of_one_pool_in_several_currencies_stand_as_if_posted_singly(db: None) -> None:
    in_bulk, singly = a_pool(), a_pool()
    gifts = [(1_000 + n, n, currency) for n in range(3) for currency in CURRENCIES]
    with use_case():
        post_many([gift_entry(in_bulk, gross, fee, currency=c) for gross, fee, c in gifts])
    for gross, fee, currency in gifts:
        post_now(gift_entry(singly, gross, fee, currency=currency))
    for currency in CURRENCIES:
        assert queries.balances(in_bulk, currency) == queries.balances(singly, currency)
        assert queries.figures(in_bulk, currency) == queries.figures(singly, currency)
        assert set(queries.balances(in_bulk, currency)) & set(AVAILABLE)
