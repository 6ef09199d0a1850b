from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        from anymail.signals import tracking

        from core.mailing import bounces

        tracking.connect(bounces.heard, dispatch_uid="core.mailing.bounces")
