"""What staff record: the list, the form for one, and the upload of a file in two steps.

Between the steps the file waits for its clerk alone (`core.csv_files.keep`).
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column
from wagtail.admin.widgets import AdminDateInput

from core import countries, csv_files
from core.refusals import Refusal
from funding.payments.backoffice.base import (
    MoneyPage,
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
)
from funding.payments.models import ExpectedPayment, ManualChannel
from funding.pools import gifts, recorded_csv, recorded_files, recording
from funding.pools.models import Donor, PoolProfile, RecordedGiving
from funding.pools.permissions import RECORD_GIVING
from funding.pools.recorded_cells import read_row
from funding.pools.recorded_things import DonorFacts, parked_money

only_read(RecordedGiving)

VIEW = "pools.view_recordedgiving"
SHOWN = 200


class RecordForm(forms.Form):
    """One thing to record. Its values are read as a row of a file is (`recorded_cells.read_row`), so
    every field is a text here and the errors are the same."""

    external_id = forms.CharField(
        label=_("Identifier"),
        help_text=_("What the file or the letter calls it; the same one is recorded once."),
    )
    kind = forms.ChoiceField(
        label=_("What it is"), choices=RecordedGiving.Kind.choices, widget=forms.RadioSelect
    )
    donor_id = forms.CharField(
        label=_("Number of a known donor"),
        required=False,
        help_text=_("As the list of donors shows it. Empty: write the donor down below."),
    )
    donor = forms.CharField(label=_("Donor’s name"), required=False)
    donor_kind = forms.ChoiceField(
        label=_("The donor is"), choices=Donor.Kind.choices, required=False
    )
    email = forms.CharField(label=_("E-mail address"), required=False)
    country = forms.ChoiceField(label=_("Country"), required=False)
    pool = forms.ChoiceField(label=_("Pool"))
    amount = forms.CharField(label=_("Amount"), help_text=_("In the currency of the pool."))
    public_name = forms.CharField(
        label=_("Name to show"),
        required=False,
        help_text=_("As the donor agreed that the public reads it. Empty: anonymous."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    tell_donor = forms.BooleanField(
        label=_("Write to the donor"),
        required=False,
        help_text=_("Sends the payment request, or the receipt, by e-mail. Not for a pledge."),
    )
    due_on = forms.CharField(
        label=_("Due on"),
        required=False,
        widget=AdminDateInput,
        help_text=_("Of what is expected, or of a pledge in one part."),
    )
    schedule = forms.CharField(
        label=_("Instalments of a pledge"),
        required=False,
        help_text=_("Like 2027-01-31 2500 | 2027-07-31 2500"),
    )
    binding = forms.BooleanField(label=_("The pledge is binding"), required=False)
    condition = forms.CharField(
        label=_("Condition of the pledge"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    channel = forms.ChoiceField(label=_("Payment channel"), required=False)
    evidence = forms.CharField(
        label=_("Evidence of a payment"),
        required=False,
        help_text=_("The operator’s or the cheque’s number."),
    )
    paid_on = forms.CharField(label=_("Paid on"), required=False, widget=AdminDateInput)
    bank_line = forms.ChoiceField(label=_("Or the parked bank line"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        none = [("", "–")]
        channels = ManualChannel.objects.filter(is_open=True).order_by("name")
        self._offer("country", none + countries.choices())
        self._offer(
            "pool",
            [
                (profile.code, f"{profile.title} ({profile.currency})")
                for profile in PoolProfile.objects.select_related("pool").order_by("pool__name")
            ],
        )
        self._offer("channel", none + [(name, name) for name in _names(channels)])
        self._offer(
            "bank_line",
            none
            + [
                (
                    str(parked.match.line),
                    f"{parked.match.line.booked_on}: {parked.left.format()}, "
                    f"{parked.match.line.counterparty} {parked.name}",
                )
                for parked in parked_money()
            ],
        )

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def cells(self) -> dict[str, str]:
        """The values as the cells of a row."""
        typed = self.cleaned_data
        yes = {name: "yes" if typed[name] else "" for name in ("tell_donor", "binding")}
        texts = {name: str(typed[name]) for name in self.fields if name not in yes}
        return {**texts, **yes}


def _names(channels: Any) -> list[str]:
    return sorted({channel.name for channel in channels})


class RecordView(MoneyPage):
    rights = (RECORD_GIVING,)
    template_name = "pools/backoffice/record.html"
    page_title = _("Record a gift or a pledge")
    header_icon = "edit"
    viewset_name = "pools_recorded"
    list_label = _("Recorded")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        initial = {"donor_kind": Donor.Kind.ORGANISATION, "language": settings.LANGUAGE_CODE}
        return super().get_context_data(**{"form": RecordForm(initial=initial), **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = RecordForm(request.POST)
        if form.is_valid() and (made := self._record(form)) is not None:
            messages.success(request, gettext("It is recorded."))
            return redirect("pools_recorded:inspect", made.pk)
        return self.render_to_response(self.get_context_data(form=form))

    def _record(self, form: RecordForm) -> RecordedGiving | None:
        """None where it was refused; the form has the errors then."""
        pool = PoolProfile.objects.select_related("pool").get(pool__code=form.cleaned_data["pool"])
        row = read_row(1, {**form.cells, "currency": pool.currency})
        if row.giving is not None:
            try:
                return recording.record(row.giving, by=self.person)
            except Refusal as refusal:
                row.refuse(refusal)
        for column, words in row.errors.items():
            form.add_error(column if column in form.fields else None, words)
        return None


class DonorForm(forms.Form):
    name = forms.CharField(
        label=_("Donor’s name"),
        max_length=120,
        error_messages={"required": _("Write the donor’s name.")},
    )
    kind = forms.ChoiceField(label=_("The donor is"), choices=Donor.Kind.choices)
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        error_messages={"invalid": _("Write an e-mail address, or leave it empty.")},
    )
    country = forms.ChoiceField(label=_("Country"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country = self.fields["country"]
        assert isinstance(country, forms.ChoiceField)
        country.choices = [("", "–"), *countries.choices()]


class DonorView(MoneyPage):
    """A donor alone, such as one who matches gifts. The same donor again is the same row."""

    rights = (RECORD_GIVING,)
    template_name = "pools/backoffice/record.html"
    page_title = _("Record a donor")
    header_icon = "user"
    viewset_name = "pools_recorded"
    list_label = _("Recorded")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        initial = {"kind": Donor.Kind.ORGANISATION}
        return super().get_context_data(**{"form": DonorForm(initial=initial), **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = DonorForm(request.POST)
        if form.is_valid():
            try:
                donor = recording.record_donor(DonorFacts(**form.cleaned_data), by=self.person)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                words = gettext("%(donor)s is recorded as donor number %(number)s.")
                messages.success(request, words % {"donor": donor.name, "number": donor.pk})
                return redirect("pools_recorded:index")
        return self.render_to_response(self.get_context_data(form=form))


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV in UTF-8 or Windows-1252: up to 5,000 rows, 1,000 of them payments, and 2 MB."
        ),
        error_messages={
            "required": _("Choose the file."),
            "empty": _("There is nothing in the file."),
        },
    )


class UploadView(MoneyPage):
    """The file, then what each row would do, then all of it or nothing."""

    rights = (RECORD_GIVING,)
    template_name = "pools/backoffice/record_file.html"
    page_title = _("Record from a file")
    waits_as = "recorded"
    header_icon = "upload"
    viewset_name = "pools_recorded"
    list_label = _("Recorded")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {"upload_form": UploadForm(), "columns": recorded_csv.COLUMNS}
        return super().get_context_data(**{**context, **kwargs})

    def acts(self) -> dict[str, Any]:
        return {"look": (RECORD_GIVING, self._look), "record": (RECORD_GIVING, self._record)}

    def _look(self) -> HttpResponse:
        form = UploadForm(self.request.POST, self.request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(upload_form=form))
        upload = form.cleaned_data["file"]
        content = upload.read(recorded_csv.MOST_BYTES + 1)
        try:
            look = recorded_files.dry_run(content, by=self.person)
        except Refusal as refusal:
            form.add_error("file", str(refusal))
            return self.render_to_response(self.get_context_data(upload_form=form))
        token = csv_files.keep(self.waits_as, self.person, upload.name, content)
        shown = look.wrong[:SHOWN] or look.rows[:SHOWN]
        return self.render_to_response(
            self.get_context_data(
                token=token,
                file_name=upload.name,
                look=look,
                shown=shown,
                more=len(look.wrong or look.rows) - len(shown),
            )
        )

    def _record(self) -> HttpResponse:
        token = self.request.POST.get("token", "")
        found = csv_files.kept(self.waits_as, self.person, token)
        if found is None:
            messages.error(self.request, gettext("The file waited too long. Choose it again."))
            return self.stay()
        name, content = found
        count = len(recorded_files.apply(content, file_name=name, by=self.person))
        csv_files.forget(self.waits_as, self.person, token)
        if count:
            words = ngettext(
                "%(count)s row is recorded.", "%(count)s rows are recorded.", count
            ) % {"count": count}
            messages.success(self.request, words)
        else:
            messages.info(self.request, gettext("Every row was recorded before. Nothing changed."))
        return redirect("pools_recorded:index")


class SampleView(MoneyPage):
    """A file to begin with."""

    rights = (RECORD_GIVING,)
    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponse(recorded_csv.sample(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="recorded-gifts.csv"'
        return response


class RecordedPage(RowPage):
    model = RecordedGiving
    rights = (VIEW,)
    template_name = "pools/backoffice/recorded.html"
    header_icon = "edit"

    def get_rows(self) -> Any:
        return RecordedGiving.objects.select_related(
            "donor", "gift__pool", "pledge__pool", "recorded_by"
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        thing = row.gift or row.pledge
        expected = None
        if row.gift is not None:
            expected = ExpectedPayment.objects.filter(
                purpose=gifts.PURPOSE, purpose_id=row.gift_id
            ).first()
        shown = [
            *facts(row, "external_id", "kind"),
            (gettext("Amount"), thing.money.format()),
            (gettext("Pool"), thing.pool.name),
            (gettext("Donor"), f"{row.donor.name} ({row.donor_id})"),
            (gettext("Name to show"), thing.public_name or gettext("anonymous")),
            *facts(row, "file_name", "recorded_by", "recorded_at"),
        ]
        context = {"facts": shown, "expected": expected}
        return super().get_context_data(**{**context, **kwargs})


class RecordedViewSet(ReadViewSet):
    model = RecordedGiving
    name = "pools_recorded"
    url_prefix = "giving/recorded"
    icon = "edit"
    menu_label = _("Recorded")
    page_view = RecordedPage
    index_template_name = "pools/backoffice/recorded_index.html"
    list_filter = ["kind", "recorded_at", "recorded_by"]
    search_fields = ["external_id", "donor__name", "file_name"]
    list_display = [
        "external_id",
        "kind",
        Column("donor", label=_("Donor"), accessor="donor.name"),
        money_column("money", _("Amount"), lambda row: (row.gift or row.pledge).money),
        Column("pool", label=_("Pool"), accessor=lambda row: (row.gift or row.pledge).pool.name),
        "file_name",
        "recorded_by",
        "recorded_at",
    ]

    def rows(self) -> Any:
        return RecordedGiving.objects.select_related(
            "donor", "gift__pool", "pledge__pool", "recorded_by"
        )

    def more_urls(self) -> list[URLPattern]:
        return [
            path("new/", RecordView.as_view(), name="new"),
            path("donor/", DonorView.as_view(), name="donor"),
            path("file/", UploadView.as_view(), name="file"),
            path("file/sample.csv", SampleView.as_view(), name="sample"),
        ]
