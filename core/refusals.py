"""A rule says no: one class per rule, with a sentence for the person who asked."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refusal(Exception):
    """Base of every rule's refusal.

    ``message`` is a translatable sentence that says what is wrong and what to do; it may hold
    ``%(name)s`` places, filled from the keyword arguments. ``str(refusal)`` is that sentence in
    the language in force, so forms, back office and API all show the same words.
    """

    message: str | Promise = _("This is not possible.")

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__(details)

    def __str__(self) -> str:
        return str(self.message) % self.details if self.details else str(self.message)
