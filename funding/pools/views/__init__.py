"""The public pages of giving and pledging."""

from funding.pools.views.common import signed_in
from funding.pools.views.gifts import give
from funding.pools.views.pledges import change_pledge, check_pledge, discard_pledge, pledge

__all__ = ["change_pledge", "check_pledge", "discard_pledge", "give", "pledge", "signed_in"]
