from django.urls import path

from portal.account import giving_donor_views as donor_views
from portal.account import giving_views as views

urlpatterns = [
    path("", views.giving, name="giving"),
    path("pledges/<uuid:reference>/", views.pledge, name="giving_pledge"),
    path(
        "pledges/<uuid:reference>/instalments/<int:number>/pay/",
        views.pay_instalment,
        name="giving_pay_instalment",
    ),
    path("pledges/<uuid:reference>/revoke/", views.revoke_consent, name="giving_revoke_consent"),
    path(
        "recurring/<uuid:reference>/stop/",
        views.stop_standing_order,
        name="giving_stop_standing_order",
    ),
    path("pledges/<uuid:reference>/withdraw/", views.withdraw, name="giving_withdraw"),
    path("pledges/<uuid:reference>/name/", donor_views.name_pledge, name="giving_name_pledge"),
    path("gifts/<uuid:reference>/name/", donor_views.name_gift, name="giving_name_gift"),
    path(
        "recurring/<uuid:reference>/name/",
        donor_views.name_recurring,
        name="giving_name_recurring",
    ),
    path("you/", donor_views.own_details, name="giving_details"),
    path("claim/", donor_views.claim, name="giving_claim"),
    path(
        "years/<int:year>/<slug:currency>.pdf",
        donor_views.year_statement,
        name="giving_year_statement",
    ),
    path("did/", donor_views.did, name="giving_did"),
]
