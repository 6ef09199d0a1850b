from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

from funding.pools.backoffice import GivingGroup


@hooks.register("register_admin_viewset")
def giving_menu() -> GivingGroup:
    return GivingGroup()


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    actions.register_action("pools.open_pool", _("Open a pool"), _("Pool opened"))
    actions.register_action("pools.edit_pool", _("Edit a pool"), _("Pool edited"))
    actions.register_action("pools.confirm_pledge", _("Confirm a pledge"), _("Pledge confirmed"))
    actions.register_action("pools.withdraw_pledge", _("Withdraw a pledge"), _("Pledge withdrawn"))
    actions.register_action(
        "pools.instalment_paid_twice",
        _("Instalment paid twice"),
        _("An instalment was paid twice; the second payment is a gift beside the pledge"),
    )
    actions.register_action(
        "pools.gift_is_what_came",
        _("Gift of another amount"),
        _("Another amount came than the donor had said; the gift is what came"),
    )
    actions.register_action(
        "pools.stop_recurring_gift", _("Stop a standing order"), _("Stopped the standing order")
    )
