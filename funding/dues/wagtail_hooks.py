"""Puts the menu "Members" into the back office."""

from wagtail import hooks

from funding.dues.backoffice import MembersGroup


@hooks.register("register_admin_viewset")
def register_members() -> MembersGroup:
    return MembersGroup()
