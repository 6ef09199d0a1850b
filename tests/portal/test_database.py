"""The databases of the tests, and the rights of the role the portal runs as."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from tests.conftest import CommittedDatabase


@pytest.mark.django_db
def test_tests_run_as_the_role_with_data_rights_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("portal_app", False)


def test_a_committed_database_is_seen_by_other_threads(committed_db: CommittedDatabase) -> None:
    Group.objects.create(name="seen by all")
    seen: list[bool] = []

    def look() -> None:
        seen.append(Group.objects.filter(name="seen by all").exists())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True]


@pytest.mark.django_db
def test_nothing_of_a_committed_database_reaches_the_next_test() -> None:
    assert not Group.objects.filter(name="seen by all").exists()
