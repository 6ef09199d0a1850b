"""Members → Reports: how membership moves, and what dues are to be expected. Nothing is kept."""

import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import countries
from core.cells import text_cell
from funding.dues import reports as dues_reports
from funding.dues.reports import Forecast
from membership import reports
from membership.models import Constituency
from membership.report_charts import movement_bars
from membership.reports import Choices, Movement, Only
from membership.staff_pages import PageViewSet, StaffPage

VIEW = "membership.view_term"
# Dues are figures of money, and read by those who read invoices.
VIEW_MONEY = "payments.view_invoice"


class ReportsPage(StaffPage):
    """The figures; ``?constituency=`` and ``?country=`` narrow them, ``?table=`` gives one as CSV."""

    right = VIEW
    template_name = "dues/reports.html"
    page_title = _("Reports")
    header_icon = "history"
    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        table = request.GET.get("table", "")
        make = {"months": _months_csv, "groups": _groups_csv, "forecast": _forecast_csv}.get(table)
        if make is None or (table == "forecast" and not self._sees_money()):
            return super().get(request, *args, **kwargs)
        return _as_csv(table, make(self._figures()))

    def _sees_money(self) -> bool:
        return bool(self.person.has_perm(VIEW_MONEY))

    def _only(self) -> Only:
        """What is asked for, as far as it is known here."""
        constituency = self.request.GET.get("constituency", "")
        country = self.request.GET.get("country", "")
        return Only(
            constituency if constituency in Constituency.values else "",
            country if country in countries.all_countries() else "",
        )

    def _figures(self) -> dict[str, Any]:
        today = timezone.localdate()
        only = self._only()
        stays = reports.stays(only)
        months = reports.movements(stays, today)
        year = reports.total(gettext("The last 12 months"), months[-12:])
        return {
            "today": today,
            "only": only,
            "months": months,
            "year": year,
            "by_constituency": reports.groups(stays, today, lambda who: who.constituency),
            "by_country": reports.groups(stays, today, lambda who: who.country),
            "forecasts": dues_reports.forecast(today, year, only) if self._sees_money() else None,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        figures = self._figures()
        only = figures["only"]
        choices = reports.choices()
        for each in figures["by_constituency"]:
            each.label = Constituency(each.label).label
        for each in figures["by_country"]:
            each.label = countries.get(each.label).name()
        context = {
            **figures,
            "rate": percent(figures["year"]),
            "bars": movement_bars(figures["months"]),
            "constituencies": _constituency_links(choices, only),
            "countries": _country_links(choices, only),
            "query": _query(only),
            "groups": [
                (
                    gettext("By constituency"),
                    [(each, percent(each)) for each in figures["by_constituency"]],
                ),
                (gettext("By country"), [(each, percent(each)) for each in figures["by_country"]]),
            ],
            "rows": [(each, percent(each)) for each in reversed(figures["months"])],
            "expected": [_shown(each) for each in figures["forecasts"] or []],
        }
        return super().get_context_data(**{**context, **kwargs})


def percent(movement: Movement) -> str:
    """The renewal rate for people: ``87.5 %``; a dash without one."""
    if movement.rate is None:
        return "–"
    whole, tenth = divmod(movement.rate, 10)
    return f"{number_format(f'{whole}.{tenth}' if tenth else str(whole), use_l10n=True)} %"


def _shown(forecast: Forecast) -> dict[str, Any]:
    """A forecast with its amounts as money."""
    return {
        "currency": forecast.currency,
        "months": [
            {
                "label": month.label,
                "would_renew": month.would_renew,
                "amounts": [
                    forecast.money(amount)
                    for amount in (month.full, month.forecast, month.invoiced, month.earned)
                ],
            }
            for month in forecast.months
        ],
        "would_renew": forecast.would_renew,
        "full": forecast.money(forecast.full),
        "forecast": forecast.money(forecast.forecast),
        "invoiced": forecast.money(forecast.invoiced),
        "overdue": forecast.money(forecast.overdue) if forecast.overdue else None,
        "later": forecast.money(forecast.later),
        "deferred": forecast.money(forecast.deferred),
    }


# --- Filters --------------------------------------------------------------------------------------


def _query(only: Only, **changes: str) -> str:
    named = {"constituency": only.constituency, "country": only.country, **changes}
    return urlencode({name: value for name, value in named.items() if value})


def _constituency_links(choices: Choices, only: Only) -> list[dict[str, Any]]:
    named = [(code, str(Constituency(code).label)) for code in Constituency.values]
    return _links("constituency", named, choices.constituencies, only.constituency, only)


def _country_links(choices: Choices, only: Only) -> list[dict[str, Any]]:
    return _links("country", countries.choices(), choices.countries, only.country, only)


def _links(
    name: str,
    named: Iterable[tuple[str, str]],
    counts: dict[str, int],
    chosen: str,
    only: Only,
) -> list[dict[str, Any]]:
    every = {"label": gettext("all"), "query": _query(only, **{name: ""}), "chosen": not chosen}
    return [
        every,
        *(
            {
                "label": f"{label} ({counts.get(code, 0)})",
                "query": _query(only, **{name: code}),
                "chosen": code == chosen,
            }
            for code, label in named
            if code in counts or code == chosen
        ),
    ]


# --- CSV ------------------------------------------------------------------------------------------

MOVEMENT_COLUMNS = [
    "members",
    "joined",
    "renewed",
    "lapsed",
    "cancelled",
    "terms_ended",
    "terms_followed",
]


def _cells(movement: Movement) -> list[Any]:
    return [
        movement.members,
        movement.joined,
        movement.renewed,
        movement.lapsed,
        movement.cancelled,
        movement.ended,
        movement.followed,
    ]


def _months_csv(figures: dict[str, Any]) -> list[list[Any]]:
    rows = [[f"{each.label:%Y-%m}", *_cells(each)] for each in figures["months"]]
    return [["month", *MOVEMENT_COLUMNS], *rows]


def _groups_csv(figures: dict[str, Any]) -> list[list[Any]]:
    rows: list[list[Any]] = [["group", "code", *MOVEMENT_COLUMNS]]
    for name in ("constituency", "country"):
        rows += [[name, each.label, *_cells(each)] for each in figures[f"by_{name}"]]
    return rows


def _forecast_csv(figures: dict[str, Any]) -> list[list[Any]]:
    """Amounts with the decimals of their currency. A forecast is no money that anybody owes."""
    rows: list[list[Any]] = [
        [
            "month",
            "currency",
            "terms_that_end",
            "dues_if_all_renew",
            "forecast",
            "invoiced_and_open",
            "paid_ahead_earned",
        ]
    ]
    for each in figures["forecasts"]:
        for month in each.months:
            amounts = (month.full, month.forecast, month.invoiced, month.earned)
            rows.append(
                [
                    f"{month.label:%Y-%m}",
                    each.currency,
                    month.would_renew,
                    *(each.money(amount).decimal for amount in amounts),
                ]
            )
        rows.append(["later", each.currency, "", "", "", "", each.money(each.later).decimal])
    return rows


def _as_csv(name: str, rows: Sequence[Sequence[Any]]) -> HttpResponse:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([text_cell(str(cell)) for cell in row] for row in rows)
    day: datetime.date = timezone.localdate()
    return HttpResponse(
        "\ufeff" + out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="members-{name}-{day}.csv"'},
    )


class ReportsViewSet(PageViewSet):
    name = "membership_reports"
    url_prefix = "members/reports"
    menu_label = _("Reports")
    icon = "history"
    right = VIEW

    def get_urlpatterns(self) -> list[URLPattern]:
        return [path("", ReportsPage.as_view(), name="index")]
