"""The demo's topics of news, by address: the name in each language."""

TOPICS: dict[str, dict[str, str]] = {
    "countries": {"en": "Countries", "fr": "Pays", "pt": "Países"},
    "evangelists": {"en": "Evangelists", "fr": "Ambassadeurs", "pt": "Embaixadores"},
    "membership": {"en": "Membership", "fr": "Adhésion", "pt": "Adesão"},
    "open-books": {"en": "Open books", "fr": "Comptes ouverts", "pt": "Contas abertas"},
    "this-site": {"en": "This site", "fr": "Ce site", "pt": "Este site"},
}
