"""What the lists of giving share: rows that are read here and changed by people's own acts."""

from typing import Any

from django.http import HttpRequest
from wagtail.permission_policies import ModelPermissionPolicy

from core.models import User
from core.money import Money


class ReadPolicy(ModelPermissionPolicy):
    """Nobody adds, changes or deletes here, whatever rights a group (or a superuser) has."""

    allowed = frozenset({"view"})

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action in self.allowed and super().user_has_permission(user, action)

    def user_has_any_permission(self, user: Any, actions: Any) -> bool:
        return any(self.user_has_permission(user, action) for action in actions)


def staff(request: HttpRequest) -> User:
    """Who is signed in: the admin lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def money_text(money: Money | None) -> str:
    return money.format() if money is not None else ""
