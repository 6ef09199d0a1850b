"""An evangelist's own profile, under /account/evangelist/."""

from django.urls import path

from portal.account import evangelist_nomination_views as nominations
from portal.account import evangelist_service_views as service
from portal.account import evangelist_views

urlpatterns = [
    path("", evangelist_views.profile, name="account_evangelist"),
    path("service/", service.overview, name="evangelist_service"),
    path("service/confirm/", service.confirm, name="evangelist_confirm"),
    path("service/messages/", service.switch_messages, name="evangelist_messages"),
    path("service/certificate/", service.certificate, name="evangelist_certificate_pdf"),
    path("activities/add/", service.add_activity, name="evangelist_activity_add"),
    path("activities/<int:pk>/remove/", service.remove_activity, name="evangelist_activity_remove"),
    path(
        "messages/<uuid:public_id>/report/",
        service.report_message,
        name="evangelist_message_report",
    ),
    path("erase/", service.erase, name="evangelist_erase"),
    path("nominate/", nominations.nominate, name="evangelist_nominate"),
    path("nominations/code/", nominations.code, name="evangelist_nomination_code"),
    path(
        "nominations/<uuid:public_id>/withdraw/",
        nominations.withdraw,
        name="evangelist_nomination_withdraw",
    ),
    path("nominations/<str:token>/", nominations.nomination, name="evangelist_nomination"),
]
