"""What a member organisation's people see and do, under /account/membership/."""

from django.urls import path

from portal.account import agreement_views as agreements
from portal.account import application_views as applying
from portal.account import benefits_views, profile_views, tier_views
from portal.account import membership_views as views

urlpatterns = [
    path("", views.overview, name="membership_area"),
    path("organisations/<slug:slug>/profile/", profile_views.profile, name="membership_profile"),
    path(
        "organisations/<slug:slug>/certificate.pdf",
        profile_views.certificate,
        name="membership_certificate",
    ),
    path("organisations/<slug:slug>/badge/", profile_views.badge_page, name="membership_badge"),
    path(
        "organisations/<slug:slug>/benefits/", benefits_views.benefits, name="membership_benefits"
    ),
    path(
        "organisations/<slug:slug>/benefits/<uuid:public_id>/",
        benefits_views.proof,
        name="membership_benefit_proof",
    ),
    path(
        "organisations/<slug:slug>/agreements/",
        agreements.overview,
        name="membership_agreements_of",
    ),
    path(
        "organisations/<slug:slug>/agreements/<int:pk>/",
        agreements.accept,
        name="membership_accept",
    ),
    path("apply/", applying.apply, name="membership_apply"),
    path("shared/", applying.shares, name="membership_shares"),
    path("shared/<uuid:public_id>/", applying.shares, name="membership_share"),
    path("applications/<uuid:public_id>/", applying.application, name="membership_application"),
    path(
        "applications/<uuid:public_id>/steps/<slug:step>/",
        applying.step,
        name="membership_application_step",
    ),
    path(
        "applications/<uuid:public_id>/check/", applying.check, name="membership_application_check"
    ),
    path(
        "applications/<uuid:public_id>/files/", applying.files, name="membership_application_files"
    ),
    path(
        "applications/<uuid:public_id>/files/<uuid:file_id>/",
        applying.file,
        name="membership_application_file",
    ),
    path(
        "applications/<uuid:public_id>/files/<uuid:file_id>/remove/",
        applying.remove_file,
        name="membership_application_remove_file",
    ),
    path(
        "applications/<uuid:public_id>/share/", applying.share, name="membership_application_share"
    ),
    path(
        "applications/<uuid:public_id>/share/<uuid:share_id>/revoke/",
        applying.revoke_share,
        name="membership_application_revoke_share",
    ),
    path(
        "applications/<uuid:public_id>/withdraw/",
        applying.withdraw,
        name="membership_application_withdraw",
    ),
    path("organisations/<slug:slug>/join-again/", views.rejoin, name="membership_rejoin"),
    path("organisations/<slug:slug>/tier/", tier_views.tiers, name="membership_tiers"),
    path("organisations/<slug:slug>/tier/<slug:code>/", tier_views.tier, name="membership_tier"),
    path("invoices/<uuid:public_id>/pay/", views.pay, name="membership_pay"),
    path(
        "invoices/<uuid:public_id>/purchase-order/",
        views.purchase_order,
        name="membership_purchase_order",
    ),
]
