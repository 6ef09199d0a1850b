"""The sections of a home page: those that fill themselves, and those that editors write."""

from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.models import Locale

from home.blocks import BodyBlock

# In the order in which a new home page shows them.
AUTOMATIC = (
    "foundation",
    "money",
    "pools",
    "news",
    "implementations",
    "evangelists",
    "communities",
    "join",
)
AUTOMATIC_SECTIONS = [(name, None) for name in AUTOMATIC]


class AutomaticBlock(blocks.StaticBlock):
    """A section that shows what the site holds anyway: nothing to fill in, only its place."""

    def get_preview_value(self) -> Any:
        return None

    def get_preview_context(self, value: Any, parent_context: Any = None) -> Any:
        """The home page of the language that staff work in, which the section belongs to."""
        pages = apps.get_model("home", "HomePage").objects.filter(locale=Locale.get_active())
        return {**(parent_context or {}), "page": pages.order_by("path").first()}

    @property
    def is_previewable(self) -> bool:
        return True


class OwnSectionBlock(blocks.StructBlock):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    lead = blocks.CharBlock(
        required=False, max_length=200, label=_("Lead"), help_text=_("One sentence beside it.")
    )
    body = BodyBlock(label=_("Content"))

    class Meta:
        label = _("Section of your own")
        icon = "plus"
        template = "home/sections/own.html"
        description = _("A heading with any blocks below it.")
        preview_value: dict[str, Any] = {
            "heading": _("Why it matters"),
            "lead": "",
            "body": [{"type": "text", "value": "<p>A shelf that everyone can see.</p>"}],
        }


def _automatic(name: str, label: Any, description: Any) -> AutomaticBlock:
    return AutomaticBlock(
        label=label,
        description=description,
        admin_text=description,
        icon="cogs",
        template=f"home/sections/{name}.html",
        group=_("Fills itself"),
    )


class SectionsBlock(blocks.StreamBlock):
    """What stands below the opening of a home page."""

    own = OwnSectionBlock()
    foundation = _automatic(
        "foundation", _("What the foundation is"), _("The text “What the foundation is” above.")
    )
    money = _automatic("money", _("Money, to the cent"), _("All pools together, from the ledger."))
    pools = _automatic("pools", _("Pools"), _("A card for each pool."))
    news = _automatic("news", _("News"), _("The latest news of the language."))
    implementations = _automatic(
        "implementations", _("Implementations by country"), _("The countries that run OpenLMIS.")
    )
    evangelists = _automatic("evangelists", _("Evangelists"), _("Some of the evangelists."))
    communities = _automatic("communities", _("Communities"), _("All sister communities."))
    join = _automatic("join", _("How to join"), _("The text “How to join” above."))

    class Meta:
        # Their headings are targets of links: each stands once at most.
        block_counts = {name: {"max_num": 1} for name in AUTOMATIC}
