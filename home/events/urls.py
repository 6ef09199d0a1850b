"""Addresses of events that are not pages; ahead of Wagtail's."""

from django.urls import path

from home.events import registration_views, views

urlpatterns = [
    path("events/calendar.ics", views.events_calendar, name="events_calendar"),
    path("events/<slug:slug>.ics", views.event_calendar, name="event_calendar"),
    path("events/time-zone/", views.zone, name="event_zone"),
    path(
        "events/registration/<str:token>/",
        registration_views.registration,
        name="event_registration",
    ),
]
