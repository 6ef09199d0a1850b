"""The signed-in area of members, donors and evangelists, under /account/."""

from django.urls import include, path

from portal.account import views

urlpatterns = [
    path("", views.overview, name="account_area"),
    path("membership/", include("portal.account.membership_urls")),
    path("membership/", include("portal.account.people_urls")),
    path("giving/", include("portal.account.giving_urls")),
    path("giving/pledges/", include("portal.account.pledge_urls")),
    path("evangelist/", include("portal.account.evangelist_urls")),
]
