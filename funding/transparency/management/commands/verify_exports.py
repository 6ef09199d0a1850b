import contextlib
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client

from funding.transparency import agreement
from funding.transparency.said import NotThere


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """That nothing is at an address is an answer here, which Django would warn of."""
    logger = logging.getLogger("django.request")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def fetch(path: str) -> bytes:
    """What a reader gets at ``path`` of this site. Raises NotThere, and CommandError for an error."""
    site = urlsplit(settings.SITE_URL)
    client = Client(headers={"host": site.netloc})
    with _without_warnings():
        answer = client.get(path, secure=site.scheme == "https")
    if answer.status_code == 404:
        raise NotThere
    if answer.status_code != 200:
        raise CommandError(f"{path} answers with {answer.status_code}, not with 200.")
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


class Command(BaseCommand):
    help = (
        "Fetch every page, download and open data file that says sums, as a reader would, add them "
        "up, and say whether they agree with the ledger's entries to the cent. Names the pools that "
        "a place says nothing of, and why. Exits with 0, or with 1 and what differs. Publishes a "
        "checkpoint first."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = list(agreement.problems())
        report = agreement.compare(fetch)
        wrong += report.differences
        for sentence in (*report.reasons, *wrong):
            self.stdout.write(sentence)
        if wrong:
            raise CommandError(f"{len(wrong)} things differ in {report.pools} pools.")
        self.stdout.write(
            self.style.SUCCESS(
                f"All agree to the cent: {report.pools} pools, {len(report.places)} places that say "
                f"their sums ({', '.join(report.places)}), and the ledger is sound."
            )
        )
