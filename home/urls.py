"""Addresses of home that are not pages; Wagtail's pages come after them."""

from django.urls import include, path

from home.feeds import NewsFeed
from home.searching.views import opensearch, search

urlpatterns = [
    path("", include("home.evangelists.urls")),
    path("news/feed/", NewsFeed(), name="news_feed"),
    path("", include("home.events.urls")),
    path("search/", search, name="search"),
    path("search/opensearch.xml", opensearch, name="opensearch"),
    path("follow/", include("home.following.urls")),
]
