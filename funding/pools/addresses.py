"""Where the public pages of pools are. They are pages of Wagtail, named by the pool's code; this
package may not import them, and does not need to."""

from django.urls import reverse


def pools_page() -> str:
    """The page that lists every pool, in the language in force."""
    return reverse("wagtail_serve", args=["pools/"])


def pool_page(code: str) -> str:
    """The page of one pool, in the language in force."""
    return reverse("wagtail_serve", args=[f"pools/{code}/"])
