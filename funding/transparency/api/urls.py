"""Addresses of the API, below /api/v1/."""

from funding.transparency.api.endpoints import api

app_name = "api"
urlpatterns = api.public_urls()
