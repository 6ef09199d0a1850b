"""What a member organisation's people see and do, under /account/membership/."""

from django.urls import path

from portal.account import membership_views as views

urlpatterns = [
    path("", views.overview, name="membership_area"),
    path("apply/", views.apply, name="membership_apply"),
    path("applications/<uuid:public_id>/", views.application, name="membership_application"),
    path(
        "applications/<uuid:public_id>/change/",
        views.change,
        name="membership_application_change",
    ),
    path("applications/<uuid:public_id>/check/", views.check, name="membership_application_check"),
    path(
        "applications/<uuid:public_id>/withdraw/",
        views.withdraw,
        name="membership_application_withdraw",
    ),
    path("invoices/<uuid:public_id>/pay/", views.pay, name="membership_pay"),
    path(
        "invoices/<uuid:public_id>/purchase-order/",
        views.purchase_order,
        name="membership_purchase_order",
    ),
]
