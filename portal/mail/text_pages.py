"""Texts of e-mails in the back office: all of them by area, and the page on which one is changed."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.defaults import permission_denied
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from core.mail import enqueue_test
from core.mailing import catalogue, language, texts
from core.mailing.catalogue import Text
from core.mailing.models import MailText
from core.mailing.samples import SAMPLES
from core.transactions import use_case
from funding.payments.backoffice.base import MoneyPage


@dataclass(frozen=True, slots=True)
class Row:
    """One e-mail in the list."""

    name: str
    subject: str
    topic: str
    standing: list[tuple[str, str, MailText | None]]


def _standing() -> dict[tuple[str, str], MailText]:
    """The newest change of each text, in one query."""
    newest = MailText.objects.order_by("template", "language", "-number").distinct(
        "template", "language"
    )
    return {(row.template, row.language): row for row in newest if not row.is_back}


class TextListPage(MoneyPage):
    rights = (texts.CHANGE,)
    template_name = "mail/backoffice/texts.html"
    page_title = _("Texts")
    header_icon = "mail"
    http_method_names = ["get", "head"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = _standing()
        areas: dict[str, list[Row]] = {}
        for name in catalogue.names():
            if not texts.may_change(self.person, name):
                continue
            found = own.get((name, "en"))
            topic = catalogue.topic_of(name)
            row = Row(
                name,
                found.subject if found else catalogue.shipped(name, "en").subject,
                str(topic.label) if topic else "",
                [(code, str(label), own.get((name, code))) for code, label in settings.LANGUAGES],
            )
            areas.setdefault(catalogue.area_of(name), []).append(row)
        return super().get_context_data(areas=areas, **kwargs)


class TextForm(forms.Form):
    subject = forms.CharField(
        label=_("Subject"), max_length=200, error_messages={"required": _("Write the subject.")}
    )
    body = forms.CharField(
        label=_("Text"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 24}),
        error_messages={"required": _("Write the text.")},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class TextPage(MoneyPage):
    """One e-mail in one language: change it, look at it, try it, go back to the original."""

    rights = (texts.CHANGE,)
    template_name = "mail/backoffice/text.html"
    header_icon = "mail"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if kwargs["code"] not in dict(settings.LANGUAGES) or not catalogue.exists(kwargs["name"]):
            raise Http404
        # Before any of its acts: a look and a test show the text, too.
        if not texts.may_change(self.person, kwargs["name"]):
            return permission_denied(request, PermissionDenied())
        return super().dispatch(request, *args, **kwargs)

    @property
    def name(self) -> str:
        return str(self.kwargs["name"])

    @property
    def code(self) -> str:
        return str(self.kwargs["code"])

    @cached_property
    def newest(self) -> MailText | None:
        return texts.newest(self.name, self.code)

    def get_page_title(self) -> str:
        return self.name

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        text = texts.in_force(self.name, self.code)
        seen = self.newest.number if self.newest else 0
        kwargs.setdefault(
            "form", TextForm(initial={"subject": text.subject, "body": text.body, "seen": seen})
        )
        kwargs.setdefault("preview", texts.preview(self.name, self.code))
        own = self.newest if self.newest and not self.newest.is_back else None
        topic = catalogue.topic_of(self.name)
        kwargs |= {"name": self.name, "code": self.code}
        return super().get_context_data(
            languages=settings.LANGUAGES,
            area=catalogue.area_of(self.name),
            own=own,
            seen=seen,
            topic=topic.label if topic else "",
            variables=self._variables(),
            history=MailText.objects.filter(template=self.name, language=self.code).select_related(
                "changed_by"
            ),
            **kwargs,
        )

    def _variables(self) -> list[tuple[str, Any]]:
        """What this e-mail is filled with, each with its sample; lists by their parts."""
        values = texts.sample_values(self.code)
        found = []
        for name in sorted(texts.known_variables(self.name), key=str.lower):
            first, *rest = name.split("[].")
            value = SAMPLES[first][0][rest[0]] if rest else values.get(first, "")
            found.append((name, "" if isinstance(value, list) else value))
        return found

    # --- What is done here ---

    def acts(self) -> dict[str, Any]:
        return {
            "save": (texts.CHANGE, self._save),
            "look": (texts.CHANGE, self._look),
            "back": (texts.CHANGE, self._back),
            "test": (texts.CHANGE, self._test),
        }

    def _typed(self, form: TextForm, **shown: Any) -> HttpResponse:
        """The page again, with what was typed."""
        return self.render_to_response(self.get_context_data(form=form, **shown))

    def _save(self) -> HttpResponse:
        form = TextForm(self.request.POST)
        if not form.is_valid():
            return self._typed(form)
        try:
            texts.save(self.name, self.code, by=self.person, **form.cleaned_data)
        except (language.TextRefusal, texts.ChangedMeanwhile) as refusal:
            form.add_error(None, str(refusal))
            if isinstance(refusal, texts.ChangedMeanwhile):
                # Saved again, knowing it, it takes the place of theirs.
                number = str(self.newest.number if self.newest else 0)
                form.data = {**self.request.POST.dict(), "seen": number}
            return self._typed(form)
        return self.done(gettext("Saved. The next e-mail goes out like this."))

    def _look(self) -> HttpResponse:
        form = TextForm(self.request.POST)
        if not form.is_valid():
            return self._typed(form)
        subject, body = form.cleaned_data["subject"], form.cleaned_data["body"]
        try:
            texts.check(self.name, subject, body)
        except language.TextRefusal as refusal:
            form.add_error(None, str(refusal))
            return self._typed(form)
        values = texts.sample_values(self.code)
        typed = Text(language.fill(subject, values), language.fill(body, values))
        return self._typed(form, preview=typed, is_typed=True)

    def _back(self) -> HttpResponse:
        seen = self.request.POST.get("seen", "")
        texts.take_back(
            self.name, self.code, by=self.person, seen=int(seen) if seen.isdecimal() else -1
        )
        return self.done(gettext("The original text is in force again."))

    def _test(self) -> HttpResponse:
        with use_case():
            enqueue_test(self.name, self.person.email, self.code)
        messages.success(
            self.request,
            gettext("A test is on its way to %(address)s.") % {"address": self.person.email},
        )
        return redirect(self.request.path)


class TextMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(texts.CHANGE))


class TextsViewSet(ViewSet):
    name = "mail_texts"
    url_prefix = "e-mails/texts"
    icon = "edit"
    menu_label = _("Texts")
    menu_item_class = TextMenuItem

    def get_urlpatterns(self) -> list[URLPattern]:
        page = TextPage.as_view(viewset_name=self.name, list_label=self.menu_label)
        return [
            path("", TextListPage.as_view(), name="index"),
            path("<slug:name>/<slug:code>/", page, name="text"),
        ]
