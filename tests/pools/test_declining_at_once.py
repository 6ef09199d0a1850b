"""Several people decline the same gift at the same moment."""

import threading

from django.db import connections
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from funding.payments.models import Payout
from funding.pools import declining
from tests.factories import pools as make
from tests.factories.banking import make_staff


def test_declining_at_the_same_moment_is_once(committed_db: object) -> None:
    gift = make.received_gift()
    start = threading.Barrier(3, timeout=60)
    problems: list[BaseException] = []

    def press(by: User) -> None:
        try:
            start.wait(10)
            declining.decline_gift(gift, by=by, reason="On a list.")
        except BaseException as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(make_staff(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    assert ModelLogEntry.objects.filter(action="pools.decline_gift").count() == 1
    run_pending_jobs()
    assert Payout.objects.count() == 1
