"""Fields that several tables of membership share."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core import countries


def validate_country(iso2: str) -> None:
    """Raise ValidationError unless ``iso2`` is a two-letter code of ISO 3166-1."""
    if iso2 not in countries.all_countries():
        raise ValidationError(
            _("“%(code)s” is not a country code. Choose a country from the list."),
            code="unknown_country",
            params={"code": iso2},
        )


class CountryField(models.CharField):
    """A country of ISO 3166-1 by its two capital letters."""

    default_validators = [validate_country]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 2
        super().__init__(*args, **kwargs)


def in_language(row: models.Model, field: str) -> str:
    """``field`` in the language in force (its column ``field_fr``…), else in English."""
    code = (get_language() or "en").split("-")[0]
    translated = getattr(row, f"{field}_{code}", "")
    return str(translated or getattr(row, field))
