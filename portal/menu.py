"""The order of the back office's menu: what belongs together stands together.

Pages with their pictures and documents, members, money, then whatever else is registered.
"""

import copy
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import Menu, MenuItem, SubmenuMenuItem

# The menus of money by their names, each with the words it has within the one menu "Money".
OF_MONEY = {
    "giving": _("Giving"),
    "money": _("Payments"),
    "bank": _("Bank"),
    "books": _("Books"),
}
# Wagtail's own, which would stand between members and money.
BESIDE_PAGES = {"images": 110, "documents": 120}


def group(request: HttpRequest, items: list[MenuItem]) -> None:
    """Put the menus of money into one, where somebody sees several; pictures go beside pages."""
    items[:] = [_placed(item) for item in items]
    found = [item for name in OF_MONEY for item in items if item.name == name]
    if len(found) < 2:
        return
    items[:] = [item for item in items if item not in found]
    items.append(
        SubmenuMenuItem(
            _("Money"),
            Menu(register_hook_name=None, items=[_within(item) for item in found]),
            name="all-money",
            icon_name="calendar-check",
            order=310,
        )
    )


# Each request shares the items, so what is changed is a copy.


def _placed(item: MenuItem) -> Any:
    if item.name not in BESIDE_PAGES:
        return item
    copied = copy.copy(item)
    copied.order = BESIDE_PAGES[item.name]
    return copied


def _within(item: MenuItem) -> Any:
    copied = copy.copy(item)
    copied.label = OF_MONEY[item.name]
    copied.order = list(OF_MONEY).index(item.name)
    return copied
