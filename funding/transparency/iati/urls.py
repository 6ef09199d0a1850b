"""Addresses of the two files, below /open-data/iati/."""

from django.urls import path

from funding.transparency.iati import views

urlpatterns = [
    path("activities.xml", views.activities_file, name="iati_activities"),
    path("organisation.xml", views.organisation_file, name="iati_organisation"),
]
