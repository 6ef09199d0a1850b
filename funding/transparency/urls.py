"""Addresses of the read side: entries of a pool, the ledger, their downloads."""

from django.urls import path

from funding.transparency import views

urlpatterns = [
    path("pools/<slug:code>/entries/", views.pool_entries, name="pool_entries"),
    path("pools/<slug:code>/entries.csv", views.pool_entries_csv, name="pool_entries_csv"),
    path("ledger/", views.ledger_overview, name="ledger"),
    path("ledger/entries.csv", views.ledger_csv, name="ledger_csv"),
    path("ledger/entries/<int:number>/", views.ledger_entry, name="ledger_entry"),
]
