"""People who sign in."""

import factory

from core.models import User


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person with an address of their own; the password is ``PASSWORD``."""

    PASSWORD = "correct horse battery"

    class Meta:
        model = User
        exclude = ["PASSWORD"]
        skip_postgeneration_save = True

    first_name = factory.Faker("first_name")
    last_name = factory.Faker("last_name")
    email = factory.Sequence(lambda number: f"person{number}@example.org")
    preferred_language = "en"
    password = factory.django.Password(PASSWORD)


class StaffFactory(UserFactory):
    is_staff = True
