"""Lists that people type one item on a line: topics, countries, spoken languages."""

import difflib
import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from babel.core import Locale
from django import forms
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from core import countries
from core.countries import sort_key

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MAX_LINE = 80


class LinesFormField(forms.CharField):
    """Reads one item a line; empty lines and repetitions do not count. Cleans to a list."""

    widget = forms.Textarea(attrs={"rows": 4})

    def __init__(self, *, max_items: int = 10, **kwargs: Any) -> None:
        self.max_items = max_items
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return "\n".join(self.line_of(item) for item in value)
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        lines = (" ".join(line.split()) for line in str(value or "").splitlines())
        return list(dict.fromkeys(self.item_of(line) for line in lines if line))

    def line_of(self, item: str) -> str:
        """How a stored item is shown to the person who edits it."""
        return item

    def item_of(self, line: str) -> str:
        """What is stored of a typed line; raises ValidationError where it cannot be read."""
        if len(line) > MAX_LINE:
            raise ValidationError(
                _("“%(start)s…” is too long. Keep each line under %(most)d characters."),
                params={"start": line[:30], "most": MAX_LINE},
            )
        return line

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > self.max_items:
            raise ValidationError(
                ngettext(
                    "Name %(most)d at most; there are %(found)d.",
                    "Name %(most)d at most; there are %(found)d.",
                    self.max_items,
                ),
                params={"most": self.max_items, "found": len(value)},
            )

    def run_validators(self, value: Any) -> None:
        """A text's own validators do not fit a list; `validate` and `item_of` have said all."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(list(initial or []) != self.to_python(data))
        except ValidationError:
            return True


class NamedCodesFormField(LinesFormField):
    """Lines that name something with a code: typed by name in any language of the site."""

    unknown: ClassVar["StrOrPromise"]

    @staticmethod
    def names(language: str) -> dict[str, str]:
        """Code to name in ``language``."""
        raise NotImplementedError

    @classmethod
    def known(cls) -> dict[str, str]:
        """Comparable name, or code, to code."""
        known: dict[str, str] = {}
        for language, _label in settings.LANGUAGES:
            for code, name in cls.names(language).items():
                known.setdefault(sort_key(name), code)
                known.setdefault(code.casefold(), code)
        return known

    def line_of(self, item: str) -> str:
        return self.names(get_language() or "en").get(item, item)

    def item_of(self, line: str) -> str:
        known = self.known()
        wanted = sort_key(line)
        if wanted in known:
            return known[wanted]
        near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.7)
        if near:
            raise ValidationError(
                _("“%(line)s” is not in our list. Did you mean %(near)s?"),
                params={"line": line, "near": self.line_of(known[near[0]])},
            )
        raise ValidationError(self.unknown, params={"line": line})


class CountriesFormField(NamedCodesFormField):
    unknown = _("“%(line)s” is not a country in our list. Write its name, such as Malawi.")

    @staticmethod
    @functools.cache
    def names(language: str) -> dict[str, str]:
        return dict(countries.choices(language))


class SpokenLanguagesFormField(NamedCodesFormField):
    unknown = _("“%(line)s” is not a language in our list. Write its name, such as Portuguese.")

    @staticmethod
    @functools.cache
    def names(language: str) -> dict[str, str]:
        # Codes with a territory or a script (pt_BR) are variants of a language in the list.
        spoken = Locale.parse(language.replace("-", "_")).languages.items()
        return {code: name for code, name in spoken if code.isalpha() and len(code) <= 3}


class LinesField(ArrayField):
    """A short list of texts as a PostgreSQL array, edited one a line."""

    form_field: ClassVar[type[LinesFormField]] = LinesFormField

    def __init__(
        self, verbose_name: "StrOrPromise | None" = None, *, max_items: int = 10, **kwargs: Any
    ) -> None:
        self.max_items = max_items
        kwargs["base_field"] = models.CharField(max_length=MAX_LINE)
        kwargs.setdefault("default", list)
        super().__init__(verbose_name=verbose_name, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["base_field"]
        if self.max_items != 10:
            kwargs["max_items"] = self.max_items
        return name, path, args, kwargs

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        # Not ArrayField's own: a line of comma-separated codes is for programs.
        field: forms.Field | None = models.Field.formfield(
            self,
            **{
                "form_class": self.form_field,
                "max_items": self.max_items,
                "show_hidden_initial": False,
                **kwargs,
            },
        )
        return field


class CountriesField(LinesField):
    """Countries as two-letter codes."""

    form_field = CountriesFormField


class SpokenLanguagesField(LinesField):
    """Spoken languages as ISO 639 codes."""

    form_field = SpokenLanguagesFormField


def names_of(codes: Iterable[str], field: type[NamedCodesFormField]) -> list[str]:
    """The names of ``codes`` in the language in force, sorted for a reader."""
    names = field.names(get_language() or "en")
    return sorted((names.get(code, code) for code in codes), key=sort_key)
