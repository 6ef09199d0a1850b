from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "funding.ledger"
    label = "ledger"
    verbose_name = "Ledger"
