"""Wagtail reads this module: what home adds to the back office, a module a subject."""

# Each registers its hooks when it is imported, and is used here for nothing else.
# ruff: noqa: F401

from home import confirming_pages, news_hooks, rich_text
from home.editing import hooks as editing
from home.evangelists import hooks as evangelists
from home.events import hooks as events
from home.searching import backoffice as searching
