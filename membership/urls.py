"""The public pages of membership: the directory, and how to join."""

from django.urls import path

from membership import views

urlpatterns = [
    path("members/", views.directory, name="members"),
    path("members/<slug:slug>/", views.member, name="member"),
    path("join/", views.join, name="join"),
    path("join/agreements/<int:pk>/", views.agreement, name="agreement"),
]
