"""Which group may do what with membership; portal/groups.py collects these lists."""

_READ = (
    "membership.view_organisation",
    "membership.view_seat",
    "membership.view_application",
    "membership.view_term",
    "membership.view_tier",
    "membership.view_tierchange",
    "membership.view_feerule",
    "membership.view_countryincomegroup",
    "membership.view_agreement",
    "membership.view_agreementversion",
    "membership.view_acceptance",
    "membership.view_benefit",
    "membership.view_task",
    "membership.view_organisationnote",
)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Membership officers": (
        *_READ,
        "membership.decide_application",
        "membership.change_organisation",
        "membership.waive_term",
        "membership.cancel_term",
        "membership.decide_tierchange",
        "membership.appoint_seat",
        "membership.import_members",
        "membership.add_tier",
        "membership.change_tier",
        "membership.add_agreement",
        "membership.change_agreement",
        "membership.add_agreementversion",
        "membership.change_agreementversion",
        "membership.add_benefit",
        "membership.change_benefit",
        "membership.add_task",
        "membership.change_task",
        "membership.add_organisationnote",
    ),
    # What a member pays is a question of money: the treasurer keeps the fee table.
    "Treasurers": (
        *_READ,
        "membership.add_feerule",
        "membership.change_feerule",
        "membership.add_countryincomegroup",
        "membership.change_countryincomegroup",
        "membership.change_termpolicy",
    ),
    "Auditors": _READ,
}
