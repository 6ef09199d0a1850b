"""The people of an organisation, and the ways to a seat in it, under /account/membership/."""

from django.urls import path

from portal.account import people_views as people
from portal.account import seat_views as seat

OF_ONE = "organisations/<slug:organisation>/people/"

urlpatterns = [
    path(OF_ONE, people.overview, name="people"),
    path(f"{OF_ONE}invite/", people.invite, name="people_invite"),
    path(f"{OF_ONE}leave/", people.leave, name="people_leave"),
    path(f"{OF_ONE}<int:pk>/roles/", people.roles, name="people_roles"),
    path(f"{OF_ONE}<int:pk>/hand-over/", people.hand_over, name="people_hand_over"),
    path(f"{OF_ONE}<int:pk>/remove/", people.remove, name="people_remove"),
    path(
        f"{OF_ONE}invitations/<uuid:public_id>/withdraw/",
        people.withdraw_invitation,
        name="people_invitation_withdraw",
    ),
    path(
        f"{OF_ONE}invitations/<uuid:public_id>/again/",
        people.invite_again,
        name="people_invitation_again",
    ),
    path(f"{OF_ONE}requests/<uuid:public_id>/", people.join_request, name="people_request"),
    path("seats/invitation/<str:token>/", seat.invitation, name="seat_invitation"),
    path("seats/code/", seat.code, name="seat_code"),
    path("seats/ask/", seat.ask, name="seat_ask"),
    path("seats/ask/<slug:organisation>/", seat.ask_one, name="seat_ask_one"),
    path(
        "seats/requests/<uuid:public_id>/withdraw/",
        seat.withdraw_request,
        name="seat_request_withdraw",
    ),
]
