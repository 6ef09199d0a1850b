"""Which group may do what with the books; portal/groups.py collects these lists."""

CLOSE_BOOKS = "transparency.close_books"
DOWNLOAD_AUDIT_PACK = "transparency.download_audit_pack"

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Treasurers": (CLOSE_BOOKS, DOWNLOAD_AUDIT_PACK),
    "Auditors": (DOWNLOAD_AUDIT_PACK,),
}
