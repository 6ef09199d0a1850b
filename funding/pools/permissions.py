"""What each group of staff may do with pools, gifts, pledges and donors."""

REQUEST_TRANSFER = "pools.add_pooltransfer"
DECIDE_TRANSFER = "pools.change_pooltransfer"
RECORD_GIVING = "pools.add_recordedgiving"
OFFER_MATCHING = "pools.add_matchingoffer"
RECORD_CHECK = "pools.add_donorcheck"
DECLINE_GIFT = HIDE_NAME = "pools.change_gift"
CHANGE_PLEDGE = "pools.change_pledge"
WRITE_OFF_PLEDGE = "pools.write_off_pledge"
VIEW_DONOR = "pools.view_donor"
CHANGE_DONOR = "pools.change_donor"
ADD_AGREEMENT = "pools.add_pledgeagreement"
SEE_AGREEMENT = "pools.view_pledgeagreement"

_READ = (
    "pools.view_poolprofile",
    "pools.view_gift",
    "pools.view_pledge",
    SEE_AGREEMENT,
    VIEW_DONOR,
    "pools.view_donorcheck",
    "pools.view_pooltransfer",
    "pools.view_recordedgiving",
    "pools.view_matchingoffer",
    "pools.view_poolsteward",
    "pools.view_givingpolicy",
)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Treasurers": (
        *_READ,
        "pools.add_poolprofile",
        "pools.change_poolprofile",
        "pools.add_poolsteward",
        "pools.change_poolsteward",
        "pools.add_givingpolicy",
        "pools.change_givingpolicy",
        REQUEST_TRANSFER,
        DECIDE_TRANSFER,
        RECORD_GIVING,
        OFFER_MATCHING,
        RECORD_CHECK,
        DECLINE_GIFT,
        CHANGE_PLEDGE,
        WRITE_OFF_PLEDGE,
        ADD_AGREEMENT,
        CHANGE_DONOR,
    ),
    "Auditors": _READ,
    # They approve what pools ask of donors, beside what pages say.
    "Moderators": ("pools.view_poolprofile",),
}
