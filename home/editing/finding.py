"""Finds the links on published pages: in rich text, in blocks and in address fields."""

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urlsplit

from django.db import models
from django.utils import timezone
from wagtail.blocks import (
    CharBlock,
    ListBlock,
    RichTextBlock,
    StreamBlock,
    StructBlock,
    URLBlock,
)
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page

from core.transactions import use_case
from home.models import LinkedAddress, PageLink

LONGEST = 1000
BY_NUMBER = {"page": "page", "document": "document"}


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            return
        values = dict(attrs)
        kind = BY_NUMBER.get(values.get("linktype") or "")
        if kind and values.get("id"):
            self.found.append(f"{kind}:{values['id']}")
        elif href := values.get("href"):
            self.found.append(href)


def in_html(html: str) -> list[str]:
    """What the links of a rich text lead to; pages and documents by number, as it is stored."""
    reader = _Anchors()
    reader.feed(html)
    return reader.found


def in_page(page: Page) -> set[str]:
    """The addresses that a page of its own type, and the rows that belong to it, link to."""
    rows: list[models.Model] = [page]
    for relation in type(page)._meta.related_objects:
        if hasattr(relation.field, "related_query_name") and _is_child(relation):
            rows += list(getattr(page, relation.get_accessor_name() or "").all())
    found = {cleaned for row in rows for raw in _in_fields(row) if (cleaned := clean(raw))}
    return {address for address in found if len(address) <= LONGEST}


def _is_child(relation: Any) -> bool:
    from modelcluster.fields import ParentalKey

    return isinstance(relation.field, ParentalKey)


def _in_fields(row: models.Model) -> Iterator[str]:
    for field in row._meta.get_fields():
        if isinstance(field, RichTextField):
            yield from in_html(field.value_from_object(row) or "")
        elif isinstance(field, StreamField):
            value = getattr(row, field.name)
            if value:
                yield from _in_block(value.stream_block, value)
        elif isinstance(field, models.URLField):
            yield field.value_from_object(row) or ""


def _in_block(block: Any, value: Any) -> Iterator[str]:
    """Whatever the blocks of a body are: text, addresses, and blocks that hold others."""
    if value is None:
        return
    if isinstance(block, StreamBlock):
        for child in value:
            yield from _in_block(child.block, child.value)
    elif isinstance(block, ListBlock):
        for item in value:
            yield from _in_block(block.child_block, item)
    elif isinstance(block, StructBlock):
        for name, child_block in block.child_blocks.items():
            yield from _in_block(child_block, value.get(name))
    elif isinstance(block, RichTextBlock):
        yield from in_html(value.source)
    elif isinstance(block, URLBlock):
        yield value
    elif isinstance(block, CharBlock) and value.startswith(("/", "https://", "http://")):
        # The address of a button is a plain text, since it may be a path.
        yield value


def clean(address: str) -> str:
    """The address without its fragment; empty for what is no page: mail, telephone, this page,
    what cannot be read as an address."""
    address = urldefrag(address.strip()).url
    if not address or address.startswith(("mailto:", "tel:")):
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme in BY_NUMBER.values():
        return address
    if not parts.scheme and not parts.netloc and not parts.path.startswith("/"):
        return ""
    return address


def on_all_pages() -> dict[int, set[str]]:
    """Every published page of words of its own, and what it links to. Aliases repeat others'."""
    pages = Page.objects.live().filter(depth__gt=1, alias_of=None).specific()
    return {page.pk: in_page(page) for page in pages.iterator(chunk_size=100)}


def keep(found: dict[int, set[str]]) -> None:
    """Write down what was found; what no page links to any more is forgotten."""
    wanted = {address for addresses in found.values() for address in addresses}
    now = timezone.now()
    with use_case():
        LinkedAddress.objects.bulk_create(
            [LinkedAddress(address=address, since=now) for address in sorted(wanted)],
            ignore_conflicts=True,
        )
        numbers = dict(
            LinkedAddress.objects.filter(address__in=wanted).values_list("address", "pk")
        )
        PageLink.objects.bulk_create(
            [
                PageLink(page_id=page, address_id=numbers[address])
                for page, address in _pairs(found)
            ],
            ignore_conflicts=True,
        )
        current = set(_pairs(found))
        gone = [
            pk
            for pk, page, address in PageLink.objects.values_list(
                "pk", "page_id", "address__address"
            )
            if (page, address) not in current
        ]
        PageLink.objects.filter(pk__in=gone).delete()
        LinkedAddress.objects.filter(links=None).delete()


def _pairs(found: dict[int, set[str]]) -> Iterable[tuple[int, str]]:
    return [(page, address) for page, addresses in found.items() for address in sorted(addresses)]
