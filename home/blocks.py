"""The small set of blocks that pages are written with. None of them can break a page."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.images.blocks import ImageBlock

# What a text may hold: no heading of the first level, no image, no embed, no raw HTML.
TEXT_FEATURES = ["h2", "h3", "bold", "italic", "link", "document-link", "ol", "ul"]


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


class BodyBlock(blocks.StreamBlock):
    """The body of every page that people write."""

    text = TextBlock()
    figure = FigureBlock()
    quote = QuoteBlock()
    call = CallBlock()
    note = NoteBlock()
