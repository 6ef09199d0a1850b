from django.apps import AppConfig


class DuesConfig(AppConfig):
    name = "funding.dues"
    label = "dues"
    verbose_name = "Dues"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from funding.dues import expectations, history, term_expectations
        from funding.dues.change_outcome import ChangeOutcome
        from funding.dues.outcome import DuesOutcome
        from funding.payments import outcomes
        from membership import timeline, timeline_mails

        outcomes.register("dues", DuesOutcome())
        outcomes.register("dues-change", ChangeOutcome())
        timeline.register(history.of_money)
        timeline_mails.register(history.subjects_of_mails)
        register("dues.notices", expectations.notices)
        register("dues.invoices", expectations.invoices)
        register("dues.admissions", expectations.admissions)
        register("dues.settled", term_expectations.settled)
        register("dues.waived", term_expectations.waived)
        register("dues.cancelled", term_expectations.cancelled)
        register("dues.changes", term_expectations.changes)
