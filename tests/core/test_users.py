"""One person, one address, whatever its capitals."""

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from core.models import User
from tests.factories.core import StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_address_is_kept_in_small_letters_and_without_blanks() -> None:
    user = User.objects.create_user("  Amina@Example.ORG ", "a password")

    assert user.email == "amina@example.org"
    user.email = "Amina.B@Example.org"
    user.save()
    user.refresh_from_db()
    assert user.email == "amina.b@example.org"


def test_the_same_address_in_capitals_is_refused_by_the_database_itself() -> None:
    UserFactory.create(email="amina@example.org")

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="AMINA@example.org")])


def test_the_same_address_in_capitals_is_refused_with_a_sentence() -> None:
    UserFactory.create(email="amina@example.org")

    with pytest.raises(ValidationError, match="Someone already uses this e-mail address"):
        User(email="Amina@Example.org", password="x").validate_constraints()


def test_a_person_is_found_by_the_address_in_any_capitals() -> None:
    user = UserFactory.create(email="amina@example.org")

    assert User.objects.get_by_natural_key("AMINA@example.org") == user


def test_a_user_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        User.objects.create_user("", "a password")


def test_passwords_are_kept_hashed_and_none_means_no_password() -> None:
    user = User.objects.create_user("one@example.org", "a password")
    without = User.objects.create_user("two@example.org")

    assert "a password" not in user.password
    assert user.check_password("a password")
    assert not without.has_usable_password()
    assert not user.is_staff
    assert not user.is_superuser


def test_a_superuser_may_enter_the_back_office() -> None:
    user = User.objects.create_superuser("root@example.org", "a password")

    assert user.is_staff
    assert user.is_superuser


def test_a_person_signs_in_by_address_and_password(rf: object) -> None:
    user = UserFactory.create()

    assert user.check_password(UserFactory.PASSWORD)
    assert authenticate(None, email=user.email, password="wrong") is None
    assert authenticate(None, email=user.email, password=UserFactory.PASSWORD) == user


def test_a_person_is_called_by_name_and_else_by_address() -> None:
    assert str(UserFactory.build(first_name="Amina", last_name="Banda")) == "Amina Banda"
    nameless = UserFactory.build(first_name="", last_name="", email="a@example.org")
    assert str(nameless) == "a@example.org"


def test_the_language_is_one_of_the_sites() -> None:
    user = UserFactory.build(preferred_language="xx")

    with pytest.raises(ValidationError) as refused:
        user.full_clean()

    assert "preferred_language" in refused.value.message_dict
    assert UserFactory.build().preferred_language == "en"
    assert StaffFactory.build().is_staff
