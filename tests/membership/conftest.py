"""What a foundation begins with. Django is not set up yet where this file is imported."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from funding.ledger.models import Pool


@pytest.fixture
def foundation(db: None) -> "Pool":
    """Tiers, fees, a code of conduct in force; the pool of the dues is returned."""
    from tests.factories.membership import foundation as begin

    return begin()
