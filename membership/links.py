"""Addresses of the portal's pages, in the language of whoever reads them."""

from django.urls import reverse
from django.utils.translation import override


def path_in(language: str, name: str, *args: object) -> str:
    """The path of the page ``name`` in ``language``, to stand behind SITE_URL in a message."""
    with override(language):
        return reverse(name, args=args)
