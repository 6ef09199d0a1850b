from django.apps import AppConfig


class PoolsConfig(AppConfig):
    name = "funding.pools"
    label = "pools"
    verbose_name = "Pools"

    def ready(self) -> None:
        from funding.payments import outcomes
        from funding.pools import gifts, pledges
        from funding.pools.outcomes import GiftOutcome, InstalmentOutcome

        outcomes.register(gifts.PURPOSE, GiftOutcome())
        outcomes.register(pledges.PURPOSE, InstalmentOutcome())
