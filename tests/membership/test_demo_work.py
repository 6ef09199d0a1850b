"""What the demo shows of promises: some kept, one late; loaded again it doubles nothing."""

import pytest
from django.utils import timezone

from core.models import User
from membership import demo_work
from membership.models import OrganisationNote, Task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_demo")]


def test_promises_are_kept_but_for_one_and_a_second_load_changes_nothing() -> None:
    before = list(Task.objects.order_by("pk").values_list("pk", "outcome", "due_on", "closed_at"))
    assert Task.objects.filter(outcome="done").count() > 10
    assert Task.objects.overdue(timezone.localdate()).count() == 1
    assert Task.objects.filter(benefit=None).count() == 1

    demo_work.begin()
    demo_work.load(User.objects.get(email="staff@example.org"))

    after = list(Task.objects.order_by("pk").values_list("pk", "outcome", "due_on", "closed_at"))
    assert after == before
    assert OrganisationNote.objects.count() == 1
