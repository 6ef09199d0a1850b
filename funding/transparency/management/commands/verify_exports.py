from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client

from funding.transparency import agreement


def fetch(path: str) -> bytes:
    """What a reader gets at ``path`` of this site. Raises NotThere, and CommandError for an error."""
    site = urlsplit(settings.SITE_URL)
    client = Client(headers={"host": site.netloc})
    answer = client.get(path, secure=site.scheme == "https")
    if answer.status_code == 404:
        raise agreement.NotThere
    if answer.status_code != 200:
        raise CommandError(f"{path} answers with {answer.status_code}, not with 200.")
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


class Command(BaseCommand):
    help = (
        "Fetch every pool's page, downloads and open data as a reader would, add them up, and say "
        "whether they agree with the ledger's entries to the cent. Exits with 0, or with 1 and "
        "what differs. Publishes a checkpoint first."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = list(agreement.problems())
        pools, places = set(), set()
        for one in agreement.compared(fetch):
            pools.add(one.pool)
            places.add(one.place)
            wrong += one.differences
        for sentence in wrong:
            self.stdout.write(sentence)
        if wrong:
            raise CommandError(f"{len(wrong)} things differ in {len(pools)} pools.")
        self.stdout.write(
            self.style.SUCCESS(
                f"All agree to the cent: {len(pools)} pools, {len(places)} places that say their "
                f"sums ({', '.join(sorted(places))}), and the ledger is sound."
            )
        )
