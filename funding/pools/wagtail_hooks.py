from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

from funding.payments.backoffice import panel
from funding.pools.backoffice import checks as check_pages
from funding.pools.backoffice import transfers as transfer_pages
from funding.pools.backoffice.group import GivingGroup
from funding.pools.models import PoolProfile

panel.register(transfer_pages.needs)
panel.register(check_pages.needs)


@hooks.register("register_admin_viewset")
def giving_menu() -> GivingGroup:
    return GivingGroup()


@hooks.register("construct_snippet_action_menu")
def pools_are_published_by_approval(
    items: list[Any], request: HttpRequest, context: dict[str, Any]
) -> None:
    """No button that nobody's rights would let through: see `backoffice.pools.PoolPolicy`."""
    if context["model"] is PoolProfile:
        items[:] = [
            item for item in items if item.name not in ("action-publish", "action-unpublish")
        ]


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    actions.register_action("pools.open_pool", _("Open a pool"), _("Pool opened"))
    actions.register_action("pools.edit_pool", _("Edit a pool"), _("Draft of the terms saved"))
    actions.register_action(
        "pools.publish_terms", _("Approve a pool’s terms"), _("Terms approved; they count now")
    )
    actions.register_action("pools.pause_pool", _("Pause a pool"), _("Pool paused"))
    actions.register_action("pools.resume_pool", _("Resume a pool"), _("Pool takes gifts again"))
    actions.register_action("pools.appoint_steward", _("Appoint a steward"), _("Steward appointed"))
    actions.register_action("pools.end_steward", _("End a steward"), _("Steward ended"))
    actions.register_action(
        "pools.set_limits", _("Set the limits of giving"), _("Limits of giving set")
    )
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
    actions.register_action("pools.change_pledge", _("Change a pledge"), _("Pledge changed"))
    actions.register_action(
        "pools.meet_condition",
        _("Condition of a pledge met"),
        _("The condition of a pledge is met"),
    )
    actions.register_action(
        "pools.meet_milestone", _("Milestone of a pledge met"), _("A milestone of a pledge is met")
    )
    actions.register_action(
        "pools.write_off_pledge", _("Write off a pledge"), _("Pledge written off")
    )
    actions.register_action(
        "pools.attach_agreement", _("Add a signed agreement"), _("Signed agreement added")
    )
    actions.register_action(
        "pools.stop_recurring_gift", _("Stop a standing order"), _("Stopped the standing order")
    )
    actions.register_action(
        "pools.merge_donors", _("Merge donors"), _("Another row of the same donor was merged in")
    )
    actions.register_action(
        "pools.issue_claim_code", _("Issue a claim code"), _("Code to claim this donor issued")
    )
    actions.register_action(
        "pools.claim_donor", _("Claim what was recorded"), _("The donor claimed what was recorded")
    )
    actions.register_action(
        "pools.show_as", _("Change how a donor is named"), _("How the public sees it was changed")
    )
    actions.register_action(
        "pools.change_donor", _("Change a donor’s details"), _("The donor changed their details")
    )
    actions.register_action(
        "pools.decide_logo", _("Decide about a logo"), _("Decided whether the logo is shown")
    )


@hooks.register("register_log_actions")
def log_recorded_giving_and_transfers(actions: LogActionRegistry) -> None:
    for name, label, message in (
        (
            "pools.request_transfer",
            _("Ask for a transfer between pools"),
            _("Asked for the transfer between pools"),
        ),
        (
            "pools.approve_transfer",
            _("Approve a transfer between pools"),
            _("Approved the transfer between pools"),
        ),
        (
            "pools.decline_transfer",
            _("Decline a transfer between pools"),
            _("Declined the transfer between pools"),
        ),
        ("pools.transfer_refused", _("Refused attempt"), _("An attempt was refused")),
        ("pools.record_donor", _("Record a donor"), _("Recorded the donor")),
        ("pools.record_giving", _("Record a gift or a pledge"), _("Recorded the gift or pledge")),
        ("pools.record_file", _("Record gifts from a file"), _("Recorded gifts from a file")),
        ("pools.offer_matching", _("Record a matching offer"), _("Recorded the matching offer")),
        ("pools.end_matching", _("End a matching offer"), _("Ended the matching offer")),
        (
            "pools.settle_matching",
            _("Settle a matching offer"),
            _("Settled a month of the matching offer"),
        ),
    ):
        actions.register_action(name, label, message)


@hooks.register("register_log_actions")
def log_checks_and_declined_gifts(actions: LogActionRegistry) -> None:
    actions.register_action(
        "pools.check_donor", _("Check a donor"), _("Recorded a check of the donor")
    )
    actions.register_action(
        "pools.charge_declined", _("Charge of a card declined"), _("The card declined the charge")
    )
    actions.register_action("pools.decline_gift", _("Decline a gift"), _("Declined the gift"))
    actions.register_action("pools.hide_name", _("Hide a name"), _("Hid the name from the public"))
