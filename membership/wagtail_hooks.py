"""What membership writes into Wagtail's audit log (core.audit)."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

ACTIONS = {
    "membership.create_organisation": (_("Create organisation"), _("Organisation created")),
    "membership.change_profile": (_("Change profile"), _("Profile changed")),
    "membership.change_standing": (_("Change legal facts"), _("Legal facts changed")),
    "membership.change_logo": (_("Change logo"), _("Logo changed")),
    "membership.decide_logo": (_("Decide about a logo"), _("Decided whether the logo is shown")),
    "membership.merge_organisations": (_("Merge organisations"), _("Organisations merged")),
    "membership.share": (_("Share draft"), _("Draft shared")),
    "membership.open_share": (_("Open shared draft"), _("Shared draft opened")),
    "membership.revoke_share": (_("Stop sharing draft"), _("Draft no longer shared")),
    "membership.submit": (_("Submit application"), _("Application submitted")),
    "membership.answer": (_("Answer question"), _("Question answered")),
    "membership.withdraw": (_("Withdraw application"), _("Application withdrawn")),
    "membership.begin_review": (_("Begin review"), _("Review begun")),
    "membership.request_information": (_("Ask the applicant"), _("Applicant asked")),
    "membership.assign": (_("Assign application"), _("Application assigned")),
    "membership.note": (_("Write note"), _("Note written")),
    "membership.approve_first": (_("Approve as the first of two"), _("First approval given")),
    "membership.appeal": (_("Appeal"), _("Appeal made")),
    "membership.decide_appeal": (_("Decide appeal"), _("Appeal decided")),
    "membership.add_attachment": (_("Add file"), _("File added")),
    "membership.remove_attachment": (_("Remove file"), _("File removed")),
    "membership.approve": (_("Approve application"), _("Application approved")),
    "membership.decline": (_("Decline application"), _("Application declined")),
    "membership.refused": (_("Refused attempt"), _("Attempt refused")),
    "membership.publish_agreement": (_("Publish agreement"), _("Agreement published")),
    "membership.accept_agreement": (_("Accept agreement"), _("Agreement accepted")),
    "membership.open_term": (_("Open term"), _("Term opened")),
    "membership.settle_term": (_("Settle term"), _("Term settled")),
    "membership.settle_elsewhere": (
        _("Record dues paid elsewhere"),
        _("Dues recorded as paid before this portal"),
    ),
    "membership.take_from_leaver": (
        _("Give a task of somebody who left to the group"),
        _("Given to the group: its person left"),
    ),
    "membership.import_term": (_("Import from a file"), _("Imported from a file")),
    "membership.invite_imported": (
        _("Invite the contact of an imported organisation"),
        _("Contact of an imported organisation invited"),
    ),
    "membership.unsettle_term": (_("Unsettle term"), _("Term no longer settled")),
    "membership.waive_term": (_("Waive dues"), _("Dues waived")),
    "membership.ask_tier_change": (_("Ask for another tier"), _("Another tier asked for")),
    "membership.allow_tier_change": (_("Allow a change of tier"), _("Change of tier allowed")),
    "membership.make_tier_change": (_("Change the tier"), _("Tier changed")),
    "membership.settle_tier_change": (
        _("Settle a change of tier"),
        _("Change of tier settled"),
    ),
    "membership.unsettle_tier_change": (
        _("Unsettle a change of tier"),
        _("Change of tier no longer settled"),
    ),
    "membership.waive_tier_change": (
        _("Waive the difference of a change of tier"),
        _("Difference waived"),
    ),
    "membership.end_tier_change": (_("End a change of tier"), _("Change of tier ended")),
    "membership.cancel_term": (_("Cancel term"), _("Term cancelled")),
    "membership.invite": (_("Invite to a seat"), _("Invitation sent")),
    "membership.withdraw_invitation": (_("Withdraw invitation"), _("Invitation withdrawn")),
    "membership.accept_invitation": (_("Accept invitation"), _("Invitation accepted")),
    "membership.give_seat": (_("Give a seat"), _("Seat given")),
    "membership.change_roles": (_("Change roles"), _("Roles changed")),
    "membership.hand_over": (_("Hand over the primary contact"), _("Primary contact handed over")),
    "membership.appoint": (_("Appoint a primary contact"), _("Primary contact appointed")),
    "membership.remove_seat": (_("Remove from a seat"), _("Seat taken away")),
    "membership.leave_seat": (_("Leave a seat"), _("Seat given up")),
    "membership.ask_for_seat": (_("Ask for a seat"), _("Seat asked for")),
    "membership.approve_request": (_("Approve request for a seat"), _("Request approved")),
    "membership.decline_request": (_("Decline request for a seat"), _("Request declined")),
    "membership.withdraw_request": (_("Withdraw request for a seat"), _("Request withdrawn")),
    "membership.set_year_end": (_("Set the year's end"), _("End of membership years set")),
    "membership.promise": (_("Promise benefits"), _("Benefits promised")),
    "membership.end_promises": (_("End promised benefits"), _("Promised benefits ended")),
    "membership.add_task": (_("Add task"), _("Task added")),
    "membership.assign_task": (_("Assign task"), _("Task assigned")),
    "membership.fulfil_task": (_("Do task"), _("Task done")),
    "membership.excuse_task": (_("Excuse task"), _("Task not done, with a reason")),
    "membership.write_note": (_("Write note on organisation"), _("Note written")),
    "membership.end_offer": (_("End an offer of renewal"), _("Offer of renewal ended")),
}


@hooks.register("register_log_actions")
def register_membership_actions(actions: LogActionRegistry) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)
