"""Which group may do what with payments; portal/groups.py collects these lists."""

CONFIRM_PAYMENT = "payments.confirm_payment"
REPLAY_EVENT = "payments.replay_event"
IMPORT_STATEMENT = "payments.import_statement"
CONFIRM_MATCH = "payments.confirm_match"
REQUEST_PAYOUT = "payments.request_payout"
APPROVE_PAYOUT = "payments.approve_payout"
ISSUE_CREDIT_NOTE = "payments.issue_credit_note"
SIGN_RECONCILIATION = "payments.sign_reconciliation"

_SEE = (
    "payments.view_payment",
    "payments.view_stripeevent",
    "payments.view_invoice",
    "payments.view_receipt",
    "payments.view_creditnote",
    "payments.view_refund",
    "payments.view_dispute",
    "payments.view_payout",
    "payments.view_bankaccount",
    "payments.view_bankstatement",
    "payments.view_bankline",
    "payments.view_manualchannel",
    "payments.view_expectedpayment",
    "payments.view_subscription",
    "payments.view_processorpayout",
    "payments.view_processortransaction",
    "payments.view_reconciliation",
)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Treasurers": (
        *_SEE,
        CONFIRM_PAYMENT,
        REPLAY_EVENT,
        IMPORT_STATEMENT,
        CONFIRM_MATCH,
        REQUEST_PAYOUT,
        APPROVE_PAYOUT,
        ISSUE_CREDIT_NOTE,
        SIGN_RECONCILIATION,
        "payments.add_bankaccount",
        "payments.change_bankaccount",
        "payments.add_manualchannel",
        "payments.change_manualchannel",
        "payments.change_issuerdetails",
    ),
    # An auditor changes nothing; to sign that two figures agree is what an auditor is for.
    "Auditors": (*_SEE, SIGN_RECONCILIATION),
}
