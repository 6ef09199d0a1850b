from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed

        from portal import checks  # noqa: F401  registers them
        from portal.signin_mails import address_confirmed

        email_confirmed.connect(address_confirmed, dispatch_uid="portal.signin_mails")
