"""Pages that exist in demo and test alone: the kept mail and the gallery of components."""

from django.urls import path

from portal import demo_mail, gallery

urlpatterns = [
    path("mail/", demo_mail.mailbox, name="demo_mail"),
    path("mail/<str:name>/", demo_mail.message, name="demo_mail_message"),
    path("components/", gallery.components, name="demo_components"),
]
