"""The public pages of membership: the directory, and how to join."""

from django.urls import path

from membership import agreement_views, certificate_views, directory_exports, views, voice_views

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
    path("agreements/", agreement_views.agreements, name="agreements"),
    path("agreements/<slug:code>/", agreement_views.text, name="agreement_text"),
    path("agreements/<slug:code>/<str:label>/", agreement_views.version, name="agreement_version"),
    path(
        "agreements/<slug:code>/<str:label>/compare/<str:other>/",
        agreement_views.changes,
        name="agreement_changes",
    ),
]
