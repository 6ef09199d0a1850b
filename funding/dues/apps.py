from django.apps import AppConfig


class DuesConfig(AppConfig):
    name = "funding.dues"
    label = "dues"
    verbose_name = "Dues"

    def ready(self) -> None:
        from funding.dues.outcome import DuesOutcome
        from funding.payments import outcomes

        outcomes.register("dues", DuesOutcome())
