"""What home does by the clock; the worker imports this module."""

from django.core.management import call_command

from core.jobs import job, schedule
from home import cards
from home.evangelists import jobs as _evangelists  # noqa: F401
from home.events import jobs as _events  # noqa: F401
from home.following import jobs as _following  # noqa: F401
from home.searching import jobs as _searching  # noqa: F401


@job(attempts=1)
def publish_scheduled() -> None:
    """Publish what is due and take down what has expired: pages, and terms of pools as well.

    Wagtail's own command; the next minute tries again what failed in this one.
    """
    call_command("publish_scheduled")


@job
def forget_cards() -> None:
    """Delete the social cards that nobody asked for in a season; they are drawn anew when asked."""
    cards.forget_old()


@job(attempts=1)
def check_links() -> None:
    """Find the links of all pages, and look whether those within the site lead somewhere."""
    from home.editing import checking

    checking.check_own()


@job(attempts=1)
def ask_other_sites() -> None:
    """Ask other sites whether what pages link to is still there: some at a time, for a short while."""
    from home.editing import checking

    checking.check_outside()


schedule.every("* * * * *", publish_scheduled, name="home.publish_scheduled")
schedule.every("37 3 * * *", forget_cards, name="home.forget_cards")
schedule.every("40 3 * * *", check_links, name="home.check_links")
schedule.every("*/10 0-4 * * *", ask_other_sites, name="home.ask_other_sites")
