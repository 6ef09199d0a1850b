from django.apps import AppConfig


class PoolsConfig(AppConfig):
    name = "funding.pools"
    label = "pools"
    verbose_name = "Pools"

    def ready(self) -> None:
        from funding.payments import outcomes, subscriptions
        from funding.pools import gifts, pledges, recurring
        from funding.pools.outcomes import GiftOutcome, InstalmentOutcome, RecurringOutcome

        outcomes.register(gifts.PURPOSE, GiftOutcome())
        outcomes.register(pledges.PURPOSE, InstalmentOutcome())
        outcomes.register(recurring.PURPOSE, RecurringOutcome())
        subscriptions.when_ended(recurring.PURPOSE, recurring.note_end)
