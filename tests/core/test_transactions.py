"""Who opens a transaction is visible; a part of a use case cannot run alone."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from core.models import User
from core.transactions import TransactionMissing, in_transaction, inside_transaction, use_case
from tests.factories.core import UserFactory


@inside_transaction
def a_part(text: str, *, times: int) -> str:
    """What a part does."""
    return text * times


@pytest.mark.django_db
def test_a_part_called_alone_is_refused_and_named() -> None:
    with pytest.raises(TransactionMissing, match=r"test_transactions\.a_part"):
        a_part("x", times=2)


@pytest.mark.django_db
def test_a_part_runs_inside_a_use_case() -> None:
    with use_case():
        assert a_part("x", times=2) == "xx"
        with transaction.atomic():
            assert a_part("y", times=1) == "y"


@pytest.mark.django_db
def test_a_use_case_inside_another_is_refused() -> None:
    def nested() -> None:
        with use_case(), use_case():
            pass

    with pytest.raises(RuntimeError, match="durable"):
        nested()


@pytest.mark.django_db
def test_the_transaction_of_a_test_does_not_count() -> None:
    assert not in_transaction()
    with use_case():
        assert in_transaction()
    assert not in_transaction()


def test_without_a_tests_transaction_it_is_the_same(committed_db: Any) -> None:
    assert not in_transaction()
    with pytest.raises(TransactionMissing):
        a_part("x", times=1)
    with use_case():
        assert a_part("x", times=1) == "x"


@pytest.mark.django_db
def test_a_use_case_that_fails_leaves_nothing() -> None:
    def failing() -> None:
        with use_case():
            UserFactory.create(email="gone@example.org")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()

    assert not User.objects.filter(email="gone@example.org").exists()


def test_the_transaction_of_one_thread_is_not_that_of_another(committed_db: Any) -> None:
    found: list[bool] = []

    def look() -> None:
        found.append(in_transaction())
        connection.close()

    with use_case():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert found == [False]


def test_a_marked_verb_keeps_its_name_and_its_text() -> None:
    assert (a_part.__name__, a_part.__doc__) == ("a_part", "What a part does.")
