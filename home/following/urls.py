"""The pages by which people follow without an account."""

from django.urls import path

from home.following import views

urlpatterns = [
    path("", views.follow, name="follow"),
    path("code/", views.code, name="follow_code"),
    path("confirm/<str:token>/", views.confirm, name="follow_confirm"),
    path("stop/<str:token>/", views.stop, name="follow_stop"),
    path("all/<str:token>/", views.everything, name="follow_all"),
]
