from django.urls import path

from funding.pools import views
from funding.pools.views.transfers import pool_transfers

urlpatterns = [
    path("transfers/", pool_transfers, name="pool_transfers"),
    path("give/<slug:code>/", views.give, name="give"),
    path("pledge/<slug:code>/", views.pledge, name="pledge"),
    path("pledge/<slug:code>/<uuid:reference>/", views.check_pledge, name="pledge_check"),
    path("pledge/<slug:code>/<uuid:reference>/change/", views.change_pledge, name="pledge_change"),
    path(
        "pledge/<slug:code>/<uuid:reference>/discard/", views.discard_pledge, name="pledge_discard"
    ),
]
