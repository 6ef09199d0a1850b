from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    name = "funding.transparency"
    label = "transparency"
    verbose_name = "Transparency"
