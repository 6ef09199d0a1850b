"""What all pages share."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Left, Length
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from wagtail.models import Page, PageViewRestriction
from wagtail.search import index


class Confidence(models.TextChoices):
    """How sure we are of what a fact page says."""

    HIGH = "high", _("Read at the source")
    MEDIUM = "medium", _("Reported by others")
    LOW = "low", _("Only public code is known")


class PortalPage(Page):
    """A page with a summary, which knows the language its words are in.

    A page that nobody has translated yet exists in the other languages as an alias: there the
    frame speaks the reader's language and the words stay the original's.
    """

    summary = models.TextField(
        _("summary"),
        max_length=300,
        blank=True,
        help_text=_("One or two sentences: shown under the title, in lists and by search engines."),
    )

    # What kind of page it is, in a word, for its social card (home/cards.py).
    card_kind: ClassVar[str | Promise] = ""

    content_panels = [*Page.content_panels, "summary"]
    search_fields = [*Page.search_fields, index.SearchField("summary")]

    class Meta:
        abstract = True

    @property
    def content_language(self) -> str:
        """The language code of the words, which is not the page's own for an alias."""
        original = self.alias_of if self.alias_of_id else self
        code: str = original.locale.language_code
        return code

    @property
    def is_untranslated(self) -> bool:
        """Whether the reader sees another language's words under this address."""
        return self.content_language != self.locale.language_code

    def update_aliases(self, **kwargs: Any) -> None:
        """Wagtail calls this as well when a page is only scheduled, and would publish the page's
        copies in the other languages then: before its moment."""
        if self.live:
            super().update_aliases(**kwargs)

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(request, *args, **kwargs)
        context["description"] = self.search_description or self.summary
        # Below the home page of the language, which the logo leads to.
        above = self.get_ancestors().filter(depth__gt=2) if self.path else []
        context["crumbs"] = [{"label": page.title, "href": page.get_url(request)} for page in above]
        return context


def public(model: type[PortalPage]) -> Any:
    """The published pages of a type that anyone may read, with what `content_language` needs.

    Wagtail's own `public()` asks for all restrictions by a query of its own, each time anew.
    """
    closed = PageViewRestriction.objects.annotate(
        below=Left(OuterRef("path"), Length("page__path"))
    ).filter(page__path=F("below"))
    return model.objects.live().filter(~Exists(closed)).select_related("locale", "alias_of__locale")


class IndexPage(PortalPage):
    """A page that lists its children, all of one type."""

    max_count_per_parent = 1

    class Meta:
        abstract = True

    def children_of(self, model: type[PortalPage]) -> Any:
        """The published children of type ``model``, loaded as what they are in one query."""
        return public(model).child_of(self)


class OnePerLanguage(PortalPage):
    """A page of which there is one per language for each value of the field `one_per`.

    A page's locale lives in Wagtail's table and a constraint cannot span two tables, so the
    language is kept here as well; each model names both columns in a constraint.
    """

    language = models.CharField(max_length=10, editable=False, default="")

    one_per: ClassVar[str]
    taken: ClassVar[str | Promise]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._keep_language()
        super().save(*args, **kwargs)

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        self._keep_language()
        super().full_clean(*args, **kwargs)

    def clean(self) -> None:
        self._refuse_second()
        super().clean()

    def minimal_clean(self) -> None:
        """What Wagtail checks of a draft: there is no second one even then."""
        self._refuse_second()
        super().minimal_clean()

    def _keep_language(self) -> None:
        if self.locale_id is None:
            self.locale = self.get_default_locale()
        self.language = self.locale.language_code

    def _refuse_second(self) -> None:
        value = self.serializable_value(self.one_per)
        if value in (None, ""):
            return
        others = type(self)._default_manager.filter(
            **{self.one_per: value, "locale_id": self.locale_id}
        )
        if others.exclude(pk=self.pk).exists():
            raise ValidationError({self.one_per: self.taken})
