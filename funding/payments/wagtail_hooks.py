"""What the back office knows of payments: its menu, its acts, what waits for somebody."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from funding.payments.backoffice.bank import BankGroup
from funding.payments.backoffice.menu import MoneyGroup
from funding.payments.backoffice.panel import NeedsYouPanel

ACTIONS = {
    "payments.discard_statement": (
        _("Discard a bank statement"),
        _("Discarded the bank statement"),
    ),
    "payments.import_statement": (_("Import a bank statement"), _("Imported the bank statement")),
    "payments.confirm_match": (_("Match a bank line"), _("Matched the bank line")),
    "payments.undo_match": (_("Undo a match"), _("Undid a match of the bank line")),
    "payments.confirm_payment": (
        _("Confirm a payment by evidence"),
        _("Confirmed the payment by evidence"),
    ),
    "payments.undo_payment": (_("Undo a payment"), _("Undid the payment")),
    "payments.replay_event": (_("Replay a Stripe event"), _("Replayed a Stripe event")),
    "payments.handle_problem": (
        _("Mark a problem as handled"),
        _("Marked the problem as handled"),
    ),
    "payments.request_payout": (_("Ask for a payout"), _("Asked for the payout")),
    "payments.approve_payout": (_("Approve a payout"), _("Approved the payout")),
    "payments.reject_payout": (_("Reject a payout"), _("Rejected the payout")),
    "payments.cancel_payout": (_("Cancel a payout"), _("Cancelled the payout")),
    "payments.approval_refused": (_("Refused attempt"), _("An attempt was refused")),
    "payments.payout_sent": (_("Send a payout"), _("The payout was sent")),
    "payments.payout_sent_again": (_("Send a payout again"), _("The payout was sent again")),
    "payments.payout_paid": (_("Mark a payout paid"), _("The payout was paid")),
    "payments.payout_failed": (_("Mark a payout failed"), _("The payout failed")),
    "payments.void_invoice": (_("Make an invoice void"), _("Made the invoice void")),
    "payments.void_receipt": (_("Make a receipt void"), _("Made the receipt void")),
    "payments.send_request": (_("Send a payment request"), _("Payment request sent")),
    "payments.withdraw_expected": (
        _("Withdraw an expected payment"),
        _("Withdrew the expected payment"),
    ),
    "payments.refund_told": (_("News of a refund"), _("The processor told of a refund")),
    "payments.debit_failed": (
        _("A bank debit failed late"),
        _("The bank debit failed after it had succeeded"),
    ),
    "payments.dispute_told": (_("News of a dispute"), _("The processor told of a dispute")),
    "payments.processor_payout_told": (
        _("News of the processor’s payout"),
        _("The processor told of its payout"),
    ),
    "payments.subscription_began": (
        _("Begin a recurring payment"),
        _("The recurring payment began"),
    ),
    "payments.subscription_ended": (
        _("A recurring payment ended"),
        _("The recurring payment ended at the processor"),
    ),
    "payments.end_subscription": (
        _("End a recurring payment"),
        _("Ended the recurring payment"),
    ),
    "payments.subscription_paused": (
        _("A recurring payment paused"),
        _("The recurring payment paused after several failures"),
    ),
    "payments.resume_subscription": (
        _("Go on with a recurring payment"),
        _("Went on with the recurring payment"),
    ),
    "payments.try_subscription_again": (
        _("Try a recurring payment again"),
        _("Had the recurring payment tried again"),
    ),
    "payments.mandate_has_card": (
        _("Consent to be charged"),
        _("A card was given for later charges"),
    ),
    "payments.revoke_mandate": (
        _("Revoke the consent to be charged"),
        _("Revoked the consent to be charged"),
    ),
    "payments.sign_off": (_("Sign off a month"), _("Signed off the month")),
    "payments.sign_off_refused": (_("Refused sign-off"), _("A sign-off was refused")),
}


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)


@hooks.register("register_admin_viewset")
def money_menu() -> MoneyGroup:
    return MoneyGroup()


@hooks.register("register_admin_viewset")
def bank_menu() -> BankGroup:
    return BankGroup()


@hooks.register("construct_homepage_panels")
def needs_you(request: HttpRequest, panels: list[Any]) -> None:
    panels.insert(0, NeedsYouPanel(request))


@hooks.register("register_permissions")
def register_permissions() -> QuerySet[Permission]:
    """The rights that staff can give a group by hand, beside those that it has by its name."""
    return Permission.objects.filter(
        content_type__app_label="payments",
        codename__in=[
            "confirm_payment",
            "replay_event",
            "import_statement",
            "confirm_match",
            "request_payout",
            "approve_payout",
            "issue_credit_note",
            "sign_reconciliation",
        ],
    )
