"""The small set of blocks that pages are written with. None of them can break a page.

What a block shows of the database is read by the tags of `home.templatetags.blocks`, once for all
blocks of a page; a page, picture or document that is gone, unpublished or not there in the reader's
language is left out.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images import get_image_model
from wagtail.images.blocks import ImageBlock
from wagtail.models import Locale

from home.table_block import TableBlock

# What a text may hold: no heading of the first level, no image, no embed, no raw HTML.
TEXT_FEATURES = ["h2", "h3", "bold", "italic", "link", "document-link", "ol", "ul"]
# What a text within a timeline or a part that opens may hold.
SHORT_FEATURES = ["bold", "italic", "link", "document-link", "ol", "ul"]


class TextBlock(blocks.RichTextBlock):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("features", TEXT_FEATURES)
        super().__init__(**kwargs)

    class Meta:
        label = _("Text")
        icon = "pilcrow"
        template = "home/blocks/text.html"
        description = _("Paragraphs with headings, lists and links.")
        preview_value = "<p>Medicines reach the clinic when everyone can see the shelf.</p>"


class FigureBlock(blocks.StructBlock):
    image = ImageBlock(label=_("Image"))
    caption = blocks.CharBlock(required=False, max_length=250, label=_("Caption"))
    credit = blocks.CharBlock(
        required=False, max_length=120, label=_("Credit"), help_text=_("Who made the picture.")
    )

    class Meta:
        label = _("Picture")
        icon = "image"
        template = "home/blocks/figure.html"
        description = _("A picture with its caption, shown at the width of the text.")

    def bulk_to_python(self, values: Any) -> Any:
        """All pictures of a page with their sizes: a query for each, however many there are."""
        figures = super().bulk_to_python(values)
        pictures = [figure["image"] for figure in figures if figure["image"]]
        prefetch_related_objects(pictures, "renditions")
        return figures

    def get_preview_value(self) -> Any:
        """The newest picture of the site, so that the picker shows one that editors know."""
        newest = get_image_model().objects.order_by("-pk").first()
        if newest is not None:
            newest.contextual_alt_text, newest.decorative = newest.default_alt_text, False
        return self.normalize(
            {"image": newest, "caption": _("What the picture shows"), "credit": _("Its maker")}
        )


class QuoteBlock(blocks.StructBlock):
    text = blocks.TextBlock(label=_("Quote"), max_length=600)
    who = blocks.CharBlock(required=False, max_length=120, label=_("Who said it"))
    where = blocks.CharBlock(
        required=False, max_length=160, label=_("Where"), help_text=_("The meeting or the paper.")
    )

    class Meta:
        label = _("Quote")
        icon = "openquote"
        template = "home/blocks/quote.html"
        description = _("What somebody said, with their name.")
        preview_value = {
            "text": "We lost sight of the vaccine at the district store.",
            "who": "A store manager",
            "where": "Community meeting",
        }


class CallBlock(blocks.StructBlock):
    label = blocks.CharBlock(
        max_length=60, label=_("Words on the button"), help_text=_("Say what happens.")
    )
    page = blocks.PageChooserBlock(required=False, label=_("Page"))
    address = blocks.CharBlock(
        required=False,
        max_length=300,
        label=_("Address"),
        help_text=_("Where no page is chosen: a path such as /join/ or an address with https://."),
    )

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        address = cleaned["address"]
        if not cleaned["page"] and not address:
            raise blocks.StructBlockValidationError(
                non_block_errors=[_("Choose a page or write an address.")]
            )
        inside = address.startswith("/") and not address.startswith("//")
        if address and not inside and not address.startswith("https://"):
            wrong = ValidationError(_("Begin the address with / or https://."))
            raise blocks.StructBlockValidationError(block_errors={"address": wrong})
        return cleaned

    class Meta:
        label = _("Call to act")
        icon = "link"
        template = "home/blocks/call.html"
        description = _("One button that leads to a page or an address.")
        preview_value = {"label": "Give to a pool", "page": None, "address": "/pools/"}


class NoteBlock(blocks.StructBlock):
    text = blocks.RichTextBlock(features=["bold", "italic", "link"], label=_("Text"))

    class Meta:
        label = _("Note")
        icon = "info-circle"
        template = "home/blocks/note.html"
        description = _("A remark set apart from the text, such as what is not decided yet.")
        preview_value = {"text": "<p>The charter is a draft. Members decide on it.</p>"}


class PoolFiguresBlock(blocks.StructBlock):
    pool = blocks.PageChooserBlock(page_type="home.PoolPage", label=_("Pool"))

    class Meta:
        label = _("Figures of a pool")
        icon = "table"
        template = "home/blocks/pool_figures.html"
        description = _("What came in, what was spent, what is left: live from the ledger.")

    def get_preview_value(self) -> Any:
        """A pool of the site."""
        pages = self.child_blocks["pool"].model_class.objects.filter(locale=Locale.get_active())
        return self.normalize({"pool": pages.live().order_by("path").first()})


class AllPoolsBlock(blocks.StaticBlock):
    class Meta:
        label = _("Figures of all pools")
        icon = "table"
        template = "home/blocks/all_pools.html"
        description = _("What the foundation received, spent and has: live from the ledger.")
        admin_text = description
        preview_value = None


class PeopleBlock(blocks.StructBlock):
    people = blocks.ListBlock(
        blocks.PageChooserBlock(page_type="home.EvangelistPage", label=_("Evangelist")),
        min_num=0,
        max_num=12,
        default=[],
        label=_("People"),
        help_text=_("Shown in this order. Left empty: people of the level below."),
    )
    level = blocks.ChoiceBlock(
        choices=[
            ("donor", _("Donor level")),
            ("technical", _("Technical level")),
            ("country", _("Country level")),
        ],
        required=False,
        label=_("Level"),
        help_text=_("Left empty: of all levels."),
    )
    most = blocks.IntegerBlock(
        min_value=1, max_value=12, default=4, label=_("How many"), help_text=_("At most.")
    )

    class Meta:
        label = _("People")
        icon = "group"
        template = "home/blocks/people.html"
        description = _("Evangelists with their pictures: those you choose, or those of a level.")
        preview_value: dict[str, Any] = {"people": [], "level": "", "most": 2}


class NewsBlock(blocks.StructBlock):
    most = blocks.IntegerBlock(
        min_value=1, max_value=10, default=3, label=_("How many"), help_text=_("At most.")
    )

    class Meta:
        label = _("Latest news")
        icon = "list-ul"
        template = "home/blocks/news.html"
        description = _("The latest news in the language of the page.")
        preview_value = {"most": 2}


class MapBlock(blocks.StructBlock):
    caption = blocks.CharBlock(
        required=False, max_length=160, label=_("Caption"), help_text=_("Shown above the table.")
    )

    class Meta:
        label = _("Map of implementations")
        icon = "site"
        template = "home/blocks/map.html"
        description = _("The countries that run OpenLMIS, as dots on a map and as a table.")
        preview_value = {"caption": _("Where OpenLMIS runs")}


class TimelineBlock(blocks.StructBlock):
    events = blocks.ListBlock(
        blocks.StructBlock(
            [
                (
                    "when",
                    blocks.CharBlock(
                        max_length=40, label=_("When"), help_text=_("Such as: March 2026.")
                    ),
                ),
                ("what", blocks.CharBlock(max_length=160, label=_("What happened"))),
                (
                    "text",
                    blocks.RichTextBlock(
                        required=False, features=SHORT_FEATURES, label=_("More about it")
                    ),
                ),
            ],
            label=_("Event"),
        ),
        min_num=1,
        max_num=40,
        label=_("Events"),
        help_text=_("Shown in this order."),
    )

    class Meta:
        label = _("Timeline")
        icon = "history"
        template = "home/blocks/timeline.html"
        description = _("What happened when, one after the other.")
        preview_value = {
            "events": [
                {"when": "2014", "what": _("The first country begins"), "text": ""},
                {"when": "2017", "what": _("A third system runs"), "text": ""},
            ]
        }


class AccordionBlock(blocks.StructBlock):
    parts = blocks.ListBlock(
        blocks.StructBlock(
            [
                (
                    "heading",
                    blocks.CharBlock(
                        max_length=160,
                        label=_("Heading"),
                        help_text=_("Such as a question that readers ask."),
                    ),
                ),
                ("text", blocks.RichTextBlock(features=SHORT_FEATURES, label=_("Text"))),
            ],
            label=_("Part"),
        ),
        min_num=1,
        max_num=40,
        label=_("Parts"),
    )

    class Meta:
        label = _("Parts that open")
        icon = "plus-inverse"
        template = "home/blocks/accordion.html"
        description = _("Headings whose text opens at a click, such as questions and answers.")
        preview_value = {
            "parts": [
                {
                    "heading": _("Who may join?"),
                    "text": _("<p>Every organisation that works with OpenLMIS.</p>"),
                },
                {"heading": _("What does it cost?"), "text": _("<p>See the dues.</p>")},
            ]
        }


class DocumentsBlock(blocks.StructBlock):
    heading = blocks.CharBlock(required=False, max_length=160, label=_("Heading"))
    documents = blocks.ListBlock(
        DocumentChooserBlock(label=_("Document")), min_num=1, max_num=20, label=_("Documents")
    )

    class Meta:
        label = _("Documents")
        icon = "doc-full"
        template = "home/blocks/documents.html"
        description = _("Files to download, each with its kind and size.")

    def get_preview_value(self) -> Any:
        """The newest documents of the site."""
        model = self.child_blocks["documents"].child_block.model_class
        newest = list(model.objects.order_by("-pk")[:2])
        return self.normalize({"heading": _("To download"), "documents": newest})


class BodyBlock(blocks.StreamBlock):
    """The body of every page that people write."""

    text = TextBlock()
    figure = FigureBlock()
    quote = QuoteBlock()
    call = CallBlock()
    note = NoteBlock()
    pool_figures = PoolFiguresBlock(group=_("Live"))
    all_pools = AllPoolsBlock(group=_("Live"))
    people = PeopleBlock(group=_("Live"))
    news = NewsBlock(group=_("Live"))
    map = MapBlock(group=_("Live"))
    timeline = TimelineBlock(group=_("Set apart"))
    accordion = AccordionBlock(group=_("Set apart"))
    table = TableBlock(group=_("Set apart"))
    documents = DocumentsBlock(group=_("Set apart"))
