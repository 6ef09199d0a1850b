from django.apps import AppConfig


class DuesConfig(AppConfig):
    name = "funding.dues"
    label = "dues"
    verbose_name = "Dues"

    def ready(self) -> None:
        from funding.dues.outcome import DuesOutcome
        from funding.dues.renewal import reminds_of
        from funding.payments import outcomes, reminders

        outcomes.register("dues", DuesOutcome())
        reminders.leave("dues", reminds_of)
