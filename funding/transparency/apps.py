from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    name = "funding.transparency"
    label = "transparency"
    verbose_name = "Transparency"

    def ready(self) -> None:
        from funding.pools import naming
        from funding.transparency import giver_sums

        naming.register(giver_sums.renamed)
