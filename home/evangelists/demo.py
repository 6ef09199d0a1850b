"""The service of the demo's invented evangelists: since when, and what they did."""

import datetime

from django.utils import timezone

from core.transactions import inside_transaction
from home.models import Activity, Confirmation, Evangelist, EvangelistPage

# Days since each confirmation. Who is not named began 200 days ago; Marta Ribeiro is an alumna.
CONFIRMED = {
    "eunice-mwale": (700, 350),
    "marta-ribeiro": (1200, 860, 500),
    "ingrid-solheim": (90,),
}

# What, days ago, title, country, language, people reached.
ACTIVITIES: dict[str, tuple[tuple[str, int, str, str, str, int], ...]] = {
    "eunice-mwale": (
        ("training", 20, "Stock cards that survive the rain", "MW", "ny", 24),
        ("training", 75, "Reporting rates: where to begin", "ZM", "en", 31),
        ("meeting", 140, "District pharmacists, northern zone", "MW", "en", 12),
        ("talk", 330, "What a store keeper wishes you knew", "", "en", 85),
    ),
    "ricardo-tembe": (
        ("training", 45, "Introduzir dados sem rede", "MZ", "pt", 18),
        ("talk", 110, "Um modem e muita paciência", "AO", "pt", 40),
    ),
    "leila-haddad": (
        ("meeting", 30, "Registres de produits : qui décide ?", "CI", "fr", 9),
        ("talk", 95, "Interfaces that stay up", "", "en", 120),
    ),
    "samuel-okoro": (("training", 60, "Upgrading without losing a night", "TZ", "en", 14),),
    "ingrid-solheim": (("meeting", 15, "Why a pool, and why in the open", "NO", "en", 8),),
    "marta-ribeiro": (
        ("training", 620, "Primeiros passos para formadores", "MZ", "pt", 22),
        ("talk", 900, "Vinte distritos num ano", "MZ", "pt", 60),
    ),
}


@inside_transaction
def begin(slug: str) -> Evangelist:
    """The service that the page of an invented person stands on."""
    now = timezone.now()
    days = CONFIRMED.get(slug, (200,))
    first = now - datetime.timedelta(days=max(days))
    evangelist = Evangelist.objects.create(created_at=first)
    for ago in days:
        moment = now - datetime.timedelta(days=ago)
        Confirmation.objects.create(
            evangelist=evangelist, made_at=moment, counts_from=timezone.localdate(moment)
        )
    return evangelist


@inside_transaction
def load_activities(page: EvangelistPage) -> None:
    """What the person of a page did, where nothing is entered yet."""
    today = timezone.localdate()
    if page.evangelist is None or page.evangelist.activities.exists():
        return
    for kind, ago, title, country, language, reached in ACTIVITIES.get(page.slug, ()):
        Activity.objects.create(
            evangelist=page.evangelist,
            kind=kind,
            held_on=today - datetime.timedelta(days=ago),
            title=title,
            country=country,
            language=language,
            reached=reached,
            level=page.level,
        )
