from django.apps import AppConfig


class DuesConfig(AppConfig):
    name = "funding.dues"
    label = "dues"
    verbose_name = "Dues"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from funding.dues import expectations, history
        from funding.dues.change_outcome import ChangeOutcome
        from funding.dues.outcome import DuesOutcome
        from funding.payments import outcomes
        from membership import timeline

        outcomes.register("dues", DuesOutcome())
        outcomes.register("dues-change", ChangeOutcome())
        timeline.register(history.of_money)
        register("dues.notices", expectations.notices)
        register("dues.invoices", expectations.invoices)
        register("dues.admissions", expectations.admissions)
