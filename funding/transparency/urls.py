"""Addresses of the read side: entries of a pool, the ledger, their downloads."""

from django.urls import path

from funding.transparency import (
    badge_views,
    download_views,
    money_views,
    open_data_views,
    opened_views,
    statement_views,
    views,
)

urlpatterns = [
    path("pools/<slug:code>/entries/", views.pool_entries, name="pool_entries"),
    path("pools/<slug:code>/entries.csv", download_views.pool_entries_csv, name="pool_entries_csv"),
    path(
        "pools/<slug:code>/entries.beancount",
        download_views.pool_beancount,
        name="pool_entries_beancount",
    ),
    path("pools/<slug:code>/statements/", statement_views.pool_statements, name="pool_statements"),
    path(
        "pools/<slug:code>/statements/<str:month>/",
        statement_views.pool_statement,
        name="pool_statement",
    ),
    path(
        "pools/<slug:code>/statements/<str:month>.json",
        statement_views.pool_statement_json,
        name="pool_statement_json",
    ),
    path("pools/<slug:code>/badge.svg", badge_views.badge_svg, name="pool_badge_svg"),
    path("pools/<slug:code>/badge/", badge_views.badge_page, name="pool_badge"),
    path("pools/<slug:code>/donors/", money_views.pool_givers, name="pool_givers"),
    path("pools/<slug:code>/donors/entries/", opened_views.pool_giver, name="pool_giver"),
    path(
        "pools/<slug:code>/months/<str:month>/<slug:flow>/",
        opened_views.pool_month,
        name="pool_month",
    ),
    path("money/", money_views.money, name="money"),
    path("money/entries/", money_views.money_entries, name="money_entries"),
    path("money/donors/", money_views.money_givers, name="money_givers"),
    path("money/donors/entries/", opened_views.money_giver, name="money_giver"),
    path("money/months/<str:month>/<slug:flow>/", opened_views.money_month, name="money_month"),
    path("money/statements/", statement_views.money_statements, name="money_statements"),
    path("open-data/", open_data_views.open_data, name="open_data"),
    path("open-data/api/", open_data_views.open_data_api, name="open_data_api"),
    path("ledger/", views.ledger_overview, name="ledger"),
    path("ledger/entries.csv", download_views.ledger_csv, name="ledger_csv"),
    path("ledger/entries/<int:number>/", views.ledger_entry, name="ledger_entry"),
]
