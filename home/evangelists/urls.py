"""Public addresses around evangelists, beside their pages."""

from django.urls import path

from home.evangelists import views

urlpatterns = [
    path("evangelists/message/sent/", views.message_sent, name="evangelist_message_sent"),
    path("evangelists/message/code/", views.message_code, name="evangelist_message_code"),
    path("evangelists/message/<str:token>/", views.message, name="evangelist_message"),
    path("evangelists/certificate/<uuid:code>/", views.certificate, name="evangelist_certificate"),
    path("evangelists/<str:slug>/write/", views.write, name="evangelist_contact"),
]
