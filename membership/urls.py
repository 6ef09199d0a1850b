"""The public pages of membership: the directory, and how to join."""

from django.urls import path

from membership import certificate_views, directory_exports, views, voice_views

urlpatterns = [
    path("members/", views.directory, name="members"),
    path("members.csv", directory_exports.members_csv, name="members_csv"),
    path("members.json", directory_exports.members_json, name="members_json"),
    path(
        "members/certificates/<uuid:code>/",
        certificate_views.certificate,
        name="member_certificate",
    ),
    # Ahead of the members' own pages: no member has this address (membership.organisations).
    path("members/voice/", voice_views.voice, name="voice"),
    path("members/<slug:slug>/", views.member, name="member"),
    path("members/<slug:slug>/badge.svg", certificate_views.badge_svg, name="member_badge_svg"),
    path("join/", views.join, name="join"),
    path("join/agreements/<int:pk>/", views.agreement, name="agreement"),
]
