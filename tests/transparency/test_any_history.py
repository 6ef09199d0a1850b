"""For any random history: page = CSV = IATI = Beancount = API = ledger."""

import contextlib
import dataclasses
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import HealthCheck, given, settings

from core.transactions import use_case
from funding.ledger.models import Pool
from funding.ledger.posting import post
from funding.ledger.refusals import NotEnoughAvailable
from funding.transparency import agreement
from funding.transparency.management.commands.verify_exports import fetch
from portal.simulation.acts import Simulation
from portal.simulation.plan import make_plan
from tests.conftest import CommittedDatabase
from tests.ledger.test_state_machine import SOME_EVENTS, Books
from tests.portal.test_simulation import MONTH, SMALL


def test_after_any_history_every_place_says_the_same(
    committed_db: CommittedDatabase, own_checkpoints: None
) -> None:
    plan = make_plan(1, 1, dataclasses.replace(SMALL, pools=2), until=MONTH)
    Simulation(plan).set_up()
    pools = list(Pool.objects.order_by("pk"))
    books = SimpleNamespace(pools=pools, currencies=[pools[0].currency] * 2, number=0)
    assert pools[0].currency == pools[1].currency

    # Each example goes on where the one before it stopped: the history grows.
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(events=SOME_EVENTS)
    def agrees(events: list[dict[str, Any]]) -> None:
        for event in events:
            with contextlib.suppress(NotEnoughAvailable), use_case():
                post(Books.event(cast(Any, books), **event))
        assert agreement.compare(fetch).differences == []
        assert list(agreement.problems()) == []

    agrees()
