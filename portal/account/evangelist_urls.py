"""An evangelist's own profile, under /account/evangelist/."""

from django.urls import path

from portal.account import evangelist_views

urlpatterns = [
    path("", evangelist_views.profile, name="account_evangelist"),
]
