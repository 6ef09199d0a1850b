"""A refusal is a sentence for the person who asked, in their language."""

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from core.refusals import Refusal


class TooFew(Refusal):
    message = gettext_lazy("Password")  # a text that Django itself has translated


class TooMany(Refusal):
    message = "%(count)s is more than %(limit)s."


class FullyBooked(Refusal):
    message = "100% of the places are taken."


def test_a_refusal_says_its_sentence_in_the_language_in_force() -> None:
    refusal = TooFew()

    with translation.override("en"):
        assert str(refusal) == "Password"
    with translation.override("fr"):
        assert str(refusal) == "Mot de passe"


def test_details_fill_the_sentence_and_can_be_read_again() -> None:
    refusal = TooMany(count=7, limit=5)

    assert str(refusal) == "7 is more than 5."
    assert refusal.details == {"count": 7, "limit": 5}


def test_a_sentence_without_details_may_hold_a_per_cent_sign() -> None:
    assert str(FullyBooked()) == "100% of the places are taken."


def test_details_are_never_read_as_places_themselves() -> None:
    assert str(TooMany(count="%(limit)s %s", limit=5)) == "%(limit)s %s is more than 5."


def test_any_refusal_can_be_caught_as_one() -> None:
    with pytest.raises(Refusal):
        raise TooMany(count=1, limit=0)


def test_the_base_has_a_sentence_too() -> None:
    assert str(Refusal()) == "This is not possible."
