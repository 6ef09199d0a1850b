"""``manage.py check_stripe``: is the webhook endpoint set up as the portal needs it?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from funding.payments import endpoint_check


class Command(BaseCommand):
    help = (
        "Compares the webhook endpoint at Stripe (address, API version, events) with what the "
        "portal needs. Ends with 1 where something differs. With a test key there is nothing to do."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        problems = endpoint_check.problems()
        self.stdout.write("\n".join(problems) or "nothing to change")
        if problems:
            sys.exit(1)
