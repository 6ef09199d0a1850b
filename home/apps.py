from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "home"
    label = "home"
    verbose_name = "Home"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from home.evangelists import expectations
        from home.searching import signals

        register("home.evangelists", expectations.reminders)
        signals.connect()
