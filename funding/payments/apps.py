from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "funding.payments"
    label = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from funding.payments import (
            expectations,
            papers,
            payout_purposes,
            subscription_expectations,
        )

        papers.register_attachments()
        payout_purposes.register()
        register("payments.receipts", expectations.receipts)
        register("payments.credit_notes", expectations.notes)
        register("payments.pay_backs", expectations.pay_backs)
        register("payments.requests", expectations.requests)
        register("payments.reminders", expectations.reminded)
        register("payments.cards", expectations.cards)
        register("payments.subscriptions", subscription_expectations.subscribed)
