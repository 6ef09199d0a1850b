from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "funding.payments"
    label = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from funding.payments import expectations, papers, payout_purposes

        papers.register_attachments()
        payout_purposes.register()
        register("payments.receipts", expectations.receipts)
