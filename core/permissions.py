"""Which group may do what with e-mail; portal/groups.py collects these lists."""

_LOG = (
    "core.view_delivery",
    "core.view_missingmessage",
    "core.view_deadaddress",
    "core.send_delivery",
)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    # Who speaks for the foundation to everybody writes its e-mails, too. Those by which people pay
    # ask for a right over money besides (`core.mailing.texts.may_change`).
    "Moderators": ("core.change_mailtext",),
    "Membership officers": ("core.change_mailtext", *_LOG),
    # Invoices, receipts and reminders are theirs to write and to see through.
    "Treasurers": ("core.change_mailtext", *_LOG),
    # They hold every right named here besides.
    "Administrators": ("core.forget_address",),
}
