"""Which entry of a file or a feed became which page, so that none is brought twice."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.models import Locale


class ImportedNews(models.Model):
    """One entry that was brought from elsewhere. Deleting its page forgets it: it may come again.

    ``external_id`` is the entry's own id in its feed, or the file's column of that name.
    """

    page = models.OneToOneField(
        "home.NewsPage", on_delete=models.CASCADE, related_name="imported_from"
    )
    external_id = models.CharField(_("id at its source"), max_length=500)
    locale = models.ForeignKey(Locale, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(_("source"), max_length=500)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    imported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("imported news")
        verbose_name_plural = _("imported news")
        default_permissions = ()
        permissions = [("import_news", _("Can import news"))]
        constraints = [
            models.UniqueConstraint(
                fields=["external_id", "locale"], name="home_imported_news_once_per_language"
            )
        ]

    def __str__(self) -> str:
        return self.external_id
