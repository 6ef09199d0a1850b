"""Addresses of home that are not pages; Wagtail's pages come after them."""

from django.urls import path

from home.feeds import NewsFeed

urlpatterns = [
    path("news/feed/", NewsFeed(), name="news_feed"),
]
