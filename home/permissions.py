"""Which group may do what with pages, beside Wagtail's own rights; portal/groups.py collects these lists.

Rights over pages are Wagtail's own, and stand there.
"""

_READ = (
    "home.view_evangelist",
    "home.view_nomination",
    "home.view_activity",
)
_DECIDE = (
    *_READ,
    "home.view_contactmessage",
    "home.decide_nomination",
    "home.moderate_evangelist",
)

# Wagtail's own: which page or address stands above the results of a query.
_PICKS = (
    "wagtailsearchpromotions.add_searchpromotion",
    "wagtailsearchpromotions.change_searchpromotion",
    "wagtailsearchpromotions.delete_searchpromotion",
)

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "Editors": ("home.add_topic", "home.change_topic", "home.import_news"),
    # Who speaks for the foundation decides who else does. Erasing is for administrators, who have
    # every right that is named here.
    "Moderators": (
        "home.add_topic",
        "home.change_topic",
        "home.delete_topic",
        "home.import_news",
        *_DECIDE,
        *_PICKS,
    ),
    "Administrators": (*_DECIDE, "home.erase_evangelist"),
    "Auditors": _READ,
}
