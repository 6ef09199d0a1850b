from django.apps import AppConfig


class MembershipConfig(AppConfig):
    name = "membership"
    label = "membership"
    verbose_name = "Membership"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from membership import expectations

        register("membership.applications", expectations.applications)
