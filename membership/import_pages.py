"""The import of existing members: the file, then what each row would do, then all or nothing."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import csv_files
from core.refusals import Refusal
from membership import member_csv, member_import
from membership.staff_pages import FileForm, PageViewSet, SampleFile, StaffPage
from membership.terms import IMPORT

SHOWN = 200
WAITS_AS = "members"


class UploadForm(FileForm):
    most = _("CSV in UTF-8 or Windows-1252: up to 1,000 rows and 1 MB.")


class ImportView(StaffPage):
    right = IMPORT
    template_name = "membership/backoffice/import.html"
    page_title = _("Import members")
    header_icon = "upload"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {"upload_form": UploadForm(), "columns": member_csv.DESCRIBED}
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        act = {"look": self._look, "import": self._import}.get(request.POST.get("act", ""))
        if act is None:
            return self.stay()
        try:
            return act()
        except Refusal as refusal:
            return self.refuse(str(refusal))

    def _look(self) -> HttpResponse:
        form = UploadForm(self.request.POST, self.request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(upload_form=form))
        upload = form.cleaned_data["file"]
        content = upload.read(member_csv.MOST_BYTES + 1)
        try:
            look = member_import.dry_run(content, by=self.person)
        except Refusal as refusal:
            form.add_error("file", str(refusal))
            return self.render_to_response(self.get_context_data(upload_form=form))
        token = csv_files.keep(WAITS_AS, self.person, upload.name, content)
        return self.render_to_response(
            self.get_context_data(token=token, file_name=upload.name, **_shown(look))
        )

    def _import(self) -> HttpResponse:
        token = self.request.POST.get("token", "")
        found = csv_files.kept(WAITS_AS, self.person, token)
        if found is None:
            return self.refuse(gettext("The file waited too long. Choose it again."))
        name, content = found
        outcome = member_import.apply(
            content,
            file_name=name,
            others=csv_files.row_numbers(self.request.POST.getlist("other")),
            invite=self.request.POST.get("invite") == "yes",
            by=self.person,
        )
        csv_files.forget(WAITS_AS, self.person, token)
        messages.success(self.request, _in_words(outcome))
        return redirect("membership_organisations:index")


def _shown(look: member_import.DryRun) -> dict[str, Any]:
    """Rows with errors alone where there are any; else those to decide about first."""
    rows = look.wrong or [*look.alike, *look.new, *look.known]
    # What a person decides about is always shown.
    most = max(SHOWN, len(look.alike))
    return {"look": look, "shown": rows[:most], "more": max(0, len(rows) - most)}


def _in_words(outcome: member_import.Outcome) -> str:
    words = [
        ngettext("%(count)s row is imported.", "%(count)s rows are imported.", outcome.imported)
        % {"count": outcome.imported}
    ]
    if outcome.skipped:
        words.append(
            ngettext("%(count)s row is skipped.", "%(count)s rows are skipped.", outcome.skipped)
            % {"count": outcome.skipped}
        )
    if outcome.known:
        words.append(
            ngettext(
                "%(count)s row was imported before.",
                "%(count)s rows were imported before.",
                outcome.known,
            )
            % {"count": outcome.known}
        )
    return " ".join(words)


class SampleView(SampleFile):
    right = IMPORT
    file_name = "members-to-import.csv"

    def sample(self) -> str:
        return member_csv.sample()


class ImportViewSet(PageViewSet):
    name = "membership_import"
    url_prefix = "members/import"
    menu_label = _("Import")
    icon = "upload"
    right = IMPORT

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", ImportView.as_view(), name="index"),
            path("sample.csv", SampleView.as_view(), name="sample"),
        ]
