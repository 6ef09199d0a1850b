"""Every page and export says the same of the money, to the cent; and where one does not, it is said."""

import logging
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from funding.pools.addresses import pool_page
from funding.pools.models import PoolProfile
from funding.transparency.management.commands import verify_exports
from funding.transparency.management.commands.verify_exports import fetch
from portal.simulation.run import simulate
from tests.conftest import CommittedDatabase
from tests.factories.pools import open_pool
from tests.portal.test_simulation import MONTH, SMALL

CODE = "country-voices"
# Of each place that says a sum: what is put before an amount there to make it another one.
BEFORE_AN_AMOUNT = {
    pool_page(CODE): b'data-figure="received"><data value="',
    "/money/": b'data-figure="received"><data value="',
    "/ledger/entries.csv": b",country-voices,bank,",
    "/ledger/ledger.beancount": b' custom "figure" "country-voices" "received" ',
    f"/pools/{CODE}/statements/2026-09.json": b'["received",',
}
DIFFERENT = (
    f"The page of {CODE}: received is ",
    "The page of all pools in USD: received is ",
    f"The ledger’s CSV of {CODE}: bank USD is ",
    f"Figures in the ledger’s journal of {CODE}: received USD is ",
    f"The statement for 2026-09 of {CODE}: received USD before is ",
)


def spoilt(path: str) -> bytes:
    """What a reader gets, with one digit too many where the first amount of a kind stands."""
    body = fetch(path)
    mark = BEFORE_AN_AMOUNT.get(path)
    if mark is None:
        return body
    assert mark in body, path
    return body.replace(mark, mark + b"1", 1)


def test_after_a_simulated_year_all_agrees_and_what_differs_or_is_not_there_is_named(
    committed_db: CommittedDatabase,
    own_checkpoints: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    simulate(7, 1, SMALL, until=MONTH)
    PoolProfile.objects.filter(pk=open_pool("unapproved").pk).update(live=False)

    logging.getLogger("django.request").addHandler(caplog.handler)
    said = StringIO()
    call_command("verify_exports", stdout=said)
    logging.getLogger("django.request").removeHandler(caplog.handler)
    *passed_over, agreed = said.getvalue().splitlines()
    assert passed_over[0] == "Passed over, unapproved: it has no published page (The page)."
    not_public = "nobody has approved its terms yet, and no money has moved (The API, "
    assert passed_over[1].startswith(f"Passed over, unapproved: {not_public}")
    assert passed_over[1].endswith("IATI).")
    no_entry = "it had no entry by then (The statement for 2026-09)."
    assert passed_over[2:] == [f"Passed over, unapproved: {no_entry}"]
    assert agreed.startswith("All agree to the cent: 5 pools, 15 places that say their sums (")
    assert [record for record in caplog.records if record.name == "django.request"] == []

    monkeypatch.setattr(verify_exports, "fetch", spoilt)
    settings.IATI_ORGANISATION = ""
    said = StringIO()
    with pytest.raises(CommandError, match="things differ in 5 pools"):
        call_command("verify_exports", stdout=said)
    for sentence in DIFFERENT:
        assert sentence in said.getvalue()
    assert f"Passed over, {CODE}: the foundation has no identifier at IATI" in said.getvalue()
