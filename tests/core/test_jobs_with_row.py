"""A row and its job by one statement: the job is like one that was enqueued."""

from typing import Any

import pytest
from django_tasks_db.models import DBTaskResult

from core.jobs.with_row import insert_with_job
from funding.payments import inbox, jobs
from funding.payments.models import StripeEvent
from tests.factories.payments import received

pytestmark = pytest.mark.django_db


def facts(row: DBTaskResult) -> dict[str, Any]:
    own = ("id", "enqueued_at", "args_kwargs")
    fields = [field.attname for field in DBTaskResult._meta.concrete_fields]
    return {name: getattr(row, name) for name in fields if name not in own}


def test_the_job_equals_one_that_was_enqueued() -> None:
    inbox.receive(received("customer.updated", {"id": "cus_1"}), StripeEvent.Source.WEBHOOK)
    (ours,) = DBTaskResult.objects.all()
    DBTaskResult.objects.all().delete()
    event = StripeEvent.objects.get()
    jobs.process_event.enqueue(event_id=event.pk)
    (theirs,) = DBTaskResult.objects.all()
    assert facts(ours) == facts(theirs)
    assert ours.args_kwargs == theirs.args_kwargs == {"args": [], "kwargs": {"event_id": event.pk}}


def test_a_row_that_is_there_already_makes_no_job() -> None:
    event = received("customer.updated", {"id": "cus_1"})
    assert inbox.receive(event, StripeEvent.Source.WEBHOOK)
    assert not inbox.receive(event, StripeEvent.Source.WEBHOOK)
    assert (StripeEvent.objects.count(), DBTaskResult.objects.count()) == (1, 1)


def test_what_writes_no_row_makes_no_job() -> None:
    nothing = "INSERT INTO payments_stripecursor (name, read_until) SELECT 'x', now() WHERE false"
    done = insert_with_job(f"{nothing} RETURNING id", [], jobs.process_event, argument="event_id")
    assert not done
    assert not DBTaskResult.objects.exists()
