"""What membership writes into Wagtail's audit log (core.audit)."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

ACTIONS = {
    "membership.create_organisation": (_("Create organisation"), _("Organisation created")),
    "membership.submit": (_("Submit application"), _("Application submitted")),
    "membership.answer": (_("Answer question"), _("Question answered")),
    "membership.withdraw": (_("Withdraw application"), _("Application withdrawn")),
    "membership.begin_review": (_("Begin review"), _("Review begun")),
    "membership.request_information": (_("Ask the applicant"), _("Applicant asked")),
    "membership.approve": (_("Approve application"), _("Application approved")),
    "membership.decline": (_("Decline application"), _("Application declined")),
    "membership.refused": (_("Refused attempt"), _("Attempt refused")),
    "membership.publish_agreement": (_("Publish agreement"), _("Agreement published")),
    "membership.open_term": (_("Open term"), _("Term opened")),
    "membership.settle_term": (_("Settle term"), _("Term settled")),
    "membership.unsettle_term": (_("Unsettle term"), _("Term no longer settled")),
    "membership.waive_term": (_("Waive dues"), _("Dues waived")),
    "membership.cancel_term": (_("Cancel term"), _("Term cancelled")),
}


@hooks.register("register_log_actions")
def register_membership_actions(actions: LogActionRegistry) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)
