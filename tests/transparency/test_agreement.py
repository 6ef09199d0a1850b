"""Every page and export says the same of the money, to the cent; and where one does not, it is said."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from funding.ledger.models import Figure, Pool
from funding.transparency import agreement
from funding.transparency.management.commands.verify_exports import fetch
from portal.simulation.run import simulate
from tests.conftest import CommittedDatabase
from tests.portal.test_simulation import SMALL


def test_after_a_simulated_year_all_pages_and_exports_agree_and_one_that_differs_is_named(
    committed_db: CommittedDatabase, own_checkpoints: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(7, 1, SMALL)

    said = StringIO()
    call_command("verify_exports", stdout=said)
    assert "All agree to the cent: 4 pools" in said.getvalue()
    places = {one.place for one in agreement.compared(fetch)}
    assert {"The page", "The API", "CSV by figure", "IATI", "Beancount’s figures"} <= places

    # A page that is wrong by a cent in one figure of one pool.
    pool = Pool.objects.order_by("code").first()
    assert pool is not None
    true_page = agreement._page

    def wrong_page(get: Any, of: Pool) -> dict[str, int]:
        said = true_page(get, of)
        return said | {"received": said["received"] + 1} if of == pool else said

    monkeypatch.setattr(agreement, "_page", wrong_page)
    said = StringIO()
    with pytest.raises(CommandError, match="1 things differ"):
        call_command("verify_exports", stdout=said)
    assert f"The page of {pool.code}: received is " in said.getvalue()
    assert Figure.objects.filter(pool=pool).exists()
