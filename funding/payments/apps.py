from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "funding.payments"
    label = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from funding.payments import papers, payout_purposes

        papers.register_attachments()
        payout_purposes.register()
