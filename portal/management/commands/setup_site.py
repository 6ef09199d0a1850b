"""What a new production site needs before anybody can work on it."""

from typing import Any

from django.core.management.base import BaseCommand

from core.transactions import use_case
from funding.dues import billing
from home.evangelists import seeds as evangelist_terms
from membership import seeds
from portal.groups import setup_groups
from portal.site_tree import setup_tree


class Command(BaseCommand):
    help = (
        "Makes groups, languages, the record of the site and, where there are none, the first "
        "pages, the tiers with their fees, the code of conduct, the terms of "
        "evangelists and the pool of the dues. "
        "No demo content. Safe to run at every start."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with use_case():
            setup_groups()
            home = setup_tree()
        seeds.load()
        evangelist_terms.load()
        billing.ensure_pool()
        self.stdout.write(f"The site stands at {home.full_url}.")
