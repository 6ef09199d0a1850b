"""What news are about, in a few words that staff keep: releases, training, the cold chain."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel
from wagtail.models import Locale, TranslatableMixin
from wagtail.search import index


class TopicQuerySet(models.QuerySet["Topic"]):
    def in_language(self, locale: Locale | int) -> "TopicQuerySet":
        """Each topic once: in the language, or in the site's first where nobody translated it."""
        own = Topic.objects.filter(locale=locale, translation_key=OuterRef("translation_key"))
        first = Q(locale__language_code=settings.LANGUAGE_CODE) & ~Exists(own)
        return self.filter(Q(locale=locale) | first)


class Topic(TranslatableMixin, index.Indexed, models.Model):
    """One topic in one language; ``translation_key`` joins its languages.

    Readers keep its address and feed readers its feed, so the slug is made once, from the first
    name, and a translation keeps the original's.
    """

    name = models.CharField(_("name"), max_length=60)
    slug = models.SlugField(_("address"), max_length=60, editable=False)

    objects = TopicQuerySet.as_manager()

    panels = [FieldPanel("name")]
    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "locale"], name="home_topic_slug_once_per_language"
            ),
            models.UniqueConstraint(
                fields=["name", "locale"],
                name="home_topic_name_once_per_language",
                violation_error_message=_("There is a topic of this name in this language."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            self.slug = self._free_slug()
        super().save(*args, **kwargs)

    def _free_slug(self) -> str:
        wanted = slugify(self.name)[:50] or uuid.uuid4().hex[:8]
        taken = set(
            Topic.objects.filter(slug__startswith=wanted)
            .exclude(translation_key=self.translation_key)
            .values_list("slug", flat=True)
        )
        tries = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
        return next(slug for slug in tries if slug not in taken)
