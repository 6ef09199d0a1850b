"""What each group of staff may do with pools, gifts, pledges and donors."""

_READ = (
    "pools.view_poolprofile",
    "pools.view_gift",
    "pools.view_pledge",
    "pools.view_donor",
)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Treasurers": (*_READ, "pools.add_poolprofile", "pools.change_poolprofile"),
    "Auditors": _READ,
}
