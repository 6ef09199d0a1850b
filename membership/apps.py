from django.apps import AppConfig


class MembershipConfig(AppConfig):
    name = "membership"
    label = "membership"
    verbose_name = "Membership"
