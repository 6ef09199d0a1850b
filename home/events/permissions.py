"""Which group may do what with events; portal/groups.py collects these lists."""

VIEW_EVENT = "home.view_event"
ADD_EVENT = "home.add_event"
CHANGE_EVENT = "home.change_event"
MOVE_EVENT = "home.move_event"
VIEW_REGISTRATION = "home.view_registration"
VIEW_TRAVEL = "home.view_travelrequest"
DECIDE_TRAVEL = "home.decide_travelrequest"

_WRITE = (VIEW_EVENT, ADD_EVENT, CHANGE_EVENT)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Editors": _WRITE,
    # Who publishes may also change what is published.
    "Moderators": (*_WRITE, MOVE_EVENT),
    # Who comes, and who asks for money, is personal: theirs to see, and the auditors'.
    "Membership officers": (*_WRITE, MOVE_EVENT, VIEW_REGISTRATION, VIEW_TRAVEL, DECIDE_TRAVEL),
    "Auditors": (VIEW_EVENT, VIEW_REGISTRATION, VIEW_TRAVEL),
}
