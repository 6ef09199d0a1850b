"""A table that staff fill cell by cell; its first column names the rows."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.contrib.typed_table_block.blocks import (
    TypedTable,
    TypedTableBlock,
    TypedTableBlockValidationError,
)
from wagtail_localize.segments import StringSegmentValue

MOST_COLUMNS, MOST_ROWS = 8, 100


class TableBlock(TypedTableBlock):
    """Columns of words and of numbers, with headings and a caption that says what they show."""

    text = blocks.CharBlock(required=False, max_length=300, label=_("Words"))
    number = blocks.DecimalBlock(
        required=False, max_digits=20, decimal_places=4, label=_("Numbers")
    )

    def clean(self, table: TypedTable) -> TypedTable:
        table = super().clean(table)
        wrong: list[Any] = []
        if not table.caption.strip():
            wrong.append(_("Write a caption: it says what the table shows."))
        if not table.columns or not table.row_data:
            wrong.append(_("A table needs one column and one row at least."))
        if any(not column["heading"].strip() for column in table.columns):
            wrong.append(_("Write a heading over each column."))
        if len(table.columns) > MOST_COLUMNS or len(table.row_data) > MOST_ROWS:
            wrong.append(
                _("Keep a table under %(columns)d columns and %(rows)d rows; split a longer one.")
                % {"columns": MOST_COLUMNS + 1, "rows": MOST_ROWS + 1}
            )
        if wrong:
            raise TypedTableBlockValidationError(non_block_errors=[ValidationError(wrong)])
        return table

    # Wagtail Localize knows no typed tables: these two say which words of one are translated.

    def get_translatable_segments(self, table: TypedTable) -> list[StringSegmentValue]:
        return [StringSegmentValue(path, words) for path, words in _words(table) if words]

    def restore_translated_segments(self, table: TypedTable, segments: list[Any]) -> TypedTable:
        found = {segment.path: segment.render_text() for segment in segments}
        table.caption = found.get("caption", table.caption)
        for number, column in enumerate(table.columns):
            column["heading"] = found.get(f"heading.{number}", column["heading"])
        for number, row in enumerate(table.row_data):
            for place, value in enumerate(row["values"]):
                row["values"][place] = found.get(f"cell.{number}.{place}", value)
        return table

    class Meta:
        label = _("Table")
        icon = "table"
        template = "home/blocks/table.html"
        description = _("Rows and columns with headings. The first column names the rows.")
        preview_value = {
            "caption": _("Systems by country"),
            "columns": [
                {"type": "text", "heading": _("Country")},
                {"type": "number", "heading": _("Systems")},
            ],
            "rows": [{"values": ["Malawi", 1]}, {"values": ["Tanzania", 3]}],
        }


def _words(table: TypedTable) -> Iterator[tuple[str, str]]:
    yield "caption", table.caption
    for number, column in enumerate(table.columns):
        yield f"heading.{number}", column["heading"]
    for number, row in enumerate(table.row_data):
        for place, value in enumerate(row["values"]):
            if isinstance(value, str):
                yield f"cell.{number}.{place}", value
