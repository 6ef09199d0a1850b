from django.urls import path

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
]
