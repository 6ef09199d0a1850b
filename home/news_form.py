"""The form that news are written with in the back office."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from wagtail.admin.forms import WagtailAdminPageForm

from home.models.topics import Topic


class NewsPageForm(WagtailAdminPageForm):
    """Offers a text to write, and topics and communities in the page's language; names the writer as
    author."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        page = kwargs.get("instance")
        if page is not None and page.pk is None and not page.body:
            page.body = [("text", "")]  # ready to write into
        super().__init__(*args, **kwargs)
        if self.instance.locale_id is None and self.parent_page is not None:
            self.instance.locale = self.parent_page.locale
        for name in ("topics", "communities", "pools"):
            if name in self.fields:
                self.fields[name].widget = forms.CheckboxSelectMultiple()
        self._offer("topics", Topic.objects.in_language(self.instance.locale_id))
        if "communities" in self.fields:
            pages = self.fields["communities"].queryset.model.objects
            here = pages.filter(live=True, locale=self.instance.locale_id).order_by("title")
            self._offer("communities", here)

    def _offer(self, name: str, offered: Any) -> None:
        """Tick what is chosen as well where it was chosen in another language."""
        if name not in self.fields:
            return
        self.fields[name].queryset = offered
        if self.instance.pk:
            keys = {each.translation_key for each in getattr(self.instance, name).all()}
            self.initial[name] = list(offered.filter(translation_key__in=keys))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        picture = cleaned.get("image")
        # A draft may wait for its words; what is published or sent for review may not.
        has_words = cleaned.get("image_words") or (picture and picture.description)
        if picture and not has_words and not self.is_deferred_validation:
            self.add_error(
                "image_words", _("Say what the picture shows, for readers who cannot see it.")
            )
        return cleaned

    def save(self, commit: bool = True) -> Any:
        page = super().save(commit=commit)
        is_new = page.pk is None or page._state.adding
        if is_new and self.for_user and not page.authors and not page.people.all():
            self._name_the_writer(page)
        return page

    def _name_the_writer(self, page: Any) -> None:
        if self.for_user.get_full_name():
            page.people.add(page._meta.model.people.rel.related_model(user=self.for_user))
