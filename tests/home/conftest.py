"""A small site for the tests of home: languages, home page and lists, no demo content."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import translation
from pytest_django import DjangoDbBlocker

if TYPE_CHECKING:
    from home.models import HomePage


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """A request to /fr/ leaves its language behind in the thread."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="module")
def site_of_module(django_db_setup: object, django_db_blocker: DjangoDbBlocker) -> Iterator[int]:
    """Makes the site once a module, in a transaction that ends with it; the home page's id.

    As Django's own TestCase does it for a class: each test has its savepoint inside.
    """
    from tests.factories.home import make_site  # Django is set up after conftests are read

    with django_db_blocker.unblock():
        around = transaction.atomic()
        around._from_testcase = True  # type: ignore[attr-defined]
        with around:
            yield make_site().pk
            transaction.set_rollback(True)


@pytest.fixture
def site(site_of_module: int, db: None) -> "HomePage":
    """The English home page of a site with every list below it, in all languages."""
    from home.models import HomePage

    return HomePage.objects.get(pk=site_of_module)
