from django.urls import path

from portal.account import pledge_views as views

urlpatterns = [
    path("<uuid:reference>/instalments/<int:number>/", views.instalment, name="giving_instalment"),
    path(
        "<uuid:reference>/requests/<uuid:public_id>/withdraw/",
        views.withdraw_request,
        name="giving_withdraw_request",
    ),
    path("<uuid:reference>/agreements/", views.agreements, name="giving_agreements"),
    path("<uuid:reference>/agreements/<int:pk>/", views.agreement, name="giving_agreement"),
]
