from django.apps import AppConfig


class PoolsConfig(AppConfig):
    name = "funding.pools"
    label = "pools"
    verbose_name = "Pools"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from funding.payments import outcomes, subscriptions
        from funding.pools import expectations, gifts, pledges, recurring
        from funding.pools.outcomes import GiftOutcome, InstalmentOutcome, RecurringOutcome

        outcomes.register(gifts.PURPOSE, GiftOutcome())
        outcomes.register(pledges.PURPOSE, InstalmentOutcome())
        outcomes.register(recurring.PURPOSE, RecurringOutcome())
        subscriptions.when_ended(recurring.PURPOSE, recurring.note_end)
        register("pools.confirmed", expectations.confirmed)
        register("pools.changed", expectations.changed)
        register("pools.reminders", expectations.reminded)
        register("pools.charges", expectations.charges)
        register("pools.declined_gifts", expectations.declined_gifts)
        register("pools.matching", expectations.settlements)
